"""The sandbox connector against the sandbox CRM, a real process, and against a hostile server."""

import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from integrations.connectors import CONNECTORS, connector_class
from integrations.connectors.base import (
    ATTRIBUTE_TYPES,
    Account,
    CredentialsRefused,
    Delivered,
    Identity,
    MappedValue,
    NeedsAttention,
    Record,
    RetryLater,
    TryLater,
)
from integrations.connectors.sandbox import SandboxConnector
from integrations.http import Http
from integrations.mapping import default_rows, unmapped_required
from integrations.tests.hostile import Hostile

ROOT = Path(__file__).parents[2]
numbers = itertools.count()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    command = [sys.executable, "-m", "customerinfo.demo.crm", "--port", "0", "--rate", "off"]
    command += ["--data", str(tmp_path_factory.mktemp("crm"))]
    command += [f"--account=Shop {number}=key-{number}" for number in range(60)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'site'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("Sandbox CRM listening"), line
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


class World:
    """One account of the CRM that no other test has seen, and the connector to it."""

    def __init__(self, address: str, http: Http) -> None:
        number = next(numbers)
        self.http, self.slug, self.address = http, f"shop-{number}", address.rstrip("/")
        self.config = {"base_url": address, "api_key": f"key-{number}"}
        self.connector = SandboxConnector(self.config, http)

    def api(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.config['api_key']}"}
        url = f"{self.address}/api/v1{path}"
        answer = self.http.request(method, url, headers=headers, json=body)
        return json.loads(answer.body or b"null")

    def fault(self, kind, **more):
        self.api("POST", "/faults", {"kind": kind, **more})

    def contacts(self, email="ann@example.com"):
        return self.api("GET", f"/contacts?email={email}")["contacts"]

    def calls(self):
        """(method, number of contacts, status) of every call so far, look-ups by tests aside."""
        return [
            (one["method"], one["count"], one["status"]) for one in self.api("GET", "/log")["calls"]
        ]


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=2) as http:
        yield http


@pytest.fixture
def world(address, http):
    return World(address, http)


@pytest.fixture
def hostile():
    with Hostile() as server:
        yield server


def record(ref="s-1", email="ann@example.com", *, identity=None, mode="overwrite", **values):
    more = {name: values.pop(name) for name in ("is_test", "remote_id") if name in values}
    if identity is None:
        identity, values = Identity("email", email), {"email": email, **values}
    mapped = {name: MappedValue(value, mode) for name, value in values.items()}
    return Record(ref=ref, identity=identity, values=mapped, **more)


def people(count):
    return [record(f"s-{number}", f"{number}@example.com") for number in range(count)]


# who and what


def test_a_check_says_whose_account_it_is(world):
    name = world.slug.replace("shop-", "Shop ")
    assert world.connector.check() == Account(name, f"Account {world.slug}")


def test_a_wrong_key_is_refused_by_the_vendors_name(world, http):
    connector = SandboxConnector({**world.config, "api_key": "wrong"}, http)
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "invalid_api_key"


def test_the_attributes_come_with_types_options_and_duties(world):
    attributes = {attribute.name: attribute for attribute in world.connector.describe()}
    assert attributes["email"].required and attributes["email"].unique
    assert not attributes["first_name"].required and attributes["first_name"].writable
    assert attributes["birthday"].type == "date" and attributes["tags"].type == "list"
    assert attributes["marketing_consent"].type == "boolean"
    assert ("en", "English") in attributes["language"].options
    assert not attributes["points"].writable
    assert {attribute.type for attribute in attributes.values()} <= set(ATTRIBUTE_TYPES)


def test_the_first_mapping_leaves_nothing_required_open(world):
    attributes = world.connector.describe()
    rows = default_rows(attributes, SandboxConnector.hints)
    assert {row.attribute for row in rows} == set(SandboxConnector.hints.values())
    assert unmapped_required(rows, attributes) == []


def test_every_registered_connector_can_be_had():
    for kind in CONNECTORS:
        connector = connector_class(kind)
        assert connector.kind == kind and connector.label and connector.config_fields
    with pytest.raises(KeyError):
        connector_class("fax")


# delivering


def test_a_batch_goes_in_one_call(world):
    outcomes = world.connector.upsert(people(50))
    assert len(outcomes) == 50
    assert all(isinstance(outcome, Delivered) for outcome in outcomes.values())
    assert world.calls() == [("POST", 50, 200)]


