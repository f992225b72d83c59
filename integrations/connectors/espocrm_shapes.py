"""How EspoCRM writes things down: the fields of its metadata, and values. Pure.

https://docs.espocrm.com/administration/fields lists the types; composite ones (name, address) are
described by their parts as well, so the parts are what is offered.
"""

import re
from typing import Any, Mapping

from integrations.connectors.base import Attribute

_TYPES = {
    "varchar": "string",
    "url": "string",
    "urlMultiple": "list",
    "text": "text",
    "wysiwyg": "text",
    "email": "email",
    "phone": "phone",
    "date": "date",
    "datetime": "string",
    "datetimeOptional": "string",
    "bool": "boolean",
    "int": "number",
    "float": "number",
    "decimal": "number",
    "currency": "number",
    "enum": "choice",
    "enumInt": "choice",
    "multiEnum": "list",
    "array": "list",
    "checklist": "list",
}
_HIDDEN = ("disabled", "utility", "notStorable")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z")


def is_shown(defs: Mapping[str, Any]) -> bool:
    """Links and files are ids that no form can know; what isn't stored would be lost."""
    return defs.get("type") in _TYPES and not any(defs.get(name) for name in _HIDDEN)


def is_writable(defs: Mapping[str, Any]) -> bool:
    return not defs.get("readOnly")


def attribute(
    name: str, defs: Mapping[str, Any], labels: Mapping[str, Any], editable: bool
) -> Attribute:
    options = [str(one) for one in defs.get("options") or () if str(one)]
    words = _words(labels, "options", name)
    kind = _TYPES[str(defs["type"])]
    return Attribute(
        name=name,
        label=str(_words(labels, "fields").get(name) or _humane(name)),
        type=kind,
        required=bool(defs.get("required")),
        unique=name == "emailAddress",
        writable=is_writable(defs) and editable,
        options=(
            tuple((one, str(words.get(one) or one)) for one in options)
            if kind in ("choice", "list")
            else ()
        ),
    )


def _words(labels: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Labels of contacts where there are any, else those of everything."""
    found: dict[str, Any] = {}
    for scope in ("Global", "Contact"):
        place: Any = labels.get(scope)
        for part in path:
            place = place.get(part) if isinstance(place, Mapping) else None
        if isinstance(place, Mapping):
            found.update(place)
    return found


def _humane(name: str) -> str:
    """cFavouriteStore, a custom field, is the favourite store."""
    words = re.sub(r"([A-Z])", r" \1", re.sub(r"^c(?=[A-Z])", "", name)).lower().split()
    return " ".join(words).capitalize()


def sent(value: object, kind: str) -> object:
    """A moment in EspoCRM's notation, which is UTC as well."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found and kind in ("datetime", "datetimeOptional"):
        return f"{found[1]} {found[2]}"
    return value
