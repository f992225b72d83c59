"""The kinds of CRM that a retailer can choose from, in a retailer's words."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from integrations.connectors import CONNECTORS, connector_class
from integrations.connectors.webhook import new_secret

# What the connector's own class doesn't say: one sentence, and Wagtail's icon.
SUMMARIES = {
    "sandbox": "A small CRM that comes with the demo. See your sign-ups turn into contacts.",
    "webhook": "Send each sign-up to an address of your own: Zapier, Make, n8n, your web shop.",
}
ICONS = {"sandbox": "group", "webhook": "code"}
DEMO_ONLY = {"sandbox"}
# Secrets that we hand out instead of asking for them: (kind, field) → a new one.
SUGGESTED: dict[tuple[str, str], Callable[[], str]] = {("webhook", "secret"): new_secret}


@dataclass(frozen=True)
class Kind:
    key: str
    label: str
    summary: str
    icon: str


def offered() -> list[Kind]:
    """What can be connected here; a CRM that exists in the demo only isn't offered elsewhere."""
    kinds = [key for key in CONNECTORS if settings.DEMO or key not in DEMO_ONLY]
    return [
        Kind(
            key,
            label(key),
            SUMMARIES.get(key, f"Send your sign-ups to {label(key)}."),
            ICONS.get(key, "link"),
        )
        for key in kinds
    ]


def label(key: str) -> str:
    return connector_class(key).label
