"""What is done to a value on its way: an allow-list that never raises on an answer, never invents,
and says what it couldn't do."""

import re
from datetime import date, datetime, timezone

import pytest
from hypothesis import given, strategies as st

from integrations.attribute_values import SOURCE_TYPES, fits
from integrations.connectors.base import ATTRIBUTE_TYPES, Attribute
from integrations.countries import COUNTRIES, country
from integrations.mapping import MappingError, MappingRow, map_signup, rows_from_json, rows_to_json
from integrations.tests.test_mapping import answer, consent, signup
from integrations.transforms import (
    ARGUMENTS,
    COUNTRY_FORMS,
    DATE_PATTERNS,
    SOURCELESS,
    Transform,
    apply,
    filled_in,
    from_json,
    placeholders,
)

TEXTS = ("trim", "lower", "upper", "title")


def arguments(kind):
    return {
        "date": st.sampled_from(sorted(DATE_PATTERNS)),
        "country": st.sampled_from(COUNTRY_FORMS),
        "e164": st.sampled_from(["NL", "DE", "GB", "US"]),
        "constant": st.text(min_size=1, max_size=40).filter(str.strip),
        "template": st.sampled_from(["{first_name}", "{meaning:email}, {field:a-1}"]),
    }.get(kind, st.just(""))


transforms = st.sampled_from(sorted(ARGUMENTS)).flatmap(
    lambda kind: st.builds(
        Transform,
        st.just(kind),
        arguments(kind),
        (
            st.dictionaries(st.text(max_size=8), st.text(max_size=8)).map(
                lambda d: tuple(d.items())
            )
            if kind == "options"
            else st.just(())
        ),
    )
)
values = (
    st.text()
    | st.booleans()
    | st.lists(st.text(), max_size=4)
    | st.dates().map(date.isoformat)
    | st.datetimes(timezones=st.just(timezone.utc))
)


def one(kind, value, argument=""):
    return apply(Transform(kind, argument), value)


# text


@pytest.mark.parametrize(
    "kind, value, result",
    [
        ("trim", "  Ann \t Lee ", "Ann Lee"),
        ("lower", "ANN@Example.COM", "ann@example.com"),
        ("upper", "1012 ab", "1012 AB"),
        ("title", "ann lee", "Ann Lee"),
        ("title", "ANNE-MARIE O'BRIEN", "Anne-Marie O'Brien"),
        ("title", "McDonald", "McDonald"),
        ("title", "don't", "Don't"),
        ("title", "élodie", "Élodie"),
        ("upper", True, True),
        ("lower", ["Tea", "MILK"], ["tea", "milk"]),
    ],
)
def test_text_is_written_the_way_that_is_asked_for(kind, value, result):
    assert one(kind, value) == (result, "")


@given(value=st.text(), kind=st.sampled_from(["trim", "lower", "upper"]))
def test_doing_it_twice_changes_nothing_more(value, kind):
    once, _ = one(kind, value)
    assert one(kind, once)[0] == once


# dates


@pytest.mark.parametrize("pattern", DATE_PATTERNS)
@given(day=st.dates(min_value=date(1900, 1, 1)))
def test_a_date_keeps_its_day_in_every_pattern(pattern, day):
    text, reason = one("date", day.isoformat(), pattern)
    assert reason == ""
    parts = {"DD": day.day, "MM": day.month, "YYYY": day.year}
    assert [int(n) for n in re.findall(r"\d{4}|\d\d", text)] == [
        parts[name] for name in re.findall("YYYY|DD|MM", pattern)
    ] or pattern == "YYYYMMDD"
    if pattern == "YYYYMMDD":
        assert text == day.strftime("%Y%m%d")


def test_a_birthday_without_a_year_gets_none_invented():
    assert one("date", "--02-29", "MM/DD") == ("02/29", "")
    for pattern in DATE_PATTERNS:
        if "YYYY" in pattern:
            value, reason = one("date", "--02-29", pattern)
            assert value is None and "no year" in reason


def test_a_moment_is_its_day_in_utc_and_a_text_is_no_date():
    moment = datetime(2026, 11, 22, 23, 30, tzinfo=timezone.utc)
    assert one("date", moment, "DD.MM.YYYY") == ("22.11.2026", "")
    assert one("date", "soon", "DD.MM.YYYY") == (None, "The answer isn't a date.")


# phone numbers and countries


