"""Any CRM with a JSON API, described by a document, against a fake that nobody wrote code for."""

import copy
import json
import os
import uuid
from pathlib import Path

import pytest

from integrations.connectors.base import (
    Account,
    CredentialsRefused,
    Delivered,
    Identity,
    NeedsAttention,
    RetryLater,
    TryLater,
)
from integrations.connectors.generic_definition import BadDefinition, parse
from integrations.connectors.generic_rest import GenericRestConnector, options
from integrations.connectors.generic_templates import Missing, at, path_of, query_of, render
from integrations.http import Http
from integrations.tests.fakes.generic import DEFINITION, KEY, GenericCrm
from integrations.tests.fakes.people import at_once, person, record

PHONE = Identity("phone", "+33612345678")
EXAMPLES = Path(__file__).parents[2] / "docs" / "connectors" / "examples"


@pytest.fixture
def fake():
    with GenericCrm() as fake:
        yield fake
        fake.verify()


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=0.5) as http:
        yield http


@pytest.fixture
def connector(fake, http):
    return connect(fake, http)


def changed(**parts) -> dict:
    return {**copy.deepcopy(DEFINITION), **parts}


def connect(fake, http, key=KEY, definition=DEFINITION):
    text = definition if isinstance(definition, str) else json.dumps(definition)
    config = {"address": fake.address, "key": key, "definition": text}
    return GenericRestConnector(config, http)


# --- Who and what ---


def test_a_check_says_whose_account_it_is(connector):
    assert connector.check() == Account("Nobody's CRM", "Ann's shop")


def test_a_check_without_a_name_says_the_host(fake, http):
    plain = connect(fake, http, definition=changed(check={"path": "/me"}))
    assert plain.check().detail.startswith("127.0.0.1:")


def test_a_bad_key_pauses_the_connection(fake, http):
    with pytest.raises(CredentialsRefused) as refused:
        connect(fake, http, key="wrong").check()
    assert (refused.value.code, refused.value.message) == ("bad_key", "Who are you?")
    with pytest.raises(CredentialsRefused):
        connect(fake, http, key="a\r\nX-Evil: b").check()
    assert not any("X-Evil" in call.headers for call in fake.calls)


@pytest.mark.parametrize("kind", ["bearer", "basic"])
def test_each_way_to_log_in_sends_what_its_standard_says(fake, http, kind):
    sent = {"bearer": KEY, "basic": "dXNlcjpwYXNz"}
    fake.keys.add(sent["basic"])
    key = KEY if kind == "bearer" else "user:pass"
    connect(fake, http, key, changed(auth={"kind": kind})).check()
    assert fake.calls[-1].headers["Authorization"] == f"{kind.capitalize()} {sent[kind]}"


def test_oauth_fetches_one_token_for_many_calls(fake, http):
    auth = {"kind": "oauth2", "token_path": "/token", "scope": "people"}
    connector = connect(fake, http, "id:secret", changed(auth=auth))
    connector.check()
    assert isinstance(connector.upsert([record(email="ann@example.com")])["s-1"], Delivered)
    (asked,) = fake.asked("POST", "/token")
    assert asked.body["scope"] == "people" and asked.body["client_id"] == "id"
    with pytest.raises(CredentialsRefused):
        connect(fake, http, "id:wrong", changed(auth=auth)).check()
    fake.answers(500, None, path="/token")
    with pytest.raises(TryLater):
        connect(fake, http, "id:secret", changed(auth={**auth, "scope": ""})).check()


def test_attributes_are_those_of_the_document(connector):
    email, first, _, colour, _ = connector.describe()
    assert (email.type, email.required, email.unique) == ("email", True, True)
    assert (first.label, first.type) == ("First name", "string")
    assert colour.options == (("red", "red"), ("blue", "blue"))


def test_attributes_are_read_from_the_crm(fake, http):
    source = {
        **{"path": "/fields", "items": "fields", "name": "key", "label": "title"},
        **{"type": "kind", "types": {"mail": "email"}, "required": "must", "options": "choices"},
    }
    email, size = connect(fake, http, definition=changed(attributes=source)).describe()
    assert (email.label, email.type, email.required) == ("Mail", "email", True)
    assert (size.label, size.options) == ("size", (("S", "S"), ("l", "L")))
    assert options("nonsense") == ()