def test_a_delivery_names_the_contact_and_where_to_see_it(world):
    outcome = world.connector.upsert([record(first_name="Ann")])["s-1"]
    (contact,) = world.contacts()
    assert outcome.remote_id == contact["id"]
    assert outcome.url == f"{world.address}/{world.slug}/contacts/{contact['id']}"
    assert world.http.request("GET", outcome.url).status == 200


def test_the_same_again_changes_nothing(world):
    first = world.connector.upsert([record()])
    assert world.connector.upsert([record()]) == first
    assert len(world.contacts()) == 1


def test_a_known_contact_is_found_by_its_id_even_after_a_new_address(world):
    outcome = world.connector.upsert([record()])["s-1"]
    world.api("PATCH", f"/contacts/{outcome.remote_id}", {"attributes": {"email": "x@y.example"}})
    again = record("s-2", remote_id=outcome.remote_id, first_name="Ann")
    assert world.connector.upsert([again])["s-2"].remote_id == outcome.remote_id
    (contact,) = world.contacts()
    assert contact["id"] == outcome.remote_id and contact["attributes"]["first_name"] == "Ann"


@pytest.mark.parametrize("mode", ["overwrite", "only_if_empty"])
def test_a_contact_that_was_deleted_there_is_created_anew(world, mode):
    outcome = world.connector.upsert([record()])["s-1"]
    world.api("DELETE", f"/contacts/{outcome.remote_id}")
    again = record("s-2", remote_id=outcome.remote_id, store="West", mode=mode)
    new = world.connector.upsert([again])["s-2"]
    (contact,) = world.contacts()
    assert new.remote_id == contact["id"] != outcome.remote_id
    assert contact["attributes"]["store"] == "West"


def test_people_without_an_address_are_found_by_phone_or_sign_up(world):
    world.connector.upsert([record(mobile="+4915112345678", signup_id="s-0")])
    phone = record("s-1", identity=Identity("phone", "+4915112345678"), store="East")
    other = record("s-2", identity=Identity("external", "s-0"), notes="Hello")
    world.connector.upsert([phone, other])
    (contact,) = world.contacts()
    assert contact["attributes"]["store"] == "East" and contact["attributes"]["notes"] == "Hello"


def test_the_identity_is_written_even_if_no_row_maps_it(world):
    one = Record("s-1", Identity("email", "ann@example.com"), {"store": MappedValue("East")})
    world.connector.upsert([one])
    assert world.contacts()[0]["attributes"] == {"email": "ann@example.com", "store": "East"}


def test_several_sign_ups_of_one_person_are_one_contact_with_the_later_data(world):
    batch = [
        record("s-1", first_name="Ann", store="West"),
        record("s-2", "bob@example.com"),
        record("s-3", first_name="Anna"),
    ]
    outcomes = world.connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"]
    (contact,) = world.contacts()
    assert contact["attributes"]["first_name"] == "Anna"
    assert contact["attributes"]["store"] == "West"


def test_only_if_empty_and_append_look_first_and_only_then(world):
    world.connector.upsert([record(first_name="Ann", tags=["a"])])
    assert world.calls() == [("POST", 1, 200)]
    later = Record(
        "s-2",
        Identity("email", "ann@example.com"),
        {
            "first_name": MappedValue("Anna", "only_if_empty"),
            "last_name": MappedValue("Lee", "only_if_empty"),
            "tags": MappedValue(["b"], "append"),
        },
    )
    world.connector.upsert([later, record("s-3", "new@example.com", store="W", mode="append")])
    assert world.calls()[1:] == [("GET", 0, 200), ("POST", 2, 200)]
    held = world.contacts()[0]["attributes"]
    assert (held["first_name"], held["last_name"], held["tags"]) == ("Ann", "Lee", ["a", "b"])
    assert world.contacts("new@example.com")[0]["attributes"]["store"] == "W"


def test_looking_first_finds_a_known_contact_by_its_id(world):
    outcome = world.connector.upsert([record(tags=["a"])])["s-1"]
    later = record("s-2", remote_id=outcome.remote_id, tags=["b"], mode="append")
    world.connector.upsert([later])
    assert world.contacts()[0]["attributes"]["tags"] == ["a", "b"]


