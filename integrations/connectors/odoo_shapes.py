"""How Odoo writes things down: fields, values of `write` and of `load`, names of people. Pure."""

import hashlib
import re
from typing import Any, Iterable, Mapping

from integrations.attribute_values import is_blank
from integrations.connectors.base import Attribute, MappedValue
from integrations.connectors.json_api import Person

NAME, EMAIL, PHONE, COUNTRY, TAGS = "name", "email", "phone", "country_id", "category_id"
# Odoo has one field for the whole name; the app partner_firstname adds two that are called so.
PARTS = ("firstname", "lastname")
_TYPES = {
    "char": "string",
    "text": "text",
    "html": "text",
    "date": "date",
    "datetime": "string",
    "boolean": "boolean",
    "integer": "number",
    "float": "number",
    "monetary": "number",
    "selection": "choice",
}
_BY_NAME = {EMAIL: "email", PHONE: "phone", "mobile": "phone"}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z")


def attributes(
    fields: Mapping[str, Mapping[str, Any]], countries: Mapping[str, str]
) -> list[Attribute]:
    """What a mapping can use; `countries` are code → name. Links to other records are ids that no
    form can know, but for the country and the tags."""
    found = [_attribute(n, f) for n, f in fields.items() if is_shown(f)]
    if not set(PARTS) & set(fields):
        found += [Attribute(PARTS[0], "First name", "string")]
        found += [Attribute(PARTS[1], "Last name", "string")]
    if COUNTRY in fields:
        options = tuple(countries.items())
        found.append(Attribute(COUNTRY, _label(COUNTRY, fields), "choice", options=options))
    if TAGS in fields:
        found.append(Attribute(TAGS, _label(TAGS, fields), "list"))
    return found


def is_shown(field: Mapping[str, Any]) -> bool:
    """What Odoo only works out is of no use to anybody who fills in fields."""
    return field["type"] in _TYPES and (bool(field.get("store")) or not field.get("readonly"))


def _attribute(name: str, field: Mapping[str, Any]) -> Attribute:
    kind = _TYPES[str(field["type"])]
    options = [(str(value), str(label)) for value, label in field.get("selection") or ()]
    return Attribute(
        name=name,
        label=str(field.get("string") or name),
        type=_BY_NAME.get(name, kind),
        required=bool(field.get("required")),
        unique=name == EMAIL,
        writable=not field.get("readonly"),
        options=tuple(options) if kind == "choice" else (),
    )


def _label(name: str, fields: Mapping[str, Mapping[str, Any]]) -> str:
    return str(fields[name].get("string") or name)


def is_writable(name: str, fields: Mapping[str, Mapping[str, Any]]) -> bool:
    if name in (COUNTRY, TAGS):
        return name in fields
    if name in PARTS and not set(PARTS) & set(fields):
        return True
    return name in fields and is_shown(fields[name]) and not fields[name].get("readonly")


def joined_names(person: Person, fields: Mapping[str, Any]) -> dict[str, MappedValue]:
    """The values of a mapping, with first and last name as the one name. Half a name never takes
    the place of a whole one."""
    values = dict(person.record.values)
    if set(PARTS) & set(fields):
        return values
    parts = [one for one in (values.pop(part, None) for part in PARTS) if one is not None]
    given = [str(part.value).strip() for part in parts if not is_blank(part.value)]
    if given and NAME not in values:
        careful = len(given) < 2 or any(part.mode == "only_if_empty" for part in parts)
        values[NAME] = MappedValue(" ".join(given), "only_if_empty" if careful else "overwrite")
    return values


def split_name(name: object) -> dict[str, object]:
    """For reading back: the last word is the last name."""
    first, _, last = str(name or "").rpartition(" ")
    return {PARTS[0]: first or last or None, PARTS[1]: last if first else None}


def blank(value: object) -> object:
    """Odoo says false for nothing, whatever the field."""
    return None if value is False else value


def written(value: object, kind: str) -> object:
    """A moment in Odoo's notation, which is UTC as well."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) and kind == "datetime" else None
    return f"{found[1]} {found[2]}" if found else value


def columns(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as a row of `load`, which takes texts as a spreadsheet has them."""
    row: dict[str, str] = {}
    for name, value in values.items():
        if name == TAGS:
            row[f"{TAGS}/.id"] = ",".join(str(id) for _, id, *_ in value)
        elif name == COUNTRY:
            row[f"{COUNTRY}/.id"] = str(value)
        else:
            row[name] = {True: "1", False: "0"}[value] if isinstance(value, bool) else str(value)
    return row


def external_id(person: Person) -> str:
    """Odoo keeps these unique, whoever writes in the same moment. Without the address itself:
    administrators see them in lists."""
    key = f"{person.identity.kind}:{person.identity.value}"
    return f"customerinfo.person_{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def any_of(conditions: Iterable[list[Any]]) -> list[Any]:
    """A domain in Odoo's Polish notation."""
    found = list(conditions)
    return ["|"] * (len(found) - 1) + found