def test_a_typed_number_gets_the_prefix_of_its_country():
    assert one("e164", "06 12345678", "NL") == ("+31612345678", "")
    assert one("e164", "+49 30 901820", "NL") == ("+4930901820", "")
    assert one("e164", "12", "NL")[1] == one("e164", "none", "NL")[1] != ""


@pytest.mark.parametrize("form, result", [("alpha2", "NL"), ("alpha3", "NLD")])
@pytest.mark.parametrize("written", ["NL", "nld", " Netherlands "])
def test_a_country_takes_the_form_that_the_crm_wants(written, form, result):
    assert one("country", written, form) == (result, "")


def test_what_is_no_country_is_left_out_and_said():
    assert one("country", "Atlantis", "name") == (None, "The answer isn't a country.")


def test_every_country_is_found_by_each_of_its_names_and_no_two_share_one():
    assert len(COUNTRIES) == 249
    for found in COUNTRIES.values():
        assert [country(name) for name in found] == [found] * 3


# options


def test_our_options_become_theirs_and_what_the_table_lacks_goes_by_its_label():
    table = Transform("options", table=(("o-1", "COFFEE"), ("o-2", "")))
    labels = {"o-1": "Coffee", "o-2": "Tea", "o-3": "Milk"}
    assert apply(table, "o-1", labels) == ("COFFEE", "")
    assert apply(table, ["o-1", "o-2", "o-3"], labels) == (["COFFEE", "Milk"], "")


def test_yes_and_no_can_be_named_otherwise():
    table = (("true", "subscribed"), ("false", "none"))
    row = MappingRow("consent:marketing", "status", transform=Transform("options", table=table))
    for given_, word in ((True, "subscribed"), (False, "none")):
        record = map_signup(signup(consents=[consent(given_)]), [row])
        assert record.values["status"].value == word


def test_an_option_of_the_table_is_held_against_the_crms_options():
    attribute = Attribute("x", "X", "choice", options=(("A1", "Alpha"), ("B1", "Beta")))
    row = MappingRow("field:k", "x", transform=Transform("options", table=(("o-1", "Beta"),)))
    data = signup(answer(value="o-1", key="k", options={"o-1": "Two"}))
    assert map_signup(data, [row], [attribute]).values["x"].value == "B1"


# constants, templates, defaults


def test_a_constant_goes_with_every_sign_up():
    row = MappingRow("", "source", transform=Transform("constant", "Till"))
    assert map_signup(signup(), [row]).values["source"].value == "Till"


def test_a_template_puts_several_fields_together():
    row = MappingRow("", "name", transform=Transform("template", "{last_name}, {first_name}"))

    def name(**answers):
        values = [answer(meaning, value) for meaning, value in answers.items()]
        record = map_signup(signup(*values), [row])
        return record.values["name"].value if record.values else None

    assert name(first_name="Ann", last_name="Lee") == "Lee, Ann"
    assert name(first_name="Ann") == "Ann" and name(last_name="Lee") == "Lee"
    assert name() is None


def test_a_template_reads_fields_without_a_meaning_and_the_sign_up_itself():
    text = "{field:k} at {signup:page}"
    row = MappingRow("", "note", transform=Transform("template", text))
    data = signup(answer(value="o-1", key="k", options={"o-1": "Coffee"}))
    assert map_signup(data, [row]).values["note"].value == "Coffee at Join"


@given(names=st.lists(st.sampled_from(["{a}", "{b}"]), min_size=1, max_size=4), value=st.text())
def test_a_template_never_leaves_a_brace_of_its_own(names, value):
    text = " ".join(names)
    filled = filled_in(text, {source: value for source in placeholders(text)})
    assert "{a}" not in filled.replace(value, "") and "{b}" not in filled.replace(value, "")


def test_a_default_stands_in_for_a_blank_and_never_replaces_what_the_crm_holds():
    row = MappingRow("meaning:postcode", "zip", default="unknown")
    record = map_signup(signup(answer("postcode", " ")), [row])
    assert record.values["zip"].value == "unknown" and record.values["zip"].mode == "only_if_empty"
    record = map_signup(signup(answer("postcode", "1012 AB")), [row])
    assert (record.values["zip"].value, record.values["zip"].mode) == ("1012 AB", "overwrite")


def test_a_default_does_not_hide_an_answer_that_could_not_be_read():
    row = MappingRow("field:k", "tel", transform=Transform("e164", "NL"), default="none")
    record = map_signup(signup(answer(value="12", key="k")), [row])
    assert "tel" not in record.values and "phone number" in record.left_out["tel"]