# --- Delivering ---


def test_a_new_person_is_created_by_the_template_and_linked(fake, connector):
    outcome = connector.upsert(
        [record(email="ann@example.com", first_name="Ann", colour="red", note="Hi")]
    )["s-1"]
    assert outcome == Delivered("p/1", f"{fake.address}/app/people/p%2F1")
    assert fake.people["p/1"] == {
        **{"key": "p/1", "mail": "ann@example.com", "name": {"first": "Ann"}},
        **{"tags": [{"colour": "red"}, "ours"], "remark": "From s-1: Hi"},
    }


def test_what_has_no_value_leaves_no_trace(fake, connector):
    connector.upsert([record(email="ann@example.com")])
    assert fake.people["p/1"] == {"key": "p/1", "mail": "ann@example.com", "tags": ["ours"]}


def test_a_second_sign_up_updates_the_same_person_and_blank_clears_nothing(fake, connector):
    connector.upsert([record(email="ann@example.com", first_name="Ann", note="Hi")])
    again = connector.upsert([record("s-2", email="ann@example.com", first_name="", phone="+31")])
    assert again["s-2"].remote_id == "p/1" and len(fake.people) == 1
    held = fake.people["p/1"]
    assert held["name"] == {"first": "Ann"} and held["tel"] == "+31"


def test_nothing_new_is_not_written(fake, connector):
    for ref in ("s-1", "s-2"):
        connector.upsert([record(ref, email="ann@example.com")])
    assert fake.asked("PUT") == []


def test_only_if_empty_and_append_look_first(fake, connector):
    connector.upsert([record(email="ann@example.com", first_name="Ann", note="One")])
    connector.upsert([record("s-2", mode="only_if_empty", first_name="Eve", phone="+31")])
    assert fake.people["p/1"]["name"] == {"first": "Ann"} and fake.people["p/1"]["tel"] == "+31"
    connector.upsert([record("s-3", mode="append", note="Two")])
    assert fake.people["p/1"]["remark"] == "From s-1: One, Two"


def test_without_a_way_to_read_modes_have_nothing_to_look_at(fake, http):
    there = {name: part for name, part in DEFINITION.items() if name != "read"}
    connector = connect(fake, http, definition=there)
    connector.upsert([record(email="ann@example.com", first_name="Ann")])
    connector.upsert([record("s-2", mode="only_if_empty", first_name="Eve")])
    assert fake.people["p/1"]["name"] == {"first": "Eve"}
    assert connector.read_back("p/1", ["email"]) == {"email": None}


def test_a_person_is_found_by_number(fake, connector):
    for ref in ("s-1", "s-2"):
        outcome = connector.upsert([record(ref, PHONE, first_name=ref)])[ref]
        assert outcome.remote_id == "p/1"
    assert fake.people["p/1"]["tel"] == PHONE.value
    nobody = connector.upsert([record("s-3", Identity("external", "s-3"), first_name="X")])["s-3"]
    assert nobody == NeedsAttention("no_lookup", "The CRM can't be searched for this person.")


def test_an_attribute_that_the_document_does_not_name_is_said_and_not_dropped(connector):
    outcome = connector.upsert([record(email="ann@example.com", shoe_size="42")])["s-1"]
    assert isinstance(outcome, NeedsAttention) and "shoe_size" in outcome.message


def test_one_bad_row_does_not_hold_up_the_others(fake, connector):
    outcomes = connector.upsert(
        [record(f"s-{n}", person(n), first_name="Bad" if n == 2 else "Ann") for n in (1, 2, 3)]
    )
    assert outcomes["s-2"] == NeedsAttention("bad_name", "No such name: •••") or (
        isinstance(outcomes["s-2"], NeedsAttention) and outcomes["s-2"].code == "bad_name"
    )
    assert {ref for ref, one in outcomes.items() if isinstance(one, Delivered)} == {"s-1", "s-3"}


def test_a_time_out_after_creating_makes_no_second_contact(fake, connector):
    fake.fault("hang", path="/people", method="POST", after=True)
    with pytest.raises(TryLater):
        connector.upsert([record(email="ann@example.com")])
    assert isinstance(connector.upsert([record(email="ann@example.com")])["s-1"], Delivered)
    assert len(fake.people) == 1


