"""What may be done to a value on its way to the CRM: a short list, and nothing else. Pure.

Stored as JSON, {"kind": …} and what the kind needs:

    trim | lower | upper | title                     text
    {"kind": "e164", "country": "NL"}                a typed phone number as +31…
    {"kind": "date", "to": "DD/MM/YYYY"}             one of DATE_PATTERNS
    {"kind": "country", "to": "alpha3"}              alpha2, alpha3 or name
    {"kind": "options", "table": {"<id>": "theirs"}} our option → their value; "" for not sent
    {"kind": "constant", "text": "Till"}             the same for everybody
    {"kind": "template", "text": "{first_name} {last_name}"}

The last two need no source. In a template, {name} is a meaning and {kind:name} any source.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from types import MappingProxyType

import phonenumbers

from integrations.countries import COUNTRIES, country

DATE_PATTERNS = {
    "DD/MM/YYYY": "{d:02}/{m:02}/{y:04}",
    "MM/DD/YYYY": "{m:02}/{d:02}/{y:04}",
    "DD.MM.YYYY": "{d:02}.{m:02}.{y:04}",
    "DD-MM-YYYY": "{d:02}-{m:02}-{y:04}",
    "YYYY-MM-DD": "{y:04}-{m:02}-{d:02}",
    "YYYYMMDD": "{y:04}{m:02}{d:02}",
    "DD/MM": "{d:02}/{m:02}",
    "MM/DD": "{m:02}/{d:02}",
    "YYYY": "{y:04}",
}
COUNTRY_FORMS = ("alpha2", "alpha3", "name")
SOURCELESS = ("constant", "template")
# Kind → what its argument is called in the stored JSON; "" for none.
ARGUMENTS = {
    "trim": "",
    "lower": "",
    "upper": "",
    "title": "",
    "e164": "country",
    "date": "to",
    "country": "to",
    "options": "",
    "constant": "text",
    "template": "text",
}
LONGEST = 1000  # characters of a constant, a template, or one of their options
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# A word, with one or two letters after an apostrophe (don't) but no more (o'brien is two).
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]{1,2}(?![^\W\d_]))?")


class MappingError(ValueError):
    """Stored or typed mapping data that isn't a mapping. Its text is for the retailer."""


@dataclass(frozen=True)
class Transform:
    """`argument` is the one of ARGUMENTS; `table` leads from our option to theirs."""

    kind: str
    argument: str = ""
    table: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, object]:
        stored: dict[str, object] = {"kind": self.kind}
        if ARGUMENTS[self.kind]:
            stored[ARGUMENTS[self.kind]] = self.argument
        if self.kind == "options":
            stored["table"] = dict(self.table)
        return stored


def from_json(data: object) -> Transform:
    """Raises MappingError, in words for the retailer."""
    if not isinstance(data, dict) or data.get("kind") not in ARGUMENTS:
        raise MappingError("that change isn't one of the list.")
    kind = data["kind"]
    name = "table" if kind == "options" else ARGUMENTS[kind]
    if set(data) != {"kind", name} - {""}:
        raise MappingError(f"{kind} takes {name or 'nothing'}.")
    if kind == "options":
        return Transform(kind, table=_table(data["table"]))
    argument = data[name] if name else ""
    if not isinstance(argument, str) or len(argument) > LONGEST:
        raise MappingError(f"the {name} of {kind} must be a text of at most {LONGEST} letters.")
    allowed = {"date": DATE_PATTERNS, "country": COUNTRY_FORMS, "e164": COUNTRIES}.get(kind)
    if allowed is not None and argument not in allowed:
        raise MappingError(f"{argument!r} isn't one that {kind} knows.")
    if kind in SOURCELESS and not argument.strip():
        raise MappingError("the text is missing.")
    return Transform(kind, argument)


def _table(data: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(data, dict):
        raise MappingError("the table of options is missing.")
    for ours, theirs in data.items():
        if not isinstance(ours, str) or not isinstance(theirs, str) or len(theirs) > LONGEST:
            raise MappingError("the table of options leads from text to text.")
    return tuple(data.items())


def placeholders(template: str) -> list[str]:
    """The sources that a template names, as mapping rows call them."""
    names = [name.strip() for name in PLACEHOLDER.findall(template)]
    return [name if ":" in name else f"meaning:{name}" for name in names]


def filled_in(template: str, values: Mapping[str, str]) -> str:
    """The template with a text for each source; "" if all of them are blank. What stood around
    a blank one closes up: no double blank, no comma at an end."""
    if not any(value.strip() for value in values.values()):
        return ""
    parts = iter(placeholders(template))
    text = PLACEHOLDER.sub(lambda _: values.get(next(parts), ""), template)
    return " ".join(text.split()).strip(" ,;-/")


def apply(
    transform: Transform, value: object, labels: Mapping[str, str] = MappingProxyType({})
) -> tuple[object, str]:
    """(the changed value, why it or a part of it had to be left out). For a list, each of it.

    `value` is what a person would read; for `options` it is as it was answered, with `labels` for
    the options that the table doesn't know.
    """
    if not isinstance(value, list):
        return _apply_one(transform, value, labels)
    done = [_apply_one(transform, one, labels) for one in value]
    reason = next((reason for _, reason in done if reason), "")
    return [one for one, _ in done if one not in (None, "")], reason


def _apply_one(
    transform: Transform, value: object, labels: Mapping[str, str]
) -> tuple[object, str]:
    if transform.kind == "options":
        key = str(value).lower() if isinstance(value, bool) else str(value)
        return dict(transform.table).get(key, labels.get(key, value)), ""
    if transform.kind == "date":
        return _dated(value, transform.argument)
    if transform.kind == "e164":
        return _e164(str(value), transform.argument)
    if transform.kind == "country":
        found = country(str(value))
        if found is None:
            return None, "The answer isn't a country."
        return found[COUNTRY_FORMS.index(transform.argument)], ""
    if not isinstance(value, str):
        return value, ""
    if transform.kind == "trim":
        return " ".join(value.split()), ""
    if transform.kind == "title":
        return _WORD.sub(_capitalised, value), ""
    return (value.lower() if transform.kind == "lower" else value.upper()), ""


def _capitalised(word: re.Match[str]) -> str:
    """ANN and ann become Ann; who types McDonald means it."""
    text = word[0]
    return text[0].upper() + text[1:].lower() if text.islower() or text.isupper() else text


def _dated(value: object, pattern: str) -> tuple[str | None, str]:
    if isinstance(value, datetime):
        value = value.astimezone(timezone.utc).date().isoformat()
    text = str(value).strip()
    without_year = text.startswith("--")
    try:
        # A leap year stands in, so that 29 February is a day.
        day = date.fromisoformat(f"2000{text[1:]}" if without_year else text[:10])
    except ValueError:
        return None, "The answer isn't a date."
    if without_year and "YYYY" in pattern:
        return None, "The date has no year, and the format wants one."
    return DATE_PATTERNS[pattern].format(d=day.day, m=day.month, y=day.year), ""


def _e164(text: str, region: str) -> tuple[str | None, str]:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        return None, "The answer isn't a phone number."
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), ""