# what can be stored


@given(transforms)
def test_every_transform_survives_storage(transform):
    assert from_json(transform.to_json()) == transform
    source = "" if transform.kind in SOURCELESS else "meaning:email"
    rows = (MappingRow(source, "x", "append", transform, "else"), MappingRow("signup:id", "y"))
    assert rows_from_json(rows_to_json(rows)) == rows


@given(transforms.filter(lambda one: one.kind not in SOURCELESS), values)
def test_no_answer_of_a_shopper_makes_a_transform_fail(transform, value):
    changed, reason = apply(transform, value)
    assert changed is not None or reason


@given(st.sampled_from(ATTRIBUTE_TYPES), transforms.filter(lambda one: one.kind not in SOURCELESS))
def test_blank_stays_blank_whatever_is_done_to_it(kind, transform):
    row = MappingRow("field:k", "x", "overwrite", transform)
    for blank in (None, "", "  ", []):
        data = signup(answer(value=blank, key="k"))
        record = map_signup(data, [row], [Attribute("x", "X", kind)])
        assert record.values == {} and record.left_out == {}


@pytest.mark.parametrize(
    "stored",
    [
        "trim",
        {},
        {"kind": "eval", "text": "1"},
        {"kind": "trim", "to": "x"},
        {"kind": "date"},
        {"kind": "date", "to": "%Y"},
        {"kind": "country", "to": "alpha4"},
        {"kind": "e164", "country": "XX"},
        {"kind": "constant", "text": "  "},
        {"kind": "constant", "text": 5},
        {"kind": "constant", "text": "x" * 1001},
        {"kind": "options"},
        {"kind": "options", "table": []},
        {"kind": "options", "table": {"a": 1}},
        {"kind": "template", "text": "{first_name}", "more": ""},
    ],
)
def test_what_is_no_transform_is_refused(stored):
    with pytest.raises(MappingError):
        from_json(stored)
    with pytest.raises(MappingError):
        rows_from_json([{"source": "signup:id", "attribute": "x", "transform": stored}])


@pytest.mark.parametrize(
    "row",
    [
        {"source": "meaning:email", "transform": {"kind": "constant", "text": "x"}},
        {"source": "", "transform": {"kind": "template", "text": "no field"}},
        {"source": "", "transform": {"kind": "template", "text": "{secrets:key}"}},
        {"source": "", "transform": {"kind": "trim"}},
        {"source": "signup:id", "default": 5},
        {"source": "signup:id", "default": "x" * 1001},
    ],
)
def test_a_row_that_contradicts_itself_is_refused(row):
    with pytest.raises(MappingError, match="Row 1"):
        rows_from_json([{"attribute": "x", **row}])


# what fits


@pytest.mark.parametrize("source", SOURCE_TYPES)
def test_every_kind_of_answer_can_become_a_text(source):
    assert fits(source, Attribute("x", "X", "string")) == ""
    assert fits(source, Attribute("x", "X", "text")) == ""
    assert fits(source, Attribute("x", "X", "kind of the future")) == ""


@pytest.mark.parametrize(
    "source, kind, reason",
    [
        ("consent", "number", "It holds a number: a consent can't go there."),
        ("birthday", "boolean", "It holds yes or no: a birthday can't go there."),
        ("choices", "email", "It holds an e-mail address: several choices can't go there."),
        ("choices", "choice", "It holds one of a list: several choices can't go there."),
        ("email", "phone", "It holds a phone number: an e-mail address can't go there."),
        ("email", "date", "It holds a date: an e-mail address can't go there."),
    ],
)
def test_what_never_fits_is_known_with_its_reason(source, kind, reason):
    assert fits(source, Attribute("x", "X", kind)) == reason


@pytest.mark.parametrize(
    "source, kind",
    [
        ("email", "email"),
        ("phone", "phone"),
        ("birthday", "date"),
        ("consent", "boolean"),
        ("choices", "list"),
        ("choice", "choice"),
        ("number", "number"),
        ("kind of the future", "number"),
    ],
)
def test_what_can_fit_is_let_through(source, kind):
    assert fits(source, Attribute("x", "X", kind)) == ""


def test_nothing_fits_what_the_crm_writes_itself():
    assert fits("text", Attribute("x", "X", "string", writable=False)) != ""
