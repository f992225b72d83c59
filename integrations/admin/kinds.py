"""The kinds of CRM that a retailer can choose from, in a retailer's words."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from integrations import oauth
from integrations.connectors import CONNECTORS, connector_class
from integrations.connectors.webhook import new_secret

# Secrets that we hand out instead of asking for them: (kind, field) → a new one.
SUGGESTED: dict[tuple[str, str], Callable[[], str]] = {("webhook", "secret"): new_secret}


@dataclass(frozen=True)
class Kind:
    """`by_consent`: the CRM's own page can let us in; `by_key`: a key can, which the form asks."""

    key: str
    label: str
    summary: str
    icon: str
    by_consent: bool
    by_key: bool


def offered() -> list[Kind]:
    """What can be connected here: not a CRM that exists in the demo only, and none that lets us
    in only as an app of the operator, who has none there (see integrations.checks)."""
    found = [kind(key) for key in CONNECTORS]
    return [
        one
        for one in found
        if (one.by_consent or one.by_key)
        and (settings.DEMO or not connector_class(one.key).demo_only)
    ]


def kind(key: str) -> Kind:
    connector = connector_class(key)
    return Kind(
        key,
        connector.label,
        connector.summary or f"Send your sign-ups to {connector.label}.",
        connector.icon,
        by_consent=oauth.client(key) is not None,
        by_key=connector.oauth is None or any(field.secret for field in connector.config_fields),
    )


def label(key: str) -> str:
    return connector_class(key).label
