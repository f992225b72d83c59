"""The attributes of a contact, in this vendor's own vocabulary, and what each one accepts."""

import re
from datetime import date
from typing import Any

_LANGUAGES = {
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "sv": "Swedish",
    "tr": "Turkish",
}

# `match` marks what contacts can be found and upserted by.
ATTRIBUTES: tuple[dict[str, Any], ...] = (
    {"name": "email", "label": "E-mail", "type": "email", "match": True},
    {"name": "first_name", "label": "First name", "type": "line"},
    {"name": "last_name", "label": "Last name", "type": "line"},
    {"name": "mobile", "label": "Mobile", "type": "phone", "match": True},
    {"name": "birthday", "label": "Birthday", "type": "date"},
    {
        "name": "language",
        "label": "Language",
        "type": "select",
        "options": [{"value": code, "label": name} for code, name in _LANGUAGES.items()],
    },
    {"name": "store", "label": "Store", "type": "line"},
    {"name": "favourite", "label": "Favourite", "type": "line"},
    {"name": "marketing_consent", "label": "Marketing consent", "type": "yesno"},
    {"name": "marketing_consent_text", "label": "Agreed to", "type": "longtext"},
    {"name": "tags", "label": "Tags", "type": "tags"},
    {"name": "notes", "label": "Notes", "type": "longtext"},
    {"name": "signup_id", "label": "Sign-up id", "type": "line", "match": True},
    {"name": "points", "label": "Points", "type": "number", "read_only": True},
)
BY_NAME = {attribute["name"]: attribute for attribute in ATTRIBUTES}
MATCHES = tuple(attribute["name"] for attribute in ATTRIBUTES if attribute.get("match"))
_LENGTHS = {"line": 255, "longtext": 20_000}


class Refused(Exception):
    """One contact that this CRM doesn't take, with the vendor's name for the reason."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


def check_attributes(values: Any) -> dict[str, Any]:
    """The values, if every one may be written as it is; null clears. Raises Refused."""
    if not isinstance(values, dict):
        raise Refused("invalid_contact", "The attributes must be an object.")
    for name, value in values.items():
        attribute = BY_NAME.get(name)
        if attribute is None:
            raise Refused("unknown_attribute", f"There is no attribute {name!r}.")
        if attribute.get("read_only"):
            raise Refused("read_only_attribute", f"The attribute {name!r} can't be written.")
        if value is not None:
            _check(attribute, value)
    return values


def _check(attribute: dict[str, Any], value: Any) -> None:
    name, kind = attribute["name"], attribute["type"]
    if kind == "yesno":
        if not isinstance(value, bool):
            raise Refused("invalid_value", f"{name} must be true or false.")
        return
    if kind == "tags":
        if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
            raise Refused("invalid_value", f"{name} must be a list of texts.")
        return
    if not isinstance(value, str):
        raise Refused("invalid_value", f"{name} must be a text.")
    if len(value) > _LENGTHS.get(kind, 255):
        raise Refused("too_long", f"{name} is too long.")
    if kind == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s.]+", value):
        raise Refused("invalid_email", f"{value!r} is not an e-mail address.")
    if kind == "phone" and not re.fullmatch(r"\+[0-9]{5,15}", value):
        raise Refused("invalid_phone", f"{name} must be in E.164, as in +4915112345678.")
    if kind == "select" and value not in {one["value"] for one in attribute["options"]}:
        raise Refused("invalid_option", f"{name} has no option {value!r}.")
    if kind == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            raise Refused("invalid_date", f"{name} must be a date, as in 1990-05-17.") from None