def test_a_test_sign_up_is_marked(world):
    world.connector.upsert([record(is_test=True)])
    assert world.contacts()[0]["attributes"]["tags"] == ["CustomerInfo test"]


# what goes wrong


def test_a_bad_record_needs_attention_and_the_others_arrive(world):
    bad = [
        record("bad-1", "not an address"),
        record("bad-2", "b@example.com", shoe_size="42"),
        record("bad-3", identity=Identity("phone", "+4915112345678")),
    ]
    outcomes = world.connector.upsert([*people(3), *bad])
    assert [type(outcomes[f"s-{number}"]) for number in range(3)] == [Delivered] * 3
    codes = {ref: outcomes[ref].code for ref in ("bad-1", "bad-2", "bad-3")}
    assert codes == {
        "bad-1": "invalid_email",
        "bad-2": "unknown_attribute",
        "bad-3": "missing_required",
    }
    assert all(isinstance(outcomes[ref], NeedsAttention) for ref in codes)


def test_an_error_inside_the_crm_is_tried_again_later(world):
    world.fault("500")
    outcomes = world.connector.upsert(people(2))
    assert {outcome.code for outcome in outcomes.values()} == {"internal_error"}
    assert all(isinstance(outcome, RetryLater) for outcome in outcomes.values())
    assert isinstance(world.connector.upsert(people(2))["s-0"], Delivered)


def test_too_many_calls_wait_as_long_as_the_crm_says(world):
    world.fault("429", after=17)
    with pytest.raises(TryLater) as caught:
        world.connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("rate_limited", 17)


def test_a_key_that_was_withdrawn_pauses(world):
    world.fault("401")
    with pytest.raises(CredentialsRefused):
        world.connector.upsert([record()])


def test_a_call_that_is_refused_whole_is_split_until_the_reason_stands_alone(world):
    world.fault("422", times=3)  # all four, the first two, the first one
    outcomes = world.connector.upsert(people(4))
    assert isinstance(outcomes["s-0"], NeedsAttention)
    assert outcomes["s-0"].code == "validation_failed"
    assert all(isinstance(outcomes[f"s-{number}"], Delivered) for number in (1, 2, 3))
    assert [count for _, count, _ in world.calls()] == [4, 2, 1, 1, 2]


def test_what_was_settled_before_the_crm_fell_over_stays_settled(world):
    world.fault("422")
    connector = SandboxConnector(world.config, _Breaking(world.http, after=2))
    with pytest.raises(TryLater) as caught:
        connector.upsert(people(2))
    assert list(caught.value.outcomes) == ["s-0"]
    assert isinstance(caught.value.outcomes["s-0"], Delivered)


@pytest.mark.parametrize(
    "kind, code",
    [("hang", "timeout"), ("close", "reset"), ("half", "reset"), ("commit_then_close", "reset")],
)
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_an_attempt_after_a_lost_answer_makes_no_duplicate(world, kind, code, mode):
    world.fault(kind, after=5, path="/upsert")
    with pytest.raises(TryLater) as caught:
        world.connector.upsert([record(tags=["a"], mode=mode)])
    assert caught.value.code == code
    world.connector.upsert([record(tags=["a"], mode=mode)])
    (contact,) = world.contacts()
    assert contact["attributes"]["tags"] == ["a"]


def test_without_a_lock_two_callers_make_duplicates(world):
    """Why the delivery holds one lock per identity: this CRM guards nothing."""
    barrier = threading.Barrier(6)

    def deliver():
        with Http(allow_private=True) as http:
            connector = SandboxConnector(world.config, http)
            barrier.wait()
            connector.upsert([record()])

    threads = [threading.Thread(target=deliver) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.contacts()) > 1


# other people's answers


def elsewhere(hostile, http):
    return SandboxConnector({"base_url": hostile.url(), "api_key": "k"}, http)


@pytest.mark.parametrize(
    "status, code",
    [
        (302, "wrong_address"),
        (404, "wrong_address"),
        (405, "wrong_address"),
        (418, "status_418"),
        (502, "unavailable"),
        (503, "unavailable"),
    ],
)
def test_what_a_proxy_in_between_says_is_tried_later(hostile, http, status, code):
    hostile.answers(status, b"<h1>nginx</h1>", Retry_After="5")
    with pytest.raises(TryLater) as caught:
        elsewhere(hostile, http).upsert([record()])
    assert (caught.value.code, caught.value.after) == (code, 5)


