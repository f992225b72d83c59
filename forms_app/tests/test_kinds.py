"""What each kind of field takes, what it makes of it, and what it refuses."""

import calendar
import datetime

import pytest

from forms_app.answers import form_class, input_names
from forms_app.kinds import KINDS, MAX_LENGTHS, messages
from forms_app.ui_texts import UI_TEXTS

YEAR = datetime.date.today().year
YESTERDAY = datetime.date.today() - datetime.timedelta(days=1)
TOMORROW = datetime.date.today() + datetime.timedelta(days=1)


def form(kind: str, value, country: str = "NL", required: bool = False, **more):
    """The server's form of one field "x", filled in with `value`."""
    field = {"key": "x", "kind": kind, "label": "X", "required": required, **more}
    schema = {"language": "en", "country": country, "fields": [field]}
    if kind in ("birthday", "date"):
        data = {f"x-{part}": text for part, text in zip(("day", "month", "year"), value)}
    else:
        data = {} if value is None else {"x": value}
    return form_class(schema)(data)


def taken(*args, **kwargs):
    filled = form(*args, **kwargs)
    assert filled.is_valid(), filled.errors
    return filled.answers().get("x", "")


def refused(*args, **kwargs) -> str:
    filled = form(*args, **kwargs)
    assert not filled.is_valid(), filled.cleaned_data
    (message,) = filled.errors["x"]
    return message


EMAILS = {
    "robin@example.com": "robin@example.com",
    "  robin@example.com\t": "robin@example.com",
    "Robin.deVries+shop@EXAMPLE.COM": "Robin.deVries+shop@example.com",
    "o'neill@example.co.uk": "o'neill@example.co.uk",
    "zoe\u0308@example.com": "zoë@example.com",
    "robin@münchen.de": "robin@münchen.de",
    "robin@xn--mnchen-3ya.de": "robin@münchen.de",
    "a@b.co": "a@b.co",
    "": "",
}
NOT_EMAILS = [
    "robin", "robin@", "@example.com", "robin@example", "robin@@example.com", "a b@example.com",
    "robin@example..com", ".robin@example.com", "robin@-example.com", "robin@exa_mple.com",
    "Robin <robin@example.com>", "robin@example.com, kim@example.com", "robin@[127.0.0.1]",
    "robin@example.com\nbcc: all@example.com", "robin@localhost",
    "robin@example.com\u202e", '"a b"@example.com', "mailto:robin@example.com",
]  # fmt: skip


@pytest.mark.parametrize("typed, stored", EMAILS.items())
def test_an_e_mail_address_is_taken(typed, stored):
    assert taken("email", typed) == stored


@pytest.mark.parametrize("typed", NOT_EMAILS)
def test_what_is_no_e_mail_address_is_refused(typed):
    assert refused("email", typed) == UI_TEXTS["en"]["invalid_email"]


MOBILES = [
    ("0612345678", "NL", "+31612345678"),
    ("06 - 12 34 56 78", "NL", "+31612345678"),
    ("(06) 12.34.56.78", "NL", "+31612345678"),
    ("٠٦١٢٣٤٥٦٧٨", "NL", "+31612345678"),  # Arabic digits
    ("０６１２３４５６７８", "NL", "+31612345678"),  # full width, as Japanese keyboards type
    ("07911 123456", "GB", "+447911123456"),
    ("0470 12 34 56", "BE", "+32470123456"),
    ("0151 23456789", "DE", "+4915123456789"),
    ("06 12 34 56 78", "FR", "+33612345678"),
    ("612 34 56 78", "ES", "+34612345678"),
    ("+44 7911 123456", "NL", "+447911123456"),
    ("0044 7911 123456", "NL", "+447911123456"),
    ("+1 (201) 555-0123", "DE", "+12015550123"),
    ("", "NL", ""),
]


@pytest.mark.parametrize("typed, country, stored", MOBILES)
def test_a_number_is_taken_as_one_of_the_shops_country(typed, country, stored):
    assert taken("mobile", typed, country) == stored


