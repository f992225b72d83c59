from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from integrations.connectors.base import Attribute, Identity, MappedValue
from integrations.mapping import (
    Answer,
    ConsentGiven,
    MappingError,
    MappingRow,
    SignupData,
    combine,
    default_rows,
    map_signup,
    merge,
    rows_from_json,
    rows_to_json,
    unmapped_required,
)

WHEN = datetime(2026, 11, 22, 23, 30, tzinfo=timezone(timedelta(hours=-2)))


def answer(meaning: str = "", value=None, key: str = "", **more) -> Answer:
    return Answer(key or meaning or "key", meaning, meaning, meaning.title(), value, **more)


def consent(given: bool, purpose: str = "marketing", wording: str = "News, please") -> ConsentGiven:
    return ConsentGiven("c", purpose, wording, "en", given, WHEN, 3)


def signup(*answers: Answer, consents=(), **more) -> SignupData:
    facts = {"id": "s-1", "submitted_at": WHEN, "language": "en", "page": "Join", "is_test": False}
    return SignupData(**{**facts, **more}, answers=answers, consents=tuple(consents))


def mapped(value, kind: str = "", *, mode="overwrite", options=(), choices=None, **more):
    """What one field's value becomes in an attribute of one type; None if it is left out."""
    attributes = [Attribute("x", "X", kind, options=options, **more)] if kind else []
    data = signup(answer(value=value, key="k", options=choices or {}))
    record = map_signup(data, [MappingRow("field:k", "x", mode)], attributes)
    return record.values["x"].value if "x" in record.values else None


# who it is


def test_a_person_is_known_by_e_mail_then_by_phone_then_by_the_sign_up():
    email, mobile = answer("email", " Ann.Lee@Example.COM "), answer("mobile", "+4915112345678")
    identity = map_signup(signup(mobile, email), []).identity
    assert identity == Identity("email", "ann.lee@example.com")
    assert map_signup(signup(mobile), []).identity == Identity("phone", "+4915112345678")
    assert map_signup(signup(), []).identity == Identity("external", "s-1")


def test_what_is_not_an_address_or_a_number_identifies_nobody():
    data = signup(answer("email", "none"), answer("mobile", "0151 12345678"))
    assert map_signup(data, []).identity == Identity("external", "s-1")


def test_strangers_with_similar_letters_stay_strangers():
    one = map_signup(signup(answer("email", "straße@example.com")), []).identity
    other = map_signup(signup(answer("email", "strasse@example.com")), []).identity
    assert one != other


def test_a_record_says_whose_it_is():
    record = map_signup(signup(consents=[consent(True)], is_test=True), [])
    assert (record.ref, record.is_test, record.language) == ("s-1", True, "en")
    assert record.submitted_at == WHEN and record.consents == (consent(True),)


# where values come from


def test_every_source_finds_its_value():
    data = signup(answer("email", "a@b.example"), answer(value="Blue", key="k-1"))
    sources = {
        "meaning:email": "a@b.example",
        "field:k-1": "Blue",
        "signup:id": "s-1",
        "signup:language": "en",
        "signup:page": "Join",
        "signup:submitted_at": "2026-11-23T01:30:00Z",
    }
    for source, value in sources.items():
        record = map_signup(data, [MappingRow(source, "x")])
        assert record.values["x"].value == value, source


def test_of_two_fields_with_one_meaning_the_first_filled_in_counts():
    data = signup(answer("email", " ", key="1"), answer("email", "a@b.example", key="2"))
    assert map_signup(data, [MappingRow("meaning:email", "x")]).values["x"].value == "a@b.example"


@pytest.mark.parametrize("blank", [None, "", "  ", []])
@pytest.mark.parametrize("kind", ["", "string", "list", "boolean", "date", "choice"])
def test_blank_is_left_out_so_it_never_overwrites(blank, kind):
    assert mapped(blank, kind) is None


def test_a_field_that_was_not_there_is_left_out():
    rows = [MappingRow("field:gone", "x"), MappingRow("consent:marketing", "y")]
    record = map_signup(signup(), rows)
    assert record.values == {} and record.left_out == {}


def test_consent_is_what_was_really_given():
    rows = [
        MappingRow("consent:marketing", "given"),
        MappingRow("consent:marketing:wording", "wording"),
        MappingRow("consent:marketing:recorded_at", "day"),
    ]
    attributes = [
        Attribute("given", "", "boolean"),
        Attribute("wording", "", "text"),
        Attribute("day", "", "date"),
    ]

    def values(*consents):
        record = map_signup(signup(consents=consents), rows, attributes)
        return {name: value.value for name, value in record.values.items()}

    yes = {"given": True, "wording": "News, please", "day": "2026-11-23"}
    assert values(consent(True)) == yes
    assert values(consent(False)) == {"given": False}
    assert values(consent(True), consent(False)) == {"given": False}
    assert values(consent(True), consent(True, wording="SMS"))["wording"] == "News, please\nSMS"
    assert values(consent(True, purpose="terms")) == {}


