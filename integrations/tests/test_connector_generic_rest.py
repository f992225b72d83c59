"""Any CRM with a JSON API, described by a document, against a fake that nobody wrote code for."""

import copy
import json
import os
import time
import uuid
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tenants.utils import tenant_context

from integrations.admin.probe import probe
from integrations.connectors import generic_pages
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
from integrations.models import Connection
from integrations.tests.fakes.generic import DEFINITION, KEY, GenericCrm
from integrations.tests.fakes.people import at_once, consent, person, record

PHONE = Identity("phone", "+33612345678")
EXAMPLES = Path(__file__).parents[2] / "docs" / "connectors" / "examples"


@pytest.fixture
def fake():
    with GenericCrm() as fake:
        yield fake
        fake.verify()


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=2) as http:
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
    account = plain.check()
    assert account.detail.startswith("127.0.0.1:")
    assert not account.certain, "a key may be of any account there"


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


# --- Lists in pages, schemas, consents, limits ---


def test_attributes_come_from_a_json_schema(fake, http):
    source = {"path": "/schema", "schema": "definitions.Person"}
    described = connect(fake, http, definition=changed(attributes=source)).describe()
    told = {one.name: one for one in described}
    assert (told["email"].type, told["email"].label, told["email"].required) == (
        *("email", "Mail", True),
    )
    assert told["email"].unique and not told["born"].required
    types = {name: one.type for name, one in told.items()}
    assert types == {
        **{"email": "email", "born": "date", "size": "choice", "vip": "boolean"},
        **{"tags": "list", "number": "number", "plan": "choice", "odd": "string"},
    }
    assert told["size"].options == (("S", "S"), ("L", "L"))
    assert not told["number"].writable


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#/properties/a"}}},
        {"properties": {"a": {"$ref": "https://elsewhere.example/x"}}},
        {"properties": {"a": {"$ref": "#/nowhere"}}},
        {"properties": []},
        {},
        [],
        None,
    ],
)
def test_what_is_no_schema_is_a_bad_answer(fake, http, schema):
    fake.answers(200, {"schema": schema}, path="/schema", real=False)
    source = {"path": "/schema", "schema": "schema"}
    with pytest.raises(TryLater, match="bad_answer"):
        connect(fake, http, definition=changed(attributes=source)).describe()


def in_pages(fake, http, lists: dict) -> list[str]:
    consents = {**DEFINITION["consents"], "lists": {"path": "/lists", "id": "no", **lists}}
    connector = connect(fake, http, definition=changed(consents=consents))
    return [target.id for target in connector.consent_targets()]


def test_lists_are_read_to_the_last_page_however_pages_are_named(fake, http):
    assert in_pages(fake, http, {"items": "lists", "label": "title", "next": "more"}) == ["1", "2"]
    for page in ({"l": [{"no": 1}], "n": "c2"}, {"l": [{"no": 2}], "n": None}):
        fake.answers(200, page, path="/lists", real=False)
    assert in_pages(fake, http, {"items": "l", "next": "n", "next_query": "after"}) == ["1", "2"]
    assert fake.asked("GET", "/lists")[-1].query == {"after": "c2"}
    for page in ([{"no": 1}], [{"no": 2}], []):
        fake.answers(200, page, path="/lists", real=False)
    assert in_pages(fake, http, {"page_query": "p"}) == ["1", "2"]
    assert [call.query["p"] for call in fake.asked("GET", "/lists")[-3:]] == ["1", "2", "3"]


def test_the_key_goes_to_no_other_host_for_a_next_page(fake, http):
    page = {"lists": [{"no": 1}], "more": "https://elsewhere.example/lists?page=2"}
    fake.answers(200, page, path="/lists", real=False)
    with pytest.raises(TryLater, match="another host"):
        in_pages(fake, http, {"items": "lists", "next": "more"})
    fake.answers(200, {"lists": [{"no": 1}], "more": "no-path"}, path="/lists", real=False)
    with pytest.raises(TryLater, match="bad_answer"):
        in_pages(fake, http, {"items": "lists", "next": "more"})


