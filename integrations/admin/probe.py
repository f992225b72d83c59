"""Asks a CRM who we are to it and what it knows, and puts its refusals into words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from integrations.connectors import connector_class
from integrations.connectors.base import (
    Account,
    Attribute,
    ConnectorError,
    CredentialsRefused,
)
from integrations.http import seen_skew
from integrations.tasks import http

# Failures that come from where we asked, not from how: they are shown at the address.
_ADDRESS = (
    "blocked",
    "refused",
    "timeout",
    "reset",
    "dns",
    "tls",
    "too_large",
    "bad_answer",
    "wrong_address",
    "unavailable",
)
WRONG_CLOCK = 180  # seconds
_SHORTEST_SECRET = 4  # hiding shorter ones would tear holes into ordinary words


@dataclass(frozen=True)
class Probed:
    """`skew`: seconds by which the CRM's clock is ahead of ours."""

    account: Account
    attributes: tuple[Attribute, ...]
    skew: float = 0

    def attributes_json(self) -> list[dict]:
        """As Connection.described reads them back."""
        return [asdict(attribute) for attribute in self.attributes]

    def sentence(self) -> str:
        """Who it is connected to, as the CRM says."""
        detail = f" ({self.account.detail.rstrip('.')})" if self.account.detail else ""
        return f"Connected to {self.account.name}{detail}.{self.about_its_clock()}"

    def about_its_clock(self) -> str:
        """A word where it is so wrong that tokens and signatures may be refused."""
        if abs(self.skew) < WRONG_CLOCK:
            return ""
        minutes, way = round(abs(self.skew) / 60), "ahead of" if self.skew > 0 else "behind"
        return f" Its clock is {minutes} minutes {way} ours: tokens may be refused too early."


def probe(kind: str, config: Mapping[str, str]) -> Probed:
    """`config` with its secrets. Raises ConnectorError; no transaction may be open."""
    connector = connector_class(kind)(config, http())
    seen_skew.set(None)
    account, attributes = connector.check(), tuple(connector.describe())
    return Probed(account, attributes, seen_skew.get() or 0)


def explain(error: ConnectorError, secrets: Mapping[str, object]) -> tuple[str, str]:
    """(which kind of field it belongs to: "url", "secret" or "", what to tell the retailer)."""
    message = redacted(error.message or f"It said “{error.code}”.", secrets)
    if error.code in _ADDRESS:
        return "url", f"We can't reach a CRM there. {message}"
    if isinstance(error, CredentialsRefused):
        return "secret", f"The CRM refused us. {message}"
    return "", f"The CRM can't be asked right now. {message} Please try again in a moment."


def redacted(text: str, secrets: Mapping[str, object]) -> str:
    """Some CRMs repeat the key that they refuse."""
    for secret in secrets.values():
        if isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "•••")
    return text