def test_a_500_without_a_name_is_tried_later(hostile, http):
    hostile.answers(500, b"oops")
    outcome = elsewhere(hostile, http).upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "server_error")


@pytest.mark.parametrize("status, body", [(403, {}), (401, {"error": "no"}), (403, [1])])
def test_a_refusal_without_a_name_still_pauses(hostile, http, status, body):
    hostile.answers(status, body)
    with pytest.raises(CredentialsRefused) as caught:
        elsewhere(hostile, http).check()
    assert caught.value.code == "credentials_refused"


def test_the_vendors_name_counts_more_than_the_status(hostile, http):
    hostile.answers(500, {"error": {"name": "key_revoked", "message": "This key is gone."}})
    with pytest.raises(CredentialsRefused):
        elsewhere(hostile, http).upsert([record()])
    busy = {"ref": "s-1", "error": {"name": "record_locked", "message": "Being merged."}}
    hostile.answers(207, {"results": [busy]})
    outcome = elsewhere(hostile, http).upsert([record()])["s-1"]
    assert outcome == RetryLater("record_locked", "Being merged.")


@pytest.mark.parametrize(
    "body",
    [
        b"<h1>Welcome to the Wi-Fi</h1>",
        [],
        {},
        {"results": 5},
        {"results": ["x"]},
        {"results": [{"ref": "s-1"}]},
        {"results": [{"ref": "s-1", "error": "bad"}]},
    ],
)
def test_an_answer_of_another_shape_is_tried_later(hostile, http, body):
    hostile.answers(200, body)
    with pytest.raises(TryLater) as caught:
        elsewhere(hostile, http).upsert([record()])
    assert caught.value.code == "bad_answer"


def test_other_answers_of_another_shape_are_tried_later(hostile, http):
    connector = elsewhere(hostile, http)
    looking = record(mode="append")
    for call in (connector.check, connector.describe, lambda: connector.upsert([looking])):
        hostile.answers(200, {"contacts": [{"id": 1}], "attributes": [{}]})
        with pytest.raises(TryLater) as caught:
            call()
        assert caught.value.code == "bad_answer"


def test_a_record_that_the_answer_forgets_has_no_outcome(hostile, http):
    hostile.answers(200, {"results": [{"ref": "s-0", "id": "7"}, {"ref": "s-9", "id": "8"}]})
    assert elsewhere(hostile, http).upsert(people(2)) == {"s-0": Delivered("7")}


def test_a_stranger_in_the_look_up_is_not_taken_for_the_person(hostile, http):
    other = {"id": "7", "attributes": {"email": "bob@example.com", "tags": ["b"]}}
    hostile.answers(200, {"contacts": [other]})
    hostile.answers(200, {"results": [{"ref": "s-1", "id": "8"}]})
    elsewhere(hostile, http).upsert([record(tags=["a"], mode="append")])
    (sent,) = hostile.seen[1].json()["contacts"]
    assert (sent["match"], sent["attributes"]["tags"]) == ("email", ["a"])


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://evil.example/contacts/7", "//x"])
def test_a_link_to_somewhere_else_is_not_shown(hostile, http, url):
    hostile.answers(200, {"results": [{"ref": "s-1", "id": "7", "url": url}]})
    assert elsewhere(hostile, http).upsert([record()]) == {"s-1": Delivered("7", "")}


def test_an_unknown_type_of_attribute_is_a_text(hostile, http):
    hostile.answers(200, {"attributes": [{"name": "x", "type": "hologram"}]})
    (attribute,) = elsewhere(hostile, http).describe()
    assert (attribute.type, attribute.label) == ("string", "x")


def test_an_inner_address_pauses_the_connection():
    connector = SandboxConnector({"base_url": "https://10.0.0.1", "api_key": "k"}, Http())
    with pytest.raises(CredentialsRefused) as caught:
        connector.check()
    assert caught.value.code == "blocked"


class _Breaking:
    """An Http whose connection is lost after so many calls."""

    def __init__(self, http: Http, after: int) -> None:
        self._http, self._left = http, after

    def request(self, method, url, **kwargs):
        self._left -= 1
        if self._left < 0:
            with Hostile() as gone:
                return self._http.request(method, gone.url("/close"))
        return self._http.request(method, url, **kwargs)