@pytest.mark.parametrize(
    "typed, country",
    [
        ("12", "NL"), ("call me", "NL"), ("+", "NL"), ("06123", "NL"),
        ("061234567890", "NL"), ("07911 123456", "NL"), ("+999 123456789", "NL"), ("0", "GB"),
        ("\u202e", "NL"), ("robin@example.com", "NL"), ("0000000000", "FR"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(typed, country):
    assert refused("mobile", typed, country) == UI_TEXTS["en"]["invalid_mobile"]


BIRTHDAYS = [
    (("17", "5", "1990"), "1990-05-17"),
    ((" 07 ", "03", " 1990 "), "1990-03-07"),
    (("17", "5", ""), "--05-17"),
    (("29", "2", ""), "--02-29"),
    (("29", "2", "2000"), "2000-02-29"),
    (("١٧", "٥", "١٩٩٠"), "1990-05-17"),
    (("1", "1", f"{YEAR - 120}"), f"{YEAR - 120}-01-01"),
    ((f"{YESTERDAY.day}", f"{YESTERDAY.month}", f"{YESTERDAY.year}"), YESTERDAY.isoformat()),
    (("", "", ""), ""),
]


@pytest.mark.parametrize("typed, stored", BIRTHDAYS)
def test_a_birthday_is_taken(typed, stored):
    assert taken("birthday", typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        ("31", "2", ""), ("30", "2", ""), ("29", "2", "1900"), ("29", "2", "2001"),
        ("31", "4", ""), ("0", "1", ""), ("-1", "1", ""), ("32", "1", ""), ("1", "0", ""),
        ("1", "13", ""), ("1", "-1", ""), ("17", "", ""), ("", "5", ""), ("", "", "1990"),
        ("17", "", "1990"), ("", "5", "1990"), ("a", "5", ""), ("17", "May", ""),
        ("1.5", "5", ""), ("1e1", "5", ""), ("²", "5", ""), ("17", "5", "90"), ("17", "5", "0"),
        ("17", "5", "-1990"), ("1", "1", f"{YEAR - 121}"), ("1", "1", f"{YEAR + 1}"),
        ("1", "1", "9999"), ("1", "1", "10000"), ("1", "1", "9" * 40), ("9" * 5000, "1", ""),
        (f"{TOMORROW.day}", f"{TOMORROW.month}", f"{TOMORROW.year}"), ("1", "9" * 40, ""),
        ("1_0", "5", ""), ("+1", "5", ""),
    ],
)  # fmt: skip
def test_what_is_no_birthday_is_refused(typed):
    assert refused("birthday", typed) == UI_TEXTS["en"]["invalid_birthday"]


def test_every_day_of_a_leap_year_is_a_birthday():
    for month in range(1, 13):
        for day in range(1, calendar.monthrange(2000, month)[1] + 1):
            assert taken("birthday", (str(day), str(month), "")) == f"--{month:02}-{day:02}"


def test_a_birthday_of_which_nothing_was_sent_is_missing():
    filled = form_class(
        {
            "language": "en",
            "country": "NL",
            "fields": [{"key": "x", "kind": "birthday", "label": "X", "required": True}],
        }
    )({})
    assert filled.errors["x"] == [UI_TEXTS["en"]["required_birthday"]]
    widget = filled.fields["x"].widget
    assert widget.value_omitted_from_data({}, {}, "x")
    assert not widget.value_omitted_from_data({"x-year": ""}, {}, "x")
    assert input_names(filled) == {"x-day", "x-month", "x-year"}


OPTIONS = [{"id": "1", "label": "Green"}, {"id": "2", "label": "Blue"}]


def test_a_choice_is_stored_by_the_id_of_its_option():
    assert taken("choice", "2", options=OPTIONS) == "2"
    assert taken("choice", "", options=OPTIONS) == ""


@pytest.mark.parametrize("typed", ["Green", "3", " 1", "1,2", "None", "0"])
def test_what_is_not_an_option_is_refused(typed):
    assert refused("choice", typed, options=OPTIONS) == UI_TEXTS["en"]["invalid_choice"]


@pytest.mark.parametrize("kind", ["first_name", "last_name", "short_text", "long_text"])
def test_text_is_stored_in_one_unicode_form_without_control_characters(kind):
    assert taken(kind, " Zoe\u0308 ") == "Zoë"
    stored = taken(kind, "a\x07b\x1b\x08c\x7f\x9fd")
    assert not [c for c in stored if ord(c) < 32 or 127 <= ord(c) < 160], ascii(stored)
    assert taken(kind, "نور") == "نور" and taken(kind, "👩‍👩‍👧") == "👩‍👩‍👧"


@pytest.mark.parametrize("kind", ["first_name", "short_text"])
def test_a_short_text_is_one_line(kind):
    assert taken(kind, "a\r\nb\u2028c \t d") == "a b c d"


def test_a_long_text_keeps_its_lines():
    assert taken("long_text", "a\r\nb\rc\n\nd") == "a\nb\nc\n\nd"


@pytest.mark.parametrize("kind", sorted(set(MAX_LENGTHS) - {"number", "postcode"}))
def test_a_text_may_be_as_long_as_its_limit_and_not_longer(kind):
    limit = MAX_LENGTHS[kind]
    assert refused(kind, "a" * (limit + 1)) == UI_TEXTS["en"]["too_long"]
    if kind not in ("email", "mobile"):
        assert taken(kind, "a" * limit) == "a" * limit
        # Two characters that are one: what is stored counts.
        assert len(taken(kind, "e\u0301" * limit)) == limit


ASKED = [kind for kind, about in KINDS.items() if about.form_field]
CHOSEN = {
    "choice", "choices", "heard_from", "store", "country", "rating", "yes_no", "consent",
    "birthday", "date",
}  # fmt: skip


@pytest.mark.parametrize("kind", ASKED)
def test_every_kind_says_in_its_own_words_that_it_is_required(kind):
    empty = ("", "", "") if kind in ("birthday", "date") else ""
    blanks = [empty] if kind in CHOSEN else [empty, " \t\r\n ", "\u2003"]
    for blank in blanks:
        said = refused(kind, blank, required=True, options=OPTIONS)
        assert said == messages(kind, "en")["required"] != ""
        form(kind, blank, required=False, options=OPTIONS).is_valid()


@pytest.mark.parametrize(
    "typed, stored",
    [
        ("12", "12"), ("012", "12"), ("-3", "-3"), ("1.50", "1.5"), ("1,5", "1.5"), ("-0", "0"),
        (" 1 000 ", "1000"), ("0.00", "0"), ("100", "100"),
    ],
)  # fmt: skip
def test_a_number_is_stored_plainly(typed, stored):
    assert taken("number", typed, decimals=2) == stored


@pytest.mark.parametrize("typed", ["x", "1.234", "1.2.3", "1e3", "٣", "inf", "11", "-1", "--1"])
def test_what_is_no_number_or_outside_its_range_is_refused(typed):
    said = refused("number", typed, decimals=2, min="0", max="10")
    assert said == UI_TEXTS["en"]["invalid_number"]


@pytest.mark.parametrize(
    "typed, stored", [(("24", "11", "2026"), "2026-11-24"), (("1", "2", "0999"), "0999-02-01")]
)
def test_a_date_is_stored_as_iso(typed, stored):
    assert taken("date", typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        *[("31", "2", "2026"), ("1", "1", "26"), ("1", "1", ""), ("٣", "1", "2026")],
        *[("a", "b", "c"), ("1", "99999999999999999999", "2026"), ("9" * 5000, "1", "2026")],
    ],
)
def test_a_date_that_cannot_be_is_refused(typed):
    assert refused("date", typed) == UI_TEXTS["en"]["invalid_date"]


def test_yes_and_no_are_true_and_false_and_nothing_is_neither():
    assert (taken("yes_no", "yes"), taken("yes_no", "no"), taken("yes_no", "")) == (True, False, "")
    assert refused("yes_no", "maybe") == UI_TEXTS["en"]["invalid_choice"]


def test_a_postcode_is_in_capitals_and_a_country_is_one_of_the_world():
    assert taken("postcode", " 1012  ab ") == "1012 AB"
    assert taken("country", "NL") == "NL"
    assert refused("country", "XX") == UI_TEXTS["en"]["invalid_choice"]


def test_a_rating_is_one_to_five():
    assert taken("rating", "5") == "5"
    for typed in ("0", "6", "five"):
        assert refused("rating", typed) == UI_TEXTS["en"]["invalid_choice"]


def test_a_required_long_text_is_not_filled_in_by_what_nobody_sees():
    assert refused("long_text", "\x07 \x07", required=True)


def test_a_consent_is_given_by_its_tick_alone():
    assert taken("consent", "yes") is True
    assert taken("consent", None) is False


@pytest.mark.parametrize("language", UI_TEXTS)
def test_every_kind_has_its_words_in_every_language(language):
    for kind in KINDS:
        words = messages(kind, language)
        assert words["required"] and words["invalid_choice"] and words["max_length"]
        if kind in ("email", "mobile", "birthday"):
            assert words["invalid"]
