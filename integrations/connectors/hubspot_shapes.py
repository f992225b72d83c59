"""How HubSpot writes things down: properties, contacts, errors. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Any, Mapping

from integrations.connectors.base import Attribute
from integrations.connectors.json_api import Person, understood
from integrations.http_answer import HttpAnswer

OTHER_ADDRESSES, MERGED_IDS = "hs_additional_emails", "hs_merged_object_ids"
# What each right is for, in the words of the error that names a missing one.
RIGHTS = {
    "crm.objects.contacts.read": "read contacts",
    "crm.objects.contacts.write": "write contacts",
    "crm.schemas.contacts.read": "read the properties of contacts",
    "crm.schemas.contacts.write": "add a property to contacts",
    "communication_preferences.read_write": "read and change subscriptions",
}
_TYPES = {
    "string": "string",
    "number": "number",
    "date": "date",
    "datetime": "string",
    "enumeration": "choice",
    "bool": "boolean",
    "phone_number": "phone",
}
_FIELD_TYPES = {"textarea": "text", "html": "text", "checkbox": "list", "phonenumber": "phone"}


def attribute(item: Mapping[str, Any]) -> Attribute:
    name = str(item["name"])
    kind = _FIELD_TYPES.get(item["fieldType"], _TYPES.get(item["type"], "string"))
    fixed = item.get("modificationMetadata", {}).get("readOnlyValue") or item.get("calculated")
    options = [one for one in item.get("options", ()) if not one.get("hidden")]
    # "enumeration" without options is an owner or a team: an id that no form can know.
    foreign = kind in ("choice", "list") and not options
    return Attribute(
        name=name,
        label=str(item.get("label") or name),
        type="email" if name == "email" else kind,
        unique=bool(item.get("hasUniqueValue")) or name == "email",
        writable=not fixed and not foreign,
        options=(
            tuple((str(o["value"]), str(o["label"])) for o in options)
            if kind in ("choice", "list")
            else ()
        ),
    )


@dataclass(frozen=True)
class Contact:
    id: str
    properties: Mapping[str, Any]

    @property
    def ids(self) -> set[str]:
        """Its own, and those of the contacts that were merged into it."""
        return {self.id, *parts(self.properties.get(MERGED_IDS))}

    @property
    def addresses(self) -> list[str]:
        first = str(self.properties.get("email") or "").lower()
        return [first, *parts(self.properties.get(OTHER_ADDRESSES))]


def contacts(answer: HttpAnswer) -> list[Contact]:
    """Of a read or a search."""
    with understood():
        found = answer.json()["results"]
        return [Contact(str(one["id"]), dict(one["properties"])) for one in found]


def known_as(person: Person, contact: Contact) -> None:
    """This is who it is. What was several values is text there, with semicolons between."""
    person.remote_id = contact.id
    held = dict(contact.properties)
    for name, mapped in person.record.values.items():
        if isinstance(mapped.value, (list, tuple)):
            held[name] = parts(held.get(name))
    person.existing = held


def parts(text: object) -> list[str]:
    return [part.strip() for part in str(text or "").split(";") if part.strip()]


def as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def our_id(person: Person) -> str:
    return f"{person.identity.kind}:{person.identity.value}"


def existing_id(error: Mapping[str, Any]) -> str:
    """Who has this address already, of a conflict."""
    found = re.search(r"Existing ID: (\d+)", str(error.get("message", "")))
    return found[1] if found and error.get("category") == "CONFLICT" else ""


def named(error: Mapping[str, Any]) -> tuple[str, str]:
    """The most precise name that HubSpot gives; a missing right is named in words."""
    category, message = str(error["category"]), str(error.get("message", ""))
    details = [one for one in error.get("errors") or () if isinstance(one, dict)]
    if category == "MISSING_SCOPES":
        found = [error.get("context", {}), *(one.get("context", {}) for one in details)]
        names = ("missingScopes", "requiredGranularScopes", "requiredScopes")
        scopes = [scope for one in found for name in names for scope in one.get(name, ())]
        return category, lacking(list(dict.fromkeys(scopes)))
    code = next((str(one["code"]) for one in details if one.get("code")), "")
    for one in [] if code else _inside(message):
        code, message = str(one["error"]), f"{one.get('name', '')}: {one.get('message', '')}"
    return code or category, message


def _inside(message: str) -> list[Mapping[str, Any]]:
    """The errors that batches put into the text, as JSON."""
    try:
        found = json.loads(message[message.index("[") :])
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict) and "error" in one]


def lacking(rights: list[str]) -> str:
    words = [f"{RIGHTS[one]} ({one})" if one in RIGHTS else one for one in rights]
    return f"The key lacks these rights: {', '.join(words) or 'HubSpot does not say which'}."