def test_a_list_that_never_ends_is_given_up(fake, http, monkeypatch):
    monkeypatch.setattr(generic_pages, "MOST", 3)
    for _ in range(3):
        fake.answers(200, {"lists": [{"no": 1}], "more": "/lists"}, path="/lists", real=False)
    with pytest.raises(TryLater, match="too_many_pages"):
        in_pages(fake, http, {"items": "lists", "next": "more"})


def test_a_search_that_finds_more_is_narrowed_to_the_same_address(fake, http):
    fake.people["p/8"] = {"key": "p/8", "mail": "another.ann@example.com"}
    fake.people["p/9"] = {"key": "p/9", "mail": "Ann@Example.com", "name": {"first": "A"}}
    lookup = {"email": {"path": "/people", "items": "found", "id": "key", "match": "mail"}}
    found = {"found": list(fake.people.values())}
    fake.answers(200, found, path="/people", real=False)
    connector = connect(fake, http, definition=changed(lookup=lookup))
    outcome = connector.upsert([record(first_name="Ann")])["s-1"]
    assert outcome.remote_id == "p/9" and fake.people["p/8"].get("name") is None


def test_a_consent_leads_to_its_list_with_the_words_that_were_read(fake, connector):
    choice = consent("1")
    outcome = connector.upsert([record(first_name="Ann", consent_targets=(choice,))])["s-1"]
    assert isinstance(outcome, Delivered)
    assert fake.members == {(outcome.remote_id, "1"): "in"}
    (said,) = fake.consents
    assert said == {"words": choice.wording, "at": choice.recorded_at.isoformat()}
    connector.upsert([record(first_name="Ann", consent_targets=(choice,))])
    assert len(fake.consents) == 1  # who is on it isn't put on it again


def test_who_had_left_stays_away_and_the_rest_arrives(fake, connector):
    (known,) = connector.upsert([record(first_name="A")]).values()
    fake.members[known.remote_id, "1"] = "out"
    choices = (consent("1"), consent("2"))
    outcome = connector.upsert([record(first_name="Ann", consent_targets=choices)])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "unsubscribed")
    assert fake.members == {(known.remote_id, "1"): "out", (known.remote_id, "2"): "in"}
    assert fake.people[known.remote_id]["name"]["first"] == "Ann"


def test_lists_can_stand_in_the_document_and_be_missing_in_it(fake, http):
    lists = [{"id": "1", "label": "News"}, {"id": "2"}]
    consents = {**DEFINITION["consents"], "lists": lists}
    connector = connect(fake, http, definition=changed(consents=consents))
    assert [(one.id, one.label) for one in connector.consent_targets()] == [
        *(("1", "News"), ("2", "2")),
    ]
    without = {name: part for name, part in DEFINITION.items() if name != "consents"}
    connector = connect(fake, http, definition=without)
    assert connector.consent_targets() == []
    outcome = connector.upsert([record(consent_targets=(consent("1"),))])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "no_list")
    assert len(fake.people) == 1


@pytest.mark.parametrize(
    "parts, said",
    [
        ({"consents": {**DEFINITION["consents"], "state": {"path": "/x"}}}, "in left"),
        (
            {"consents": {**DEFINITION["consents"], "state": {"path": "/x", "left": "out"}}},
            "list of texts",
        ),
        ({"consents": {**DEFINITION["consents"], "lists": [{"label": "x"}]}}, "id must be"),
        ({"consents": {**DEFINITION["consents"], "lists": "x"}}, "must be an object"),
        ({"consents": {"lists": [], "more": 1}}, "unknown"),
        ({"rate_limit": {"reset": "no header!"}}, "no name of a header"),
        ({"rate_limit": {"seconds": "X"}}, "unknown"),
    ],
)
def test_mistakes_in_the_newer_parts_are_named(parts, said):
    with pytest.raises(BadDefinition, match=said):
        parse(json.dumps(changed(**parts)))


@pytest.mark.parametrize(
    "told, seconds",
    [("30", 30), (lambda: str(time.time() + 90), 90), ("99999", 3600), ("soon", None), ("-5", 0)],
)
def test_the_vendors_own_header_says_how_long_to_wait(fake, http, told, seconds):
    value = told() if callable(told) else told
    fake.answers(429, {}, path="/me", headers={"X-Reset": value}, real=False)
    with pytest.raises(TryLater) as error:
        connect(fake, http).check()
    assert error.value.after == (seconds if seconds is None else pytest.approx(seconds, abs=3))


