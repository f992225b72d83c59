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

from .ui_texts import UI_TEXTS

SHORT = 200
LONG = 2000
NAME = 100


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


class BirthdayInputs(forms.Widget):
    """Three inputs: <key>-day, <key>-month, <key>-year."""

    parts = ("day", "month", "year")

    def value_from_datadict(self, data, files, name):
        return tuple(str(data.get(f"{name}-{part}") or "").strip() for part in self.parts)

    def value_omitted_from_data(self, data, files, name):
        return not any(f"{name}-{part}" in data for part in self.parts)


class BirthdayField(forms.Field):
    """Stored as 1990-05-17, or as --05-17 where the shopper gave no year (ISO 8601)."""

    widget = BirthdayInputs
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


@dataclass(frozen=True)
class Kind:
    """`meaning` is "" for the generic kinds: only the retailer knows what they mean."""

    meaning: str
    form_field: Callable[[Mapping, str, dict], forms.Field]
    autocapitalize: str = "sentences"


def text(limit: int, lines: bool = False):
    def make(field, country, common):
        return TextField(max_length=limit, lines=lines, **common)

    return make


def choice(field, country, common):
    return forms.ChoiceField(
        choices=[(option["id"], option["label"]) for option in field["options"]],
        widget=forms.RadioSelect,
        **common,
    )


KINDS: dict[str, Kind] = {
    "first_name": Kind("first_name", text(NAME)),
    "last_name": Kind("last_name", text(NAME)),
    "email": Kind("email", lambda f, country, common: EmailField(max_length=254, **common)),
    "mobile": Kind(
        "mobile", lambda f, country, common: MobileField(country=country, max_length=40, **common)
    ),
    "birthday": Kind("birthday", lambda f, country, common: BirthdayField(**common)),
    "choice": Kind("", choice),
    "short_text": Kind("", text(SHORT)),
    "long_text": Kind("", text(LONG, lines=True)),
    "consent": Kind("", lambda f, country, common: ConsentField(**common)),
}

MAX_LENGTHS = {
    "first_name": NAME, "last_name": NAME, "email": 254, "mobile": 40,
    "short_text": SHORT, "long_text": LONG,
}  # fmt: skip


def messages(kind: str, language: str) -> dict[str, str]:
    """What a shopper reads when a field of this kind isn't right."""
    ui = UI_TEXTS[language]
    return {
        "required": ui.get(f"required_{kind}", ""),
        "invalid": ui.get(f"invalid_{kind}", ""),
        "invalid_choice": ui["invalid_choice"],
        "max_length": ui["too_long"],
    }
