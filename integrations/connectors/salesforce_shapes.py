"""How Salesforce writes things down: fields, values, texts inside of queries. Pure."""

from typing import Any, Iterable, Mapping

from integrations.connectors.base import Attribute
from integrations.connectors.json_api import Person

OUR_ID = "CustomerInfo_ID__c"  # an external id that the retailer may add to contacts
OPT_OUT = "HasOptedOutOfEmail"
_TYPES = {
    "string": "string",
    "encryptedstring": "string",
    "textarea": "text",
    "email": "email",
    "phone": "phone",
    "url": "string",
    "date": "date",
    "datetime": "string",
    "boolean": "boolean",
    "int": "number",
    "double": "number",
    "currency": "number",
    "percent": "number",
    "picklist": "choice",
    "combobox": "string",
    "multipicklist": "list",
}


def is_shown(field: Mapping[str, Any]) -> bool:
    """Links to other records are ids that no form can know; two fields are ours to write."""
    return field.get("type") in _TYPES and field["name"] not in (OUR_ID, OPT_OUT)


def is_writable(field: Mapping[str, Any] | None) -> bool:
    return bool(field and is_shown(field) and field.get("createable") and field.get("updateable"))


def attribute(field: Mapping[str, Any]) -> Attribute:
    name, kind = str(field["name"]), _TYPES[str(field["type"])]
    options = [one for one in field.get("picklistValues") or () if one.get("active")]
    optional = field.get("nillable") or field.get("defaultedOnCreate")
    return Attribute(
        name=name,
        label=str(field.get("label") or name),
        type=kind,
        required=bool(field.get("createable")) and not optional,
        unique=bool(field.get("unique")) or name == "Email",
        writable=is_writable(field),
        options=(
            tuple((str(one["value"]), str(one["label"])) for one in options)
            if kind in ("choice", "list")
            else ()
        ),
    )


def known_as(person: Person, contact: Mapping[str, Any]) -> None:
    """This is who it is. What was several values is text there, with semicolons between."""
    person.remote_id = str(contact["Id"])
    held = dict(contact)
    for name, mapped in person.record.values.items():
        if isinstance(mapped.value, (list, tuple)):
            held[name] = [part for part in str(held.get(name) or "").split(";") if part]
    person.existing = held


def sent(value: object) -> object:
    return ";".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def our_id(person: Person) -> str:
    return f"{person.identity.kind}:{person.identity.value}"[:255]


def quoted(values: Iterable[str]) -> str:
    """Texts for IN (…) of a query. Nothing in them can end the text."""
    return ", ".join(f"'{_escaped(value)}'" for value in values)


def like(text: str) -> str:
    """A text for LIKE that contains this one."""
    escaped = _escaped(text).replace("%", "\\%").replace("_", "\\_")
    return f"'%{escaped}%'"


def _escaped(value: str) -> str:
    value = value.replace("\\", "\\\\").replace("'", "\\'")
    return "".join(char for char in value if char.isprintable())
