"""Our side of a mapping. The app that owns the fields registers how they are listed.

A hook, because imports run one way: this app knows connections, not pages.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """`key` is what a mapping row calls its source, such as meaning:email."""

    key: str
    label: str
    sample: str


_providers: list[Callable[[], list[Source]]] = []


def register(provider: Callable[[], list[Source]]) -> None:
    if provider not in _providers:
        _providers.append(provider)


def our_fields() -> list[Source]:
    """What the retailer whose schema is active can map."""
    return [source for provider in _providers for source in provider()]
