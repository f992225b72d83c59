"""What is shown is decided from one table, on the server and on the tablet alike."""

import json
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.http import urlencode
from django_tenants.utils import tenant_context

from forms_app import conditions, intake
from forms_app.conditions import TESTS, TESTS_OF_KIND, passes, problems, visible
from forms_app.kinds import KINDS
from forms_app.models import Signup
from forms_app.versions import find_version

from .shop import choice, field, key, stream

HERE = Path(__file__).parent
CASES = json.loads((HERE / "conditions.json").read_text())
MODULE = (HERE.parent / "static" / "forms_app" / "conditions.js").read_text()


def when(name: str, test: str, value: str = "", match: str = "all") -> dict:
    return {"match": match, "rules": [{"field": key(name), "test": test, "value": value}]}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_table(case):
    assert sorted(visible(case["fields"], case["answers"])) == case["visible"]


@pytest.mark.browser
def test_the_tablet_decides_the_same(page):
    shown = page.evaluate(
        """async ([source, cases]) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            const { visible } = await import(url);
            return cases.map(({ fields, answers }) => [...visible(fields, answers)].sort());
        }""",
        [MODULE, CASES],
    )
    assert shown == [case["visible"] for case in CASES]


def test_the_table_has_every_test_and_every_kind_that_one_can_ask_about():
    rules = [
        (rule["test"], field_["kind"])
        for case in CASES
        for asked in case["fields"]
        for rule in (asked["condition"] or {"rules": []})["rules"]
        for field_ in case["fields"]
        if field_["key"] == rule["field"]
    ]
    assert {test for test, _ in rules} == set(TESTS)
    assert set(TESTS_OF_KIND) <= {kind for _, kind in rules}


@pytest.mark.parametrize("kind", [kind for kind, about in KINDS.items() if about.form_field])
def test_every_field_can_be_asked_about(kind):
    found = conditions.tests_for(kind)
    assert found and found <= set(TESTS)


def test_arabic_digits_and_infinity_are_no_numbers():
    for answer in ("٣", "inf", "NaN", "1_000", "--1", "1.", "."):
        assert not passes("at_least", answer, "0") and not passes("at_most", answer, "9"), answer


def refused(*fields) -> dict[int, str]:
    """Which blocks are refused on saving, and with which words."""
    value = stream(*fields)
    with pytest.raises(ValidationError) as error:
        value.stream_block.clean(value)
    return {
        number: str(one.block_errors["condition"].message)
        for number, one in error.value.block_errors.items()
    }


def test_a_page_with_sound_conditions_is_taken():
    value = stream(
        field("consent", "club"),
        field("birthday", condition=when("club", "ticked")),
        choice("colour", "Red", "Blue"),
        field("short_text", condition=when("colour", "is", key("Red"))),
    )
    value.stream_block.clean(value)


@pytest.mark.parametrize(
    "fields, at, words",
    [
        ([field("email", condition=when("gone", "answered"))], 0, "isn't on the page"),
        ([field("email", condition=when("email", "answered"))], 0, "itself"),
        (
            [field("heading", text="Hi"), field("email", condition=when("heading", "answered"))],
            1,
            "Nobody answers",
        ),
        (
            [
                field("hidden", label="Campaign", value="x"),
                field("email", condition=when("hidden", "answered")),
            ],
            1,
            "Nobody answers",
        ),
        ([field("number"), field("email", condition=when("number", "ticked"))], 1, "doesn't fit"),
        ([field("number"), field("email", condition=when("number", "is", "x"))], 1, "a number"),
        ([field("yes_no"), field("email", condition=when("yes_no", "is", "maybe"))], 1, "no such"),
        ([choice("c", "A", "B"), field("email", condition=when("c", "is", "x"))], 1, "no such"),
        ([field("country"), field("email", condition=when("country", "is"))], 1, "compared with"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_at_its_block(fields, at, words):
    ((number, message),) = refused(*fields).items()
    assert number == at and words in message


def test_conditions_that_wait_for_each_other_are_refused():
    found = refused(
        field("short_text", "a", condition=when("b", "answered")),
        field("short_text", "b", condition=when("c", "answered")),
        field("short_text", "c", condition=when("a", "answered")),
        field("short_text", "d", condition=when("a", "answered")),
    )
    assert set(found) == {0, 1, 2} and all("circle" in message for message in found.values())


def test_a_template_of_fields_has_no_problems_where_nothing_is_conditional():
    assert problems([{"key": "a", "kind": "email", "label": "E-mail"}], KINDS) == {}


def test_what_is_hidden_is_neither_required_nor_stored_nor_asked_for_consent(shops):
    for shop in shops:
        shop.publish(
            field("yes_no", "club", required=True),
            field("birthday", required=True, condition=when("club", "is", "yes")),
            field("consent", "news", condition=when("club", "is", "yes")),
        )
        hidden = shop.sign_up({"club": "no", "birthday": ("17", "5", "1990"), "news": "yes"})
        assert hidden.answers == {key("club"): False}
        assert not hidden.consents.all() and not hidden.by_meaning("birthday")
        missing = shop.send({"club": "yes"}).json()["errors"]
        assert set(missing) == {key("birthday")}
        shown = shop.sign_up({"club": "yes", "birthday": ("17", "5", ""), "news": "yes"})
        assert shown.answers[key("birthday")] == "--05-17"
        assert [consent.given for consent in shown.consents.all()] == [True]


def test_what_is_typed_wrong_where_nobody_sees_it_is_no_error(shops):
    acorn, _ = shops
    acorn.publish(
        field("yes_no", "club"),
        field("email", condition=when("club", "is", "yes")),
    )
    assert acorn.sign_up({"club": "no", "email": "nonsense"}).email == ""
    assert acorn.send({"club": "yes", "email": "nonsense"}).status_code == 422


def test_a_mistake_loses_nothing_of_what_depends_on_it(shops):
    """On the tablet an address that is wrong is an address: the consent below it was seen."""
    for shop in shops:
        shop.publish(
            field("email", "mail"),
            field("consent", "news", label="News?", condition=when("mail", "answered")),
            field("consent", "terms", label="Terms?", purpose="terms", required=True),
        )
        version_id = shop.version()
        with shop.inside():
            version = find_version(shop.schema, version_id)
            data = QueryDict(urlencode({key("mail"): "robin@nowhere", key("news"): "yes"}))
            with pytest.raises(intake.Invalid) as invalid:
                intake.take(version, data, origin="queue")
            assert set(invalid.value.form.errors) == {key("mail"), key("terms")}
            kept = intake.keep_aside(version, data, invalid.value, origin="queue")
            signup = Signup.objects.get(pk=kept)
        assert signup.answers == {
            key("mail"): "robin@nowhere", key("news"): True, key("terms"): False
        }  # fmt: skip
        with tenant_context(shop.retailer):
            given = {consent.wording: consent.given for consent in signup.consents.all()}
        assert given == {"News?": True, "Terms?": False}
