"""How Mailchimp writes things down: fields, keys, birthdays. Pure."""

import hashlib
import re
from typing import Any, Mapping

from integrations.connectors.base import Attribute

_TYPES = {
    "number": "number",
    "date": "date",
    "phone": "phone",
    "radio": "choice",
    "dropdown": "choice",
}


def attribute(item: Mapping[str, Any]) -> Attribute:
    name, options = str(item["tag"]), item.get("options") or {}
    hint = " (month and day)" if item["type"] == "birthday" else ""
    return Attribute(
        name=name,
        label=f"{item['name']}{hint}",
        type=_TYPES.get(item["type"], "string"),
        required=item.get("required") is True,
        # An address is four values at once, of which Mailchimp wants three: no single field fits.
        writable=item["type"] != "address",
        options=tuple((str(one), str(one)) for one in options.get("choices") or ()),
    )


def member_key(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def month_and_day(value: object) -> object:
    """Month and day as Mailchimp wants them, of 1990-05-17 or 05-17; anything else as it is."""
    found = re.fullmatch(r"(?:\d{4}-)?(\d\d)-(\d\d)", str(value))
    return f"{found[1]}/{found[2]}" if found else value
