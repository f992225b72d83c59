"""Turning a sign-up's value into the type that a CRM attribute wants. Pure.

Every conversion answers (value, reason): the value is None where the attribute can't hold it, and
the reason says in words what had to be left out. What can never fit is known before (`fits`), so
that nobody chooses it.
"""

import re
from datetime import date, datetime, timezone
from typing import Any

from integrations.connectors.base import Attribute

_YES = ("yes", "true", "on", "1")
_NO = ("no", "false", "off", "0")
_YEARLESS = re.compile(r"--\d\d-\d\d")

# What a source's values are → in words. The type of a constant or template is text.
SOURCE_TYPES = {
    "text": "a text",
    "long_text": "a long text",
    "email": "an e-mail address",
    "phone": "a phone number",
    "date": "a date",
    "birthday": "a birthday",
    "moment": "a date and time",
    "number": "a number",
    "choice": "a choice",
    "choices": "several choices",
    "yes_no": "yes or no",
    "consent": "a consent",
    "country": "a country",
}
# The attribute's type → what it holds, and which sources can go there. A type that isn't listed
# takes anything, as string and text do.
_HOLDS = {
    "email": ("an e-mail address", ("email", "text")),
    "phone": ("a phone number", ("phone", "text")),
    "date": ("a date", ("date", "birthday", "moment", "text")),
    "boolean": ("yes or no", ("yes_no", "consent", "choice", "text")),
    "number": ("a number", ("number", "choice", "text")),
    "choice": (
        "one of a list",
        ("choice", "text", "country", "number", "yes_no", "consent"),
    ),
    "list": (
        "several words",
        (
            *("text", "long_text", "email", "phone", "number", "choice", "choices"),
            *("country", "yes_no", "consent"),
        ),
    ),
}


def fits(source_type: str, attribute: Attribute) -> str:
    """Why values of this type can never go into this attribute; "" if they can. That a single
    value turns out not to fit (a text that is no number) is for `convert`."""
    if not attribute.writable:
        return "The CRM fills this in by itself."
    holds, takes = _HOLDS.get(attribute.type, ("", SOURCE_TYPES))
    if source_type in takes or source_type not in SOURCE_TYPES:
        return ""
    return f"It holds {holds}: {SOURCE_TYPES[source_type]} can't go there."


def is_blank(value: object) -> bool:
    """Nothing that a CRM should ever be told. False and 0 are answers."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)


def plain(text: str) -> str:
    """For comparing names: without case, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", text.casefold())


def readable(value: Any) -> Any:
    """The value as it travels where no type is asked for: moments as ISO 8601 in UTC, a birthday
    without a year, which is stored as --05-17, as 05-17, anything else as it is."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and _YEARLESS.fullmatch(value):
        return value[2:]
    return value


def convert(value: Any, attribute: Attribute) -> tuple[Any, str]:
    """The value in the attribute's type, and why it, or a part of it, had to be left out."""
    if attribute.type in ("choice", "list"):
        return _to_options(value, attribute)
    if attribute.type == "boolean":
        return _to_boolean(value)
    if attribute.type == "date":
        return _to_date(value)
    if attribute.type == "number":
        return _to_number(value)
    return to_text(value), ""


def to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(to_text(one) for one in value)
    return str(readable(value))


def _to_boolean(value: Any) -> tuple[bool | None, str]:
    word = str(value).strip().lower()
    if word in _YES or word in _NO:
        return word in _YES, ""
    return None, "The answer is neither yes nor no."


def _to_number(value: Any) -> tuple[float | None, str]:
    text = str(value).strip().replace(",", ".")
    if re.fullmatch(r"[+-]?[0-9]{1,15}", text):
        return int(text), ""
    if re.fullmatch(r"[+-]?[0-9]{1,15}\.[0-9]{1,15}", text):
        return float(text), ""
    return None, "The answer isn't a number."


def _to_date(value: Any) -> tuple[str | None, str]:
    """Only a whole date: inventing a year would make a person 126 years old in the CRM."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).date().isoformat(), ""
    text = str(value).strip()
    if _YEARLESS.fullmatch(text):
        return None, "The date has no year, and the attribute wants one."
    try:
        return date.fromisoformat(text).isoformat(), ""
    except ValueError:
        return None, "The answer isn't a date."


def _to_options(value: Any, attribute: Attribute) -> tuple[Any, str]:
    """Each value as the option of the same value or label, in any case and spacing; any text
    where the attribute lists no options."""
    texts = [to_text(one) for one in (value if isinstance(value, list) else [value])]
    if attribute.type == "choice" and len(texts) > 1:
        return None, "The attribute holds one option, and several were chosen."
    found, reason = list(dict.fromkeys(texts)), ""
    if attribute.options:
        by_name = {plain(label): option for option, label in attribute.options}
        by_name.update({plain(option): option for option, _ in attribute.options})
        found = list(dict.fromkeys(by_name[plain(t)] for t in texts if plain(t) in by_name))
        missing = [text for text in texts if plain(text) not in by_name]
        reason = f"The CRM has no option {', '.join(missing)}." if missing else ""
    if attribute.type == "list":
        return found, reason
    return (found[0] if found else None), reason