# what values become


@pytest.mark.parametrize(
    "value, kind, result",
    [
        ("+4915112345678", "phone", "+4915112345678"),
        ("a@b.example", "email", "a@b.example"),
        ("1990-05-17", "date", "1990-05-17"),
        ("--05-17", "date", None),
        ("--05-17", "string", "05-17"),
        ("--05-17", "", "05-17"),
        ("1990-05-17", "", "1990-05-17"),
        ("soon", "date", None),
        (True, "string", "Yes"),
        (False, "text", "No"),
        (False, "", False),
        (True, "boolean", True),
        (False, "boolean", False),
        ("yes", "boolean", True),
        ("Off", "boolean", False),
        ("perhaps", "boolean", None),
        ("42", "number", 42),
        ("-3,5", "number", -3.5),
        ("1.234,5", "number", None),
        ("٤٢", "number", None),
        ("Blue", "list", ["Blue"]),
        ("Blue", "choice", "Blue"),
        ("anything", "kind of the future", "anything"),
    ],
)
def test_a_value_takes_the_type_of_its_attribute(value, kind, result):
    assert mapped(value, kind) == result
    assert type(mapped(value, kind)) is type(result)


def test_choices_become_their_labels():
    choices = {"o-1": "Coffee", "o-2": "Tea"}
    assert mapped("o-1", choices=choices) == "Coffee"
    assert mapped(["o-1", "o-2"], choices=choices) == ["Coffee", "Tea"]
    assert mapped(["o-1", "o-2"], "string", choices=choices) == "Coffee, Tea"
    assert mapped(["o-2", "o-2"], "list", choices=choices) == ["Tea"]
    assert mapped("o-9", "string", choices=choices) == "o-9", "an unknown option stays visible"


def test_labels_find_the_options_of_the_crm():
    options = (("COFFEE", "Coffee & cake"), ("TEA", "Tea"))
    assert mapped("coffee and more", "choice", options=options) is None
    assert mapped("coffee  &  cake", "choice", options=options) == "COFFEE"
    assert mapped("tea", "choice", options=options) == "TEA"
    assert mapped(["Tea"], "choice", options=options) == "TEA"
    assert mapped(["Tea", "Milk"], "list", options=options) == ["TEA"]


@pytest.mark.parametrize(
    "value, kind, reason",
    [
        ("--05-17", "date", "no year"),
        ("soon", "date", "isn't a date"),
        ("perhaps", "boolean", "neither yes nor no"),
        ("many", "number", "isn't a number"),
        (["Tea", "Milk"], "choice", "several"),
        ("Milk", "choice", "no option Milk"),
        (["Tea", "Milk"], "list", "no option Milk"),
    ],
)
def test_what_an_attribute_cannot_hold_is_named(value, kind, reason):
    attribute = Attribute("x", "X", kind, options=(("TEA", "Tea"),))
    data = signup(answer(value=value, key="k"))
    record = map_signup(data, [MappingRow("field:k", "x")], [attribute])
    assert reason in record.left_out["x"]


def test_an_attribute_that_may_not_be_written_is_left_out_and_named():
    assert mapped("1", "string", writable=False) is None
    attribute = Attribute("x", "X", "string", writable=False)
    record = map_signup(signup(), [MappingRow("signup:id", "x")], [attribute])
    assert "written" in record.left_out["x"]


def test_an_attribute_that_the_crm_no_longer_lists_is_sent_so_that_the_crm_says_so():
    record = map_signup(
        signup(), [MappingRow("signup:id", "gone")], [Attribute("x", "X", "string")]
    )
    assert record.values["gone"].value == "s-1"


# rows


def test_rows_survive_storage():
    rows = (MappingRow("meaning:email", "email"), MappingRow("field:a-1", "notes", "append"))
    assert rows_from_json(rows_to_json(rows)) == rows
    assert rows_from_json([{"source": "signup:id", "attribute": "x"}])[0].mode == "overwrite"


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        ["meaning:email"],
        [{}],
        [{"source": "meaning:email", "attribute": " "}],
        [{"source": "meaning:email", "attribute": 5}],
        [{"source": "secret:key", "attribute": "x"}],
        [{"source": "signup:__class__", "attribute": "x"}],
        [{"source": "consent:marketing:given", "attribute": "x"}],
        [{"source": "signup:id", "attribute": "x", "mode": "delete"}],
        [{"source": "signup:id", "attribute": "x", "extra": 1}],
    ],
)
def test_data_that_is_no_mapping_is_refused(data):
    with pytest.raises(MappingError):
        rows_from_json(data)


