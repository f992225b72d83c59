"""Transforms as one drop-down list: date:DD/MM/YYYY in the form, a Transform in the mapping."""

from collections.abc import Iterable

from integrations.connectors.base import Attribute
from integrations.countries import COUNTRIES
from integrations.transforms import ARGUMENTS, COUNTRY_FORMS, DATE_PATTERNS, Transform

AS_IT_IS = ("", "Leave it as it is")
OPTIONS = "options"
_TEXT = [
    ("trim", "Without spare blanks"),
    ("lower", "in small letters"),
    ("upper", "IN CAPITALS"),
    ("title", "With Capital Initials"),
]
_TABLE = [(OPTIONS, "Our options → theirs")]
_DATES = [
    (
        f"date:{pattern}",
        "Date as " + pattern.replace("DD", "31").replace("MM", "12").replace("YYYY", "1990"),
    )
    for pattern in DATE_PATTERNS
]
_COUNTRIES = [
    (f"country:{form}", f"Country as {COUNTRIES['NL'][number]}")
    for number, form in enumerate(COUNTRY_FORMS)
]
_BY_TYPE = {
    "text": [*_TEXT, *_COUNTRIES],
    "long_text": _TEXT,
    "email": _TEXT[:2],
    "date": _DATES,
    "birthday": _DATES,
    "moment": _DATES,
    "choice": [*_TABLE, *_TEXT],
    "choices": [*_TABLE, *_TEXT],
    "yes_no": _TABLE,
    "consent": _TABLE,
    "country": _COUNTRIES,
}
_NOT_FOR = {  # kind → types of attributes that have one form of their own
    "date": ("date",),
    "e164": ("email", "date", "number", "boolean"),
    "country": ("email", "phone", "date", "number", "boolean"),
}


def choices(
    source_type: str, country: str, stored: Iterable[Transform] = ()
) -> list[tuple[str, str]]:
    """What can be done to values of this type; `country` is where the shop is. What is stored
    stays on offer whatever it is."""
    found = [AS_IT_IS, *_BY_TYPE.get(source_type, [])]
    if source_type == "text" and country in COUNTRIES:
        found.append((f"e164:{country}", f"Phone number, from {COUNTRIES[country][2]}"))
    for key in map(to_text, stored):
        if key and key not in dict(found):
            found.append((key, key.replace(":", " ")))
    return found


def to_text(transform: Transform | None) -> str:
    """As the drop-down list calls it; "" for none, and for a constant or template."""
    if transform is None or ARGUMENTS[transform.kind] == "text":
        return ""
    return f"{transform.kind}:{transform.argument}" if transform.argument else transform.kind


def from_text(text: str, table: dict[str, str]) -> Transform | None:
    """What was chosen of `choices`; `table` is for our options → theirs."""
    kind, _, argument = text.partition(":")
    if not kind:
        return None
    return Transform(kind, argument, tuple(table.items()) if kind == OPTIONS else ())


def refusal(transform: Transform | None, attribute: Attribute | None) -> str:
    """Why this change makes no sense for this attribute; "" if it does."""
    if transform is None or attribute is None:
        return ""
    if attribute.type in _NOT_FOR.get(transform.kind, ()):
        return f"{attribute.label} has a form of its own: leave the value as it is."
    return ""


def options_of(source_type: str, options: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """(key in the table, our label) of what can be answered; nothing where it isn't a choice."""
    if source_type in ("yes_no", "consent"):
        return [("true", "Yes"), ("false", "No")]
    return list(options) if source_type in ("choice", "choices") else []
