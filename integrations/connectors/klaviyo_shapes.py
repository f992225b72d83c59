"""How Klaviyo writes a profile down: its own attributes, a location inside, properties of any name.
Pure."""

from dataclasses import dataclass
from typing import Any, Mapping

from integrations.connectors.base import Attribute
from integrations.connectors.json_api import Person

SUBSCRIPTIONS = " subscriptions"  # among what is held; no property's name begins with a blank
SIGNUP_ID, TEST_MARK = "CustomerInfo sign-up", "CustomerInfo test"
# The attributes that Klaviyo itself knows; a dot leads into `location`.
FIXED: tuple[Attribute, ...] = (
    Attribute("email", "Email", "email", unique=True),
    Attribute("phone_number", "Phone number", "phone", unique=True),
    Attribute("external_id", "External ID", "string", unique=True),
    Attribute("first_name", "First name", "string"),
    Attribute("last_name", "Last name", "string"),
    Attribute("organization", "Organization", "string"),
    Attribute("title", "Title", "string"),
    Attribute("locale", "Locale", "string"),
    Attribute("location.address1", "Address line 1", "string"),
    Attribute("location.address2", "Address line 2", "string"),
    Attribute("location.zip", "Zip code", "string"),
    Attribute("location.city", "City", "string"),
    Attribute("location.region", "State or region", "string"),
    Attribute("location.country", "Country", "string"),
)
_TOP = {attribute.name for attribute in FIXED if "." not in attribute.name}
IDENTIFIERS = {"email": "email", "phone": "phone_number", "external": "external_id"}


@dataclass(frozen=True)
class Profile:
    """`held` is under the names that a mapping has for it, with the subscriptions as they came."""

    id: str
    held: Mapping[str, object]


def kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, list):
        return "list"
    return "string" if isinstance(value, str) else ""


def held_by(attributes: Mapping[str, Any]) -> dict[str, object]:
    """A profile's attributes under the names that a mapping has for them."""
    held = {name: attributes.get(name) for name in _TOP}
    held |= {f"location.{k}": v for k, v in (attributes.get("location") or {}).items()}
    held |= dict(attributes.get("properties") or {})
    return {**held, SUBSCRIPTIONS: dict(attributes.get("subscriptions") or {})}


def attributes_of(person: Person) -> dict[str, Any]:
    """The attributes of a profile, from the names that a mapping has for them."""
    shaped: dict[str, Any] = {}
    properties: dict[str, Any] = {SIGNUP_ID: person.refs[-1]}
    if person.record.is_test:
        properties[TEST_MARK] = True
    for name, value in person.values().items():
        if name in _TOP:
            shaped[name] = value
        elif name.startswith("location."):
            shaped.setdefault("location", {})[name.removeprefix("location.")] = value
        else:
            properties[name] = value
    if not person.remote_id:
        shaped.setdefault(IDENTIFIERS[person.identity.kind], person.identity.value)
    return {**shaped, "properties": properties}