def test_rows_to_one_attribute_apply_in_order():
    data = signup(answer(value="A", key="a"), answer(value="B", key="b"))

    def values(first, second):
        rows = [MappingRow("field:a", "x", first), MappingRow("field:b", "x", second)]
        found = map_signup(data, rows).values["x"]
        return found.value, found.mode

    assert values("overwrite", "overwrite") == ("B", "overwrite")
    assert values("only_if_empty", "overwrite") == ("B", "overwrite")
    assert values("overwrite", "only_if_empty") == ("A", "overwrite")
    assert values("overwrite", "append") == ("A, B", "overwrite")
    assert values("append", "append") == ("A, B", "append")


def test_append_makes_sense_for_text_and_lists_only():
    def mode(kind):
        data = signup(answer(value="1990-05-17", key="k"))
        rows = [MappingRow("field:k", "x", "append")]
        return map_signup(data, rows, [Attribute("x", "X", kind)]).values["x"].mode

    assert {kind: mode(kind) for kind in ("string", "text", "list", "date", "email")} == {
        "string": "append",
        "text": "append",
        "list": "append",
        "date": "overwrite",
        "email": "overwrite",
    }


def test_the_first_mapping_follows_the_hints_and_then_equal_names():
    attributes = [
        Attribute("EMAIL", "E-mail", "email"),
        Attribute("FNAME", "First name", "string"),
        Attribute("Last-Name", "Surname", "string"),
        Attribute("birthday", "Birthday", "date", writable=False),
        Attribute("LAST_NAME", "Twice", "string"),
    ]
    hints = {"meaning:email": "EMAIL", "consent:marketing": "gone", "meaning:birthday": "birthday"}
    assert [(row.source, row.attribute) for row in default_rows(attributes, hints)] == [
        ("meaning:email", "EMAIL"),
        ("meaning:first_name", "FNAME"),
        ("meaning:last_name", "Last-Name"),
    ]


def test_where_any_name_goes_the_hints_are_the_first_mapping():
    assert default_rows([], {"meaning:email": "mail"}) == (MappingRow("meaning:email", "mail"),)


def test_required_attributes_that_no_row_fills_are_found():
    needed = Attribute("a", "A", "string", required=True)
    attributes = [
        needed,
        Attribute("b", "B", "string", required=True),
        Attribute("c", "C", "string"),
        Attribute("d", "D", "string", required=True, writable=False),
    ]
    assert unmapped_required([MappingRow("signup:id", "b")], attributes) == [needed]


# meeting what is there


@pytest.mark.parametrize(
    "value, mode, existing, sent",
    [
        ("new", "overwrite", "old", "new"),
        ("new", "overwrite", None, "new"),
        (False, "overwrite", True, False),
        ("new", "only_if_empty", "old", None),
        ("new", "only_if_empty", " ", "new"),
        (True, "only_if_empty", False, None),
        ("new", "append", "", "new"),
        ("new", "append", "old", "old, new"),
        ("new", "append", "old, new", None),
        ("new", "append", "renewed", "renewed, new"),
        (["b", "c"], "append", ["a", "b"], ["a", "b", "c"]),
        (["a"], "append", ["b", "a"], None),
        ("c", "append", ["a"], ["a", "c"]),
        (["b", "c"], "append", "a, b", "a, b, c"),
        (7, "append", 5, 7),
        (7, "append", ["a"], 7),
        (7, "append", "a", "a, 7"),
        ("", "overwrite", "old", None),
        ([], "append", ["a"], None),
    ],
)
def test_a_value_meets_what_is_there_as_its_mode_says(value, mode, existing, sent):
    result = merge({"x": MappedValue(value, mode)}, {"x": existing, "other": 1})
    assert result == ({} if sent is None else {"x": sent})


def test_long_text_is_appended_on_a_line_of_its_own():
    attribute = Attribute("x", "X", "text")
    record = map_signup(signup(), [MappingRow("signup:page", "x", "append")], [attribute])
    assert merge(record.values, {"x": "Met at the fair"}) == {"x": "Met at the fair\nJoin"}


@given(
    value=st.text(min_size=1) | st.lists(st.text(min_size=1)),
    existing=st.none() | st.text() | st.lists(st.text(min_size=1)),
    mode=st.sampled_from(["overwrite", "only_if_empty", "append"]),
)
def test_delivering_twice_changes_nothing_more(value, existing, mode):
    values = {"x": MappedValue(value, mode)}
    once = {"x": existing, **merge(values, {"x": existing})}
    assert {**once, **merge(values, once)} == once


def test_several_sign_ups_of_one_person_are_one_record_and_the_later_wins():
    def record(ref, first_name, tags, **more):
        data = signup(answer("first_name", first_name), answer(value=tags, key="t"), id=ref, **more)
        rows = [MappingRow("meaning:first_name", "name"), MappingRow("field:t", "tags", "append")]
        return map_signup(data, rows, [Attribute("tags", "", "list")])

    both = combine([record("s-1", "Ann", "Tea", is_test=True), record("s-2", "Anna", "Coffee")])
    assert both.ref == "s-2" and not both.is_test
    assert both.values["name"].value == "Anna"
    assert both.values["tags"] == MappedValue(["Tea", "Coffee"], "append")
