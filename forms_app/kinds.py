"""The kinds of field: how each is checked on the server, and what it means to a CRM.

A field here is a dict of a form version (see forms_app.versions): key, kind, label, required, and
what the kind needs. The server always checks against the version that the shopper saw.
"""

import calendar
import datetime
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from email_validator import EmailNotValidError, validate_email

from .conditions import as_number
from .countries import countries
from .ui_texts import UI_TEXTS

SHORT = 200
LONG = 2000
NAME = 100
ADDRESS = 400
CODE = 64
POSTCODE = 16
RATINGS = ("1", "2", "3", "4", "5")


class TextField(forms.CharField):
    """Text in one Unicode form (NFC), without control characters but line ends."""

    def __init__(self, *, lines: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.lines = lines

    def to_python(self, value):
        text = unicodedata.normalize("NFC", super().to_python(value))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not self.lines:
            text = " ".join(text.split())
        return "".join(c for c in text if c == "\n" or not is_control(c)).strip()


def is_control(character: str) -> bool:
    """Nobody types these, and spreadsheets refuse files that hold them."""
    return unicodedata.category(character) == "Cc" or character in "\ufffe\uffff"


class EmailField(TextField):
    """An address of valid form. That it takes mail is for the CRM to find out."""

    def clean(self, value):
        value = super().clean(value)
        if not value:
            return ""
        try:
            return validate_email(value, check_deliverability=False).normalized
        except EmailNotValidError as error:
            raise ValidationError(self.error_messages["invalid"], "invalid") from error


class MobileField(TextField):
    """A phone number, stored as E.164. `country` is where one without a prefix is from."""

    def __init__(self, *, country: str, **kwargs):
        super().__init__(**kwargs)
        self.country = country

    def clean(self, value):
        value = super().clean(value)
        if not value:
            return ""
        try:
            number = phonenumbers.parse(value, self.country)
        except phonenumbers.NumberParseException as error:
            raise ValidationError(self.error_messages["invalid"], "invalid") from error
        if not phonenumbers.is_valid_number(number):
            raise ValidationError(self.error_messages["invalid"], "invalid")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class PostcodeField(TextField):
    def clean(self, value):
        return super().clean(value).upper()


class NumberField(TextField):
    """Stored as the plainest text of the number: "12", "-0.5". `field` may say min, max, decimals
    (numbers after the point, 0 by default)."""

    def __init__(self, *, field: Mapping, **kwargs):
        super().__init__(max_length=20, **kwargs)
        self.decimals = field.get("decimals") or 0
        self.least, self.most = (as_number(field.get(name)) for name in ("min", "max"))

    def clean(self, value):
        text = super().clean(value).replace(" ", "").replace(",", ".")
        if not text:
            return ""
        number = as_number(text)
        if (
            number is None
            or -number.as_tuple().exponent > self.decimals
            or (self.least is not None and number < self.least)
            or (self.most is not None and number > self.most)
        ):
            raise ValidationError(self.error_messages["invalid"], "invalid")
        plain = f"{number:f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return "0" if plain == "-0" else plain


class DateInputs(forms.Widget):
    """Three inputs: <key>-day, <key>-month, <key>-year."""

    parts = ("day", "month", "year")

    def value_from_datadict(self, data, files, name):
        return tuple(str(data.get(f"{name}-{part}") or "").strip() for part in self.parts)

    def value_omitted_from_data(self, data, files, name):
        return not any(f"{name}-{part}" in data for part in self.parts)


class DateField(forms.Field):
    """A whole date, stored as 2026-11-24."""

    widget = DateInputs
    empty_values = [None, "", ("", "", "")]

    def to_python(self, value):
        if value in self.empty_values:
            return ""
        try:
            if not all(part.isascii() and part.isdigit() for part in value) or len(value[2]) != 4:
                raise ValueError
            day, month, year = map(int, value)
            return datetime.date(year, month, day).isoformat()
        except (ValueError, OverflowError) as error:  # "99999999999999" is a day, too
            raise ValidationError(self.error_messages["invalid"], "invalid") from error


class BirthdayField(forms.Field):
    """Stored as 1990-05-17, or as --05-17 where the shopper gave no year (ISO 8601)."""

    widget = DateInputs
    empty_values = [None, "", ("", "", "")]
    oldest = 120  # years

    def to_python(self, value):
        if value in self.empty_values:
            return ""
        typed = [part for part in value if part]
        try:
            if not all(part.isdecimal() and len(part) <= 4 for part in typed):
                raise ValueError
            day, month = int(value[0]), int(value[1])
            year = int(value[2]) if value[2] else None
            # A leap year stands in for no year, so that 29 February is a birthday.
            if not 1 <= day <= calendar.monthrange(year or 2000, month)[1]:
                raise ValueError
        except (ValueError, IndexError) as error:  # IllegalMonthError is both, by version
            raise ValidationError(self.error_messages["invalid"], "invalid") from error
        if year is None:
            return f"--{month:02}-{day:02}"
        today = datetime.date.today()
        if not today.year - self.oldest <= year or datetime.date(year, month, day) > today:
            raise ValidationError(self.error_messages["invalid"], "invalid")
        return f"{year:04}-{month:02}-{day:02}"


class Ticked(forms.CheckboxInput):
    """Only what our own box sends counts as consent, not any text."""

    def value_from_datadict(self, data, files, name):
        return data.get(name) == "yes"


class ConsentField(forms.BooleanField):
    widget = Ticked


class YesNoField(forms.ChoiceField):
    """Stored as true or false; "" where neither was chosen."""

    def clean(self, value):
        chosen = super().clean(value)
        return chosen == "yes" if chosen else ""


@dataclass(frozen=True)
class Kind:
    """`meaning` is "" for the generic kinds: only the retailer knows what they mean.

    `form_field` is None where nothing is typed: content, steps, and values that the page itself
    knows (`holds_answer` with no `form_field`).
    """

    meaning: str = ""
    form_field: Callable[[Mapping, str, dict], forms.Field] | None = None
    holds_answer: bool = True
    max_length: int | None = None


def text(meaning: str, limit: int, lines: bool = False) -> Kind:
    def make(field, country, common):
        return TextField(max_length=limit, lines=lines, **common)

    return Kind(meaning, make, max_length=limit)


def one_of(field, country, common):
    return forms.ChoiceField(choices=pairs(field), widget=forms.RadioSelect, **common)


def several_of(field, country, common):
    return forms.MultipleChoiceField(
        choices=pairs(field), widget=forms.CheckboxSelectMultiple, **common
    )


def pairs(field: Mapping) -> list[tuple[str, str]]:
    return [(option["id"], option["label"]) for option in field["options"]]


def rating(field, country, common):
    return forms.ChoiceField(choices=[(n, n) for n in RATINGS], **common)


def yes_no(field, country, common):
    return YesNoField(choices=[("yes", "yes"), ("no", "no")], **common)


def country_field(field, country, common):
    return forms.ChoiceField(choices=countries("en"), **common)


CONTENT = Kind(holds_answer=False)

KINDS: dict[str, Kind] = {
    "first_name": text("first_name", NAME),
    "last_name": text("last_name", NAME),
    "full_name": text("full_name", NAME),
    "email": Kind(
        "email",
        lambda f, country, common: EmailField(max_length=254, **common),
        max_length=254,
    ),
    "mobile": Kind(
        "mobile",
        lambda f, country, common: MobileField(country=country, max_length=40, **common),
        max_length=40,
    ),
    "birthday": Kind("birthday", lambda f, country, common: BirthdayField(**common)),
    "postcode": Kind(
        "postcode",
        lambda f, country, common: PostcodeField(max_length=POSTCODE, **common),
        max_length=POSTCODE,
    ),
    "address": text("address", ADDRESS, lines=True),
    "country": Kind("country", country_field),
    "company": text("company", NAME),
    "loyalty_number": text("loyalty_number", CODE),
    "heard_from": Kind("heard_from", one_of),
    "store": Kind("store", one_of),
    "staff_code": text("staff_code", CODE),
    "consent": Kind("", lambda f, country, common: ConsentField(**common)),
    "short_text": text("", SHORT),
    "long_text": text("", LONG, lines=True),
    "number": Kind("", lambda f, country, common: NumberField(field=f, **common), max_length=20),
    "date": Kind("", lambda f, country, common: DateField(**common)),
    "choice": Kind("", one_of),
    "choices": Kind("", several_of),
    "rating": Kind("", rating),
    "yes_no": Kind("", yes_no),
    "hidden": Kind(),
    "heading": CONTENT,
    "text": CONTENT,
    "image": CONTENT,
    "divider": CONTENT,
    "page_break": CONTENT,
}

MAX_LENGTHS = {name: kind.max_length for name, kind in KINDS.items() if kind.max_length}

# Kinds that ask in the words of another one.
SAME_WORDS = {
    "heard_from": "choice",
    "store": "choice",
    "country": "choice",
    "rating": "choice",
    "yes_no": "choice",
    "choices": "choices",
    "date": "date",
    "number": "number",
}


def messages(kind: str, language: str) -> dict[str, str]:
    """What a shopper reads when a field of this kind isn't right."""
    ui = UI_TEXTS[language]
    words = SAME_WORDS.get(kind, kind)
    return {
        "required": ui.get(f"required_{words}", ui["required_short_text"]),
        "invalid": ui.get(f"invalid_{words}", ""),
        "invalid_choice": ui["invalid_choice"],
        "invalid_list": ui["invalid_choice"],
        "max_length": ui["too_long"],
    }