def test_retry_after_comes_first_and_without_a_header_nothing_is_known(fake, http):
    for headers in ({"Retry-After": "7", "X-Reset": "30"}, {}):
        fake.answers(429, {}, path="/me", headers=headers, real=False)
    waits = []
    for definition in (DEFINITION, changed(rate_limit={})):
        with pytest.raises(TryLater) as error:
            connect(fake, http, definition=definition).check()
        waits.append(error.value.after)
    assert waits == [7, None]


def test_who_has_no_calls_left_asks_no_more(fake, http):
    connector = connect(fake, http)
    headers = {"X-Left": "0", "X-Reset": "60"}
    fake.answers(200, {"account": {"name": "x"}}, path="/me", headers=headers, real=False)
    connector.check()
    with pytest.raises(TryLater) as error:
        connector.check()
    assert error.value.code == "rate_limited" and 50 < error.value.after <= 60
    assert len(fake.asked("GET", "/me")) == 1
    connector.free_at = 0.0
    connector.check()


# --- A document goes from one shop to the next ---


def form_of(fake, **more) -> dict:
    return {"name": "Ours", "config_address": fake.address, "config_key": KEY, **more}


def test_one_shop_downloads_its_document_and_the_next_connects_with_the_file(
    retailers, fake, visitor
):
    acorn, birch = retailers
    typed = form_of(fake, config_definition=json.dumps(DEFINITION))
    owner = visitor(acorn)
    page = owner.post("connect/generic_rest/", typed, follow=True)
    assert "Ann&#x27;s shop" in page.text or "Ann's shop" in page.text
    with tenant_context(acorn):
        pk = Connection.objects.get(kind="generic_rest").pk
    path = f"{pk}/definition.json"
    assert f"/admin/crm/{path}" in owner.get(f"{pk}/change/").text
    file = owner.get(path)
    assert file["Content-Disposition"] == 'attachment; filename="ours-definition.json"'
    assert json.loads(file.content) == DEFINITION and KEY not in file.text
    for name in ("key", "address", "nothing"):
        assert owner.get(f"{pk}/{name}.json").status_code == 404
    neighbour = visitor(birch)
    assert neighbour.get(path).status_code == 404
    chosen = SimpleUploadedFile("crm.json", file.content, "application/json")
    with_file = form_of(fake, config_definition="", config_definition_file=chosen)
    neighbour.post("connect/generic_rest/", with_file)
    with tenant_context(birch):
        held = Connection.objects.get(kind="generic_rest").config["definition"]
    assert json.loads(held) == DEFINITION
    assert visitor(birch, "Viewers").get(path).status_code in (302, 403, 404)


@pytest.mark.parametrize("content", [b"x" * 60_000, b"\xff\xfe", b"no json"])
def test_a_file_that_is_no_document_is_refused_at_its_field(retailers, fake, visitor, content):
    chosen = SimpleUploadedFile("crm.json", content, "application/json")
    with_file = form_of(fake, config_definition="", config_definition_file=chosen)
    for retailer in retailers:
        page = visitor(retailer).post("connect/generic_rest/", with_file)
        assert page.status_code == 200
        with tenant_context(retailer):
            assert not Connection.objects.filter(kind="generic_rest").exists()
        chosen.seek(0)


@pytest.mark.parametrize(
    "minutes, said",
    [(12, "12 minutes ahead of ours"), (-7, "7 minutes behind ours"), (1, ""), (None, "")],
)
def test_a_crms_clock_that_is_wrong_is_said_when_it_is_asked_who_we_are(fake, minutes, said):
    headers = {}
    if minutes is not None:
        moment = datetime.now(timezone.utc) + timedelta(minutes=minutes)
        headers = {"Date": format_datetime(moment, usegmt=True)}
    fake.answers(200, {"account": {"name": "Ann"}}, path="/me", headers=headers, real=False)
    config = {"address": fake.address, "key": KEY, "definition": json.dumps(DEFINITION)}
    sentence = probe("generic_rest", config).sentence()
    assert sentence.startswith("Connected to")
    assert (said in sentence) if said else ("clock" not in sentence)