@pytest.mark.parametrize(
    ("status", "ends"), [(500, RetryLater), (422, NeedsAttention), (409, NeedsAttention)]
)
def test_a_no_to_one_person_ends_that_person(fake, connector, status, ends):
    fake.answers(status, {"error": {"name": "x", "text": "no"}}, path="/people", method="POST")
    outcomes = connector.upsert([record("s-1"), record("s-2", person(2))])
    assert isinstance(outcomes["s-1"], ends) and isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_crm_is_asked_later(fake, connector, status):
    fake.answers(status, None, headers={"Retry-After": "7"})
    with pytest.raises(TryLater) as later:
        connector.upsert([record()])
    assert later.value.after == 7


@pytest.mark.parametrize("body", [b"<html>", {"found": "text"}, [], {"found": [7]}])
def test_an_answer_of_another_shape_is_nothing_to_crash_over(fake, connector, body):
    fake.answers(200, body, path="/people", method="GET", real=False)
    try:
        connector.upsert([record()])
    except TryLater:
        pass


def test_an_answer_without_an_id_is_looked_for_at_the_next_try(fake, connector):
    fake.fault("answer", path="/people", method="POST", answer=(201, {}, {}))
    with pytest.raises(TryLater) as later:
        connector.upsert([record()])
    assert later.value.code == "no_id"


def test_twenty_at_once_of_different_people_are_twenty(fake, http):
    records = [record(f"s-{n}", person(n)) for n in range(20)]
    outcomes = at_once(lambda: connect(fake, http), records)
    assert len(fake.people) == len(outcomes) == 20


def test_a_contact_is_read_back_and_deleted(fake, connector):
    connector.upsert([record(email="ann@example.com", first_name="Ann")])
    assert connector.can_read_back and connector.can_delete
    assert connector.read_back("p/1", ["email", "first_name", "phone"]) == {
        **{"email": "ann@example.com", "first_name": "Ann", "phone": None}
    }
    for _ in range(2):
        connector.delete("p/1")  # one that is gone already is fine
    assert fake.people == {} and connector.read_back("p/1", ["email"]) == {"email": None}
    there = {name: part for name, part in DEFINITION.items() if name != "delete"}
    plain = connect(fake, connector.http, definition=there)
    with pytest.raises(TryLater, match="please delete it in the CRM"):
        plain.delete("p/1")


# --- Documents ---

WRONG = [
    ("nonsense", "isn't JSON"),
    ("[]", "must be an object"),
    ("{}", '"format" must be 1'),
    ("x" * 60_000, "longer than"),
    ("[" * 30_000, "isn't JSON"),
    (changed(extra=1), "extra is unknown"),
    (changed(name=7), "must be a text"),
    (changed(name="a\nb"), "on one line"),
    (changed(lookup={}), "how a person is found"),
    (changed(lookup={"shoe": {"path": "/x"}}), "shoe is unknown"),
    (changed(auth={"kind": "magic"}), "magic"),
    (changed(auth={"kind": "header", "header": "X:\r\nY"}), "on one line"),
    (changed(auth={"kind": "header", "header": "X Y"}), "no name of a header"),
    (changed(auth={"kind": "oauth2"}), "auth.token_path"),
    (changed(check={"path": "https://evil.example/"}), "stay on the host"),
    (changed(check={"path": "//evil.example/"}), "stay on the host"),
    (changed(check={"path": "/../x"}), "stay on the host"),
    (changed(check={"path": "/a\\b"}), "stay on the host"),
    (changed(check={"path": "/a b"}), "stay on the host"),
    (changed(check={"path": 7}), "stay on the host"),
    (changed(check={"path": "/x", "method": "TRACE"}), "no method"),
    (changed(check={"path": "/x", "items": "a..b"}), "points between"),
    (changed(check={"path": "/x", "wrong": 1}), "wrong is unknown"),
    (changed(create={"path": "/x", "body": json.loads("[" * 15 + "]" * 15)}), "levels"),
    (changed(attributes=[]), "at least one"),
    (changed(attributes=[{"name": "a"}, {"name": "a"}]), "each once"),
    (changed(attributes=[{"name": "a", "type": "shoe"}]), "type must be one of"),
    (changed(attributes=[{"name": "a", "options": [1]}]), "list of texts"),
    (changed(attributes={"path": "/f", "types": {"x": "shoe"}}), "no type of ours"),
    (changed(link="https://evil.example/{id}"), "stay on the host"),
]


