"""How Shopify writes things down: customers, their metafields and addresses. Pure."""

import json
import re
from typing import Any, Mapping

from integrations.connectors.base import Attribute
from integrations.connectors.json_api import Person

EMAIL, PHONE, NOTE, TAGS, LOCALE = "email", "phone", "note", "tags", "locale"
OWN = (
    Attribute(EMAIL, "E-mail", "email", unique=True),
    Attribute(PHONE, "Phone", "phone", unique=True),
    Attribute("firstName", "First name", "string"),
    Attribute("lastName", "Last name", "string"),
    Attribute(LOCALE, "Language", "string"),
    Attribute(NOTE, "Note", "text"),
    Attribute(TAGS, "Tags", "list"),
)
ADDRESS = "address."
_PARTS = {
    "address1": "Address",
    "address2": "Apartment, suite, etc.",
    "city": "City",
    "zip": "Postal code",
    "provinceCode": "Province or state, by its code",
    "countryCode": "Country, by its code",
    "company": "Company",
}
ADDRESSES = tuple(Attribute(ADDRESS + n, label, "string") for n, label in _PARTS.items())
_TYPES = {
    "single_line_text_field": "string",
    "multi_line_text_field": "text",
    "url": "string",
    "boolean": "boolean",
    "number_integer": "number",
    "number_decimal": "number",
    "date": "date",
    "date_time": "string",
    "list.single_line_text_field": "list",
}
FIELDS = """id email: defaultEmailAddress { emailAddress marketingState }
phone: defaultPhoneNumber { phoneNumber marketingState } firstName lastName locale note tags
defaultAddress { id address1 address2 city zip provinceCode countryCode: countryCodeV2 company
firstName lastName phone }"""
LINES = "our lines"  # no attribute has a blank in its name
_LINE = re.compile(r"(?:Test sign|Sign)-up \S+ from CustomerInfo")
NOTE_LENGTH = 5000  # characters that Shopify takes


def metafield(definition: Mapping[str, Any]) -> Attribute | None:
    """None for kinds that no form can fill in: references, files, measures."""
    kind = str(definition["type"]["name"])
    if kind not in _TYPES:
        return None
    options: list[str] = []
    for rule in definition.get("validations") or ():
        if rule["name"] == "choices":
            options = [str(one) for one in json.loads(rule["value"])]
    choice = options and _TYPES[kind] == "string"
    return Attribute(
        name=f"{definition['namespace']}.{definition['key']}",
        label=str(definition.get("name") or definition["key"]),
        type="choice" if choice else _TYPES[kind],
        options=tuple((one, one) for one in options),
    )


def held(customer: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """What Shopify holds, under the names that a mapping has for it; `kinds` are the types of
    metafields by name. The note without our own lines, which LINES holds."""
    address = dict(customer.get("defaultAddress") or {})
    found = {
        **{name: customer.get(name) for name in ("firstName", "lastName", LOCALE, NOTE)},
        EMAIL: (customer.get(EMAIL) or {}).get("emailAddress"),
        PHONE: (customer.get(PHONE) or {}).get("phoneNumber"),
        TAGS: list(customer.get(TAGS) or ()),
        **{ADDRESS + name: address.get(name) for name in _PARTS},
    }
    lines = str(customer.get(NOTE) or "").splitlines()
    found[NOTE] = "\n".join(line for line in lines if not _LINE.fullmatch(line)) or None
    found[LINES] = [line for line in lines if _LINE.fullmatch(line)]
    for one in (customer.get("metafields") or {}).get("nodes", ()):
        name, value = f"{one['namespace']}.{one['key']}", one["value"]
        found[name] = json.loads(value) if kinds.get(name, "").startswith("list.") else value
    return found


def text(value: object, kind: str) -> str:
    """A value of a metafield, which is a text of its own notation."""
    if kind.startswith("list."):
        return json.dumps(list(value) if isinstance(value, (list, tuple)) else [value])
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def noted(person: Person, note: str) -> str:
    """The note, and under it a line for each sign-up; the oldest go when it gets too long."""
    what = "Test sign-up" if person.record.is_test else "Sign-up"
    old: list[str] = person.existing.get(LINES) or []  # type: ignore[assignment]
    lines = [*old, *(f"{what} {ref} from CustomerInfo" for ref in person.refs)]
    lines = list(dict.fromkeys(lines))
    while len(lines) > 1 and len(note) + sum(len(line) + 1 for line in lines) > NOTE_LENGTH:
        del lines[0]
    return "\n".join(filter(None, [note, *lines]))


def gid(remote_id: str) -> str:
    return f"gid://shopify/Customer/{remote_id}"


def number(gid: object) -> str:
    return str(gid).rpartition("/")[2]
