"""Our side of a mapping. The app that owns the fields registers how they are listed.

A hook, because imports run one way: this app knows connections, not pages.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """`key` is what a mapping row calls its source, such as meaning:email. `type` is one of
    attribute_values.SOURCE_TYPES; `options` are (id, label) of a choice, as they are stored."""

    key: str
    label: str
    sample: str
    type: str = "text"
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ConsentSource:
    """One consent box of a page that is live. `key` is the field's."""

    key: str
    purpose: str
    wording: str
    page: str


@dataclass(frozen=True)
class Provider:
    fields: Callable[[], list[Source]]
    consents: Callable[[], list[ConsentSource]]
    country: Callable[[], str]


_providers: list[Provider] = []


def register(
    fields: Callable[[], list[Source]],
    consents: Callable[[], list[ConsentSource]] = list,
    country: Callable[[], str] = str,
) -> None:
    provider = Provider(fields, consents, country)
    if provider not in _providers:
        _providers.append(provider)


def our_fields() -> list[Source]:
    """What the retailer whose schema is active can map."""
    return [source for provider in _providers for source in provider.fields()]


def our_consents() -> list[ConsentSource]:
    """The consent boxes of the live pages of the retailer whose schema is active."""
    return [source for provider in _providers for source in provider.consents()]


def home_country() -> str:
    """Where this retailer's shops are (ISO 3166 alpha-2), as far as it is known."""
    return next(filter(None, (provider.country() for provider in _providers)), "")