@pytest.mark.parametrize(("document", "said"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_document_is_refused_with_the_place_and_nothing_is_asked(
    fake, http, document, said
):
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(BadDefinition, match=said):
        parse(text)
    with pytest.raises(CredentialsRefused) as refused:
        connect(fake, http, definition=text).check()
    assert refused.value.code == "bad_definition" and fake.calls == []


@pytest.mark.parametrize("name", ["tryton", "bottlecrm"])
def test_our_examples_can_be_used_as_they_are(name):
    assert parse((EXAMPLES / f"{name}.json").read_text()).name


# --- Templates ---


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{a}", 1),
        ("x {a} {b}", "x 1 two"),
        ({"x": "{a}", "y": "{gone}"}, {"x": 1}),
        ([["create", [{"v": "{a}"}]], ["create", [{"v": "{gone}"}]]], [["create", [{"v": 1}]]]),
        ({"x": {"y": "{gone}"}, "z": []}, {"z": []}),
        (True, True),
        ("{{a}}", "{1}"),
    ],
)
def test_a_template_keeps_what_has_a_value(template, rendered):
    assert render(template, {"a": 1, "b": "two", "c": "", "d": None}) == rendered


@pytest.mark.parametrize("template", ["{c}", "a {d}", {"x": "{c}"}, ["{d}"], [{"x": "{c}"}]])
def test_a_template_without_any_value_is_missing(template):
    with pytest.raises(Missing):
        render(template, {"c": "", "d": None})


def test_a_value_is_one_segment_of_a_path_and_text_in_a_query():
    values = {"id": "../../admin?x=1#y", "value": 'a"b&c'}
    assert path_of("/people/{id}", values) == "/people/..%2F..%2Fadmin%3Fx%3D1%23y"
    query = {"a": "{value}", "d": {"json": [["e", "{value}"]]}, "g": "{gone}"}
    assert query_of(query, values) == {"a": 'a"b&c', "d": '[["e","a\\"b&c"]]'}
    encoded = query_of({"d": {"base64json": ["{value}"]}}, {"value": "é"})
    assert encoded == {"d": "WyLDqSJd"}


def test_a_path_into_an_answer_finds_what_is_there_or_nothing():
    answer = {"a": [{"b": 1}]}
    assert at(answer, "a.0.b") == 1 and at(answer, "") is answer
    for nothing in ("a.1", "a.x", "a.0.b.c", "z"):
        assert at(answer, nothing) is None


# --- Real CRMs (make conformance starts them) ---


@pytest.mark.parametrize("name", ["tryton", "bottlecrm"])
def test_a_real_crm_takes_a_person_once_and_keeps_what_is_not_said(name):
    url, key = (os.environ.get(f"CONFORMANCE_{name.upper()}_{what}") for what in ("URL", "KEY"))
    if not url:
        pytest.skip(f"CONFORMANCE_{name.upper()}_URL names no server: make conformance starts one")
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    who = Identity("email", email)
    names = {"tryton": {"name": "Ann Lee"}, "bottlecrm": {"first_name": "Ann", "last_name": "Lee"}}
    with Http(allow_private=True, read_timeout=20) as http:
        config = {
            **{"address": url, "key": key},
            "definition": (EXAMPLES / f"{name}.json").read_text(),
        }
        connector = GenericRestConnector(config, http)
        assert connector.check().name and connector.describe()
        first = connector.upsert([record("s-1", who, email=email, **names[name])])["s-1"]
        assert isinstance(first, Delivered), first
        second = connector.upsert([record("s-2", who, email=email, **names[name])])["s-2"]
        assert second.remote_id == first.remote_id
        blank = dict.fromkeys(names[name], "")
        third = connector.upsert([record("s-3", who, email=email, **blank)])["s-3"]
        assert third.remote_id == first.remote_id
        wrong = GenericRestConnector({**config, "key": "wrong"}, http)
        with pytest.raises(CredentialsRefused):
            wrong.check()
