"""The sandbox CRM must be as honest as a real one, or what is tested against it means nothing."""

import itertools
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from customerinfo.demo.crm.__main__ import main
from customerinfo.demo.crm.faults import Conduct, Limiter
from customerinfo.demo.crm.tests.process import ROOT, running

NAMES = [f"Shop {number}" for number in range(60)]
numbers = itertools.count()


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    options = [f"--account={name}=key-{number}" for number, name in enumerate(NAMES)]
    folder = tmp_path_factory.mktemp("crm")
    with running(folder, *options, "--rate", "off", "--latency", "0.05") as process:
        yield process


@pytest.fixture
def crm(process):
    """The one process, with an account that no other test has seen."""
    number = next(numbers)
    process.key, process.slug = f"key-{number}", f"shop-{number}"
    return process


def contact(email="ann@example.com", ref="1", **attributes):
    return {"ref": ref, "match_value": email, "attributes": attributes}


# accounts


def test_a_bad_key_is_refused_by_name(crm):
    for key in ("", "wrong"):
        status, body = crm.api("GET", "/me", key=key)
        assert (status, body["error"]["name"]) == (401, "invalid_api_key")
    assert crm.api("GET", "/me") == (
        200,
        {"name": NAMES[int(crm.key[4:])], "detail": f"Account {crm.slug}"},
    )


def test_an_account_sees_only_its_own_contacts(crm):
    _, body = crm.upsert(contact())
    contact_id = body["results"][0]["id"]
    other = "key-59"
    assert crm.api("GET", "/contacts?email=ann@example.com", key=other)[1]["total"] == 0
    for method in ("GET", "PATCH", "DELETE"):
        status, _ = crm.api(method, f"/contacts/{contact_id}", {"attributes": {}}, key=other)
        assert status == 404
    assert crm.ask("GET", f"/shop-59/contacts/{contact_id}")[0] == 404
    by_id = {"ref": "1", "match": "id", "match_value": contact_id, "attributes": {"store": "X"}}
    assert crm.upsert(by_id, key=other)[1]["results"][0]["error"]["name"] == "contact_not_found"


# attributes and upsert


def test_the_attributes_are_described(crm):
    attributes = {one["name"]: one for one in crm.api("GET", "/attributes")[1]["attributes"]}
    assert attributes["email"]["required"] and attributes["email"]["match"]
    assert attributes["points"]["read_only"]
    assert {"value": "en", "label": "English"} in attributes["language"]["options"]


def test_an_upsert_creates_and_then_updates(crm):
    status, body = crm.upsert(contact(first_name="Ann", tags=["a"]))
    (created,) = body["results"]
    assert status == 200 and created["created"] is True
    assert created["url"] == f"{crm.url}/{crm.slug}/contacts/{created['id']}"
    _, body = crm.upsert(contact("ANN@example.com", last_name="Lee"))
    assert body["results"][0] == {**created, "created": False}
    (found,) = crm.found(email="ann@EXAMPLE.com")
    assert found["attributes"] == {
        "email": "ANN@example.com",
        "first_name": "Ann",
        "last_name": "Lee",
        "tags": ["a"],
    }


def test_contacts_are_found_by_phone_sign_up_and_id(crm):
    crm.upsert(contact(mobile="+4915112345678", signup_id="s-1"))
    (one,) = crm.found(mobile="+4915112345678")
    assert crm.found(signup_id="s-1") == crm.found(id=one["id"]) == [one]
    assert crm.found(id="x") == []
    _, body = crm.upsert(
        {**contact("+4915112345678", store="East"), "match": "mobile"},
        {**contact("s-1", ref="2", notes="n"), "match": "signup_id"},
    )
    assert [result["id"] for result in body["results"]] == [one["id"]] * 2


@pytest.mark.parametrize(
    "bad, name",
    [
        (contact("nobody"), "invalid_email"),
        (contact(shoe_size="42"), "unknown_attribute"),
        (contact(points=5), "read_only_attribute"),
        (contact(mobile="0151 1234"), "invalid_phone"),
        (contact(birthday="--05-17"), "invalid_date"),
        (contact(language="xx"), "invalid_option"),
        (contact(marketing_consent="yes"), "invalid_value"),
        (contact(tags="a"), "invalid_value"),
        (contact(first_name=5), "invalid_value"),
        (contact(first_name="x" * 256), "too_long"),
        ({"ref": "1", "attributes": {}}, "missing_match_value"),
        ({"ref": "1", "match_value": "a@b.example"}, "invalid_contact"),
        ({**contact("s-9"), "match": "signup_id"}, "missing_required"),
        ({**contact("+4915112345678"), "match": "mobile"}, "missing_required"),
        ({**contact("9999"), "match": "id"}, "contact_not_found"),
        ({**contact("Ann"), "match": "first_name"}, "invalid_match"),
        ("nonsense", "invalid_contact"),
    ],
)
def test_a_bad_contact_fails_alone_and_by_name(process, bad, name):
    process.key = "key-58"
    status, body = process.upsert(bad, contact("good@example.com", ref="2"))
    first, second = body["results"]
    assert status == 207 and first["error"]["name"] == name
    assert "id" in second


@pytest.mark.parametrize(
    "body, name",
    [
        (None, "missing_contacts"),
        ({"contacts": []}, "missing_contacts"),
        ({"contacts": [contact()] * 51}, "too_many"),
        ({"match": "shoe_size", "contacts": [contact()]}, "invalid_match"),
        (b"{", "malformed_call"),
        (b"[" * 100_000, "malformed_call"),
        (b"\xff", "malformed_call"),
    ],
)
def test_a_bad_call_is_refused_whole(crm, body, name):
    status, answer = crm.api("POST", "/contacts/upsert", body)
    assert (status, answer["error"]["name"]) == (400, name)


def test_two_callers_at_once_make_duplicates(crm):
    """There is no guard, as in the CRMs that were measured: preventing it is the caller's."""
    barrier = threading.Barrier(8)

    def call():
        barrier.wait()
        crm.upsert(contact())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(crm.found(email="ann@example.com")) > 1


def test_two_of_one_person_in_one_call_make_duplicates(crm):
    crm.upsert(contact(), contact())
    assert len(crm.found(email="ann@example.com")) == 2


def test_a_contact_is_read_changed_and_deleted(crm):
    _, body = crm.upsert(contact(store="West", notes="n"))
    path = "/contacts/" + body["results"][0]["id"]
    assert crm.api("GET", path)[1]["attributes"]["store"] == "West"
    status, changed = crm.api("PATCH", path, {"attributes": {"store": None}})
    assert status == 200 and "store" not in changed["attributes"]
    status, answer = crm.api("PATCH", path, {"attributes": {"email": "bad"}})
    assert (status, answer["error"]["name"]) == (422, "invalid_email")
    assert crm.api("PATCH", path, [])[0] == 422
    assert crm.api("PUT", path)[0] == 405
    assert crm.api("DELETE", path)[0] == 204
    assert crm.api("DELETE", path)[0] == crm.api("GET", path)[0] == 404
    assert crm.api("PATCH", path, {"attributes": {}})[0] == 404


def test_all_contacts_are_listed_latest_change_first(crm):
    for number in range(3):
        crm.upsert(contact(f"{number}@example.com"))
    crm.upsert(contact("0@example.com", store="West"))
    _, body = crm.api("GET", "/contacts?limit=2")
    found = [one["attributes"]["email"] for one in body["contacts"]]
    assert found == ["0@example.com", "2@example.com"] and body["total"] == 3
    assert len(crm.api("GET", "/contacts?offset=2")[1]["contacts"]) == 1
    assert crm.api("GET", "/contacts?limit=many")[0] == 400
    assert crm.api("GET", "/contacts?shoe_size=4")[0] == 400
    assert crm.api("GET", "/contacts?" + "&".join(["email=a@b.example"] * 51))[0] == 400
    assert crm.api("GET", "/nothing")[0] == 404


# limits and faults


def test_too_many_calls_are_told_when_to_come_back(tmp_path):
    with running(tmp_path, "--account", "A=key-a", "--account", "B=key-b", "--rate", "2/60") as crm:
        answers = [crm.ask("GET", "/api/v1/me") for _ in range(3)]
        assert [status for status, _, _ in answers] == [200, 200, 429]
        assert [headers["RateLimit-Remaining"] for _, headers, _ in answers] == ["1", "0", "0"]
        assert 1 <= int(answers[2][1]["Retry-After"]) <= 60
        assert b"rate_limited" in answers[2][2]
        assert crm.api("GET", "/me", key="key-b")[0] == 200, "the limit is the account's own"


def test_the_limit_opens_again():
    limiter = Limiter(2, 10)
    assert [limiter.admit(now)[0] for now in (0, 1, 2, 9.9, 10, 10.5, 11)] == [
        *(True, True, False, False, True, False, True)
    ]
    assert limiter.admit(12)[2] == 8


@pytest.mark.parametrize(
    "kind, status, name",
    [
        ("500", 500, "internal_error"),
        ("401", 401, "invalid_api_key"),
        ("422", 422, "validation_failed"),
        ("429", 429, "rate_limited"),
    ],
)
def test_a_fault_happens_as_often_as_ordered(crm, kind, status, name):
    crm.fault(kind, times=2, after=3)
    for _ in range(2):
        code, headers, body = crm.ask("GET", "/api/v1/me")
        assert code == status and name.encode() in body
        assert headers.get("Retry-After") == ("3" if kind == "429" else None)
    assert crm.api("GET", "/me")[0] == 200


def test_without_a_wish_a_429_says_one_second(crm):
    crm.fault("429")
    assert crm.ask("GET", "/api/v1/me")[1]["Retry-After"] == "1"


@pytest.mark.parametrize(
    "kind, happened", [("close", 0), ("hang", 0), ("half", 1), ("commit_then_close", 1)]
)
def test_a_broken_answer_may_hide_a_change(crm, kind, happened):
    crm.fault(kind, after=0.1)
    body = {"contacts": [contact()]}
    assert crm.breaks("POST", "/contacts/upsert", body)
    assert len(crm.found(email="ann@example.com")) == happened


def test_a_slow_answer_is_whole_all_the_same(crm):
    crm.fault("slow", after=0.2)
    started = time.monotonic()
    assert crm.upsert(contact())[0] == 200
    assert time.monotonic() - started >= 0.2
    assert len(crm.found(email="ann@example.com")) == 1


def test_a_fault_may_wait_for_its_call(crm):
    crm.fault("500", path="/contacts")
    assert crm.api("GET", "/me")[0] == 200
    assert crm.api("GET", "/contacts")[0] == 500


def test_a_fault_may_be_left_to_chance(crm):
    crm.fault("500", times=10**6, chance=0.5)
    seen = {crm.api("GET", "/me")[0] for _ in range(40)}
    assert seen == {200, 500}
    for chance in (0, -1, 1.5, "often", True):
        data = {"kind": "500", "chance": chance}
        assert crm.api("POST", "/faults", data)[0] == 400


def test_faults_can_be_taken_back(crm):
    crm.fault("hang", times=9)
    assert crm.api("DELETE", "/faults")[0] == 200
    assert crm.api("GET", "/me")[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        {"kind": "418"},
        {"kind": "500", "times": 0},
        {"kind": "500", "times": True},
        {"kind": "429", "after": -1},
        {"kind": "429", "after": "soon"},
        [],
        b"{",
    ],
)
def test_a_fault_that_is_none_is_refused(crm, data):
    assert crm.api("POST", "/faults", data)[0] == 400


def test_the_log_tells_every_call(crm):
    crm.fault("close")
    crm.breaks("GET", "/me")
    crm.upsert(contact(), contact("b@example.com"))
    crm.api("GET", "/contacts?email=ann@example.com")
    calls = crm.api("GET", "/log")[1]["calls"]
    assert [(c["method"], c["path"], c["status"], c["count"], c["fault"]) for c in calls] == [
        ("GET", "/api/v1/me", None, 0, "close"),
        ("POST", "/api/v1/contacts/upsert", 200, 2, ""),
        ("GET", "/api/v1/contacts", 200, 0, ""),
    ]
    assert all(call["time"] and call["seconds"] >= 0 for call in calls)
    assert crm.api("POST", "/log")[0] == 405


def test_a_fault_for_another_call_stays():
    conduct = Conduct(0, 1)
    conduct.plan({"kind": "500", "path": "/contacts"})
    assert conduct.next_fault("/me") is None
    assert conduct.next_fault("/contacts/1").kind == "500"
    assert conduct.next_fault("/contacts/1") is None


@pytest.mark.parametrize(
    "header", ["Transfer-Encoding: chunked", "Content-Length: 1000001", "Content-Length: -1"]
)
def test_a_call_without_a_length_or_too_large_is_refused_unread(process, header):
    host, _, port = process.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(f"POST /api/v1/me HTTP/1.1\r\n{header}\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 413")


# pages


def page(crm, path):
    status, headers, body = crm.ask("GET", path, key="")
    return status, headers, body.decode()


def test_the_pages_lead_from_the_accounts_to_a_record(crm):
    _, body = crm.upsert(
        contact(first_name="Ann", last_name="Lee", birthday="1990-05-17", language="de"),
        contact("no.name@example.com", marketing_consent=False, tags=["new"]),
    )
    contact_id = body["results"][0]["id"]
    assert f'href="/{crm.slug}/"' in page(crm, "/")[2]
    listed = page(crm, f"/{crm.slug}/")[2]
    assert "Ann Lee" in listed and f"/{crm.slug}/contacts/{contact_id}" in listed
    assert "17 May 1990" in listed and "no.name@example.com" in listed
    crm.upsert(contact(last_name="Leigh"))
    crm.upsert(contact(last_name="Leigh"))
    record = page(crm, f"/{crm.slug}/contacts/{contact_id}")[2]
    assert "German" in record and "<del>Lee</del> <ins>Leigh</ins>" in record
    assert "Sent again, nothing changed" in record


def test_an_open_page_learns_what_is_new(crm):
    assert "No contacts yet" in page(crm, f"/{crm.slug}/")[2]
    status, headers, _ = page(crm, f"/{crm.slug}/?seen=nothing")
    assert status == 200 and headers["X-Revision"] == "0"
    assert page(crm, f"/{crm.slug}/?seen=0")[0] == 204
    crm.upsert(contact())
    status, headers, live = page(crm, f"/{crm.slug}/?seen=0")
    assert status == 200 and "ann@example.com" in live and "<html" not in live
    assert page(crm, f"/{crm.slug}/?seen={headers['X-Revision']}")[0] == 204
    crm.api("DELETE", "/contacts/" + crm.found(email="ann@example.com")[0]["id"])
    assert page(crm, f"/{crm.slug}/?seen={headers['X-Revision']}")[0] == 200


def test_what_a_shopper_typed_is_text_on_every_page(crm):
    trap = '"><script>alert(1)</script>'
    _, body = crm.upsert(
        contact(first_name=trap, store=trap, notes=trap, tags=[trap], favourite=trap)
    )
    contact_id = body["results"][0]["id"]
    for path in (f"/{crm.slug}/", f"/{crm.slug}/contacts/{contact_id}"):
        _, headers, text = page(crm, path)
        assert "<script>alert" not in text and "&lt;script&gt;" in text
        assert "script-src 'self'" in headers["Content-Security-Policy"]


def test_the_pages_ask_nobody_else(crm):
    for path in ("/", f"/{crm.slug}/", "/assets/crm.css", "/assets/crm.js"):
        status, _, text = page(crm, path)
        assert status == 200 and "http://" not in text and "https://" not in text


def test_many_contacts_stand_on_several_pages(crm):
    for start in (0, 50, 100):
        crm.upsert(*(contact(f"{number}@example.com") for number in range(start, start + 50)))
    first, second = (page(crm, f"/{crm.slug}/{query}")[2] for query in ("", "?page=2"))
    assert first.count("<tr data-key") == 100 and "Older" in first and "Newer" not in first
    assert second.count("<tr data-key") == 50 and "Newer" in second and "Older" not in second
    assert page(crm, f"/{crm.slug}/?page=x")[2].count("<tr data-key") == 100


@pytest.mark.parametrize(
    "path", ["/nobody/", "/shop-0", "/shop-0/contacts/1", "/assets/store.py", "/shop-0/x/y/z"]
)
def test_what_is_not_there_is_not_found(process, path):
    assert process.ask("GET", path)[0] == 404


def test_the_pages_only_answer_to_reading(process):
    assert process.ask("POST", "/")[0] == 405


# the process


def test_it_says_where_it_listens(process):
    assert process.line == f"Sandbox CRM listening on {process.url}/"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_even_while_a_caller_hangs(tmp_path, number):
    with running(tmp_path, "--account", "A=key-a") as crm:
        crm.fault("hang")
        hung = threading.Thread(target=crm.breaks, args=["GET", "/me"])
        hung.start()
        deadline = time.monotonic() + 10
        while not crm.api("GET", "/log")[1]["calls"]:
            assert time.monotonic() < deadline
        assert crm.stop(number) == 0
        hung.join(10)
        assert not hung.is_alive()


def test_what_was_answered_survives_a_kill(tmp_path):
    with running(tmp_path, "--account", "A=key-a") as crm:
        crm.upsert(contact(store="West"))
        assert crm.stop(signal.SIGKILL) == -signal.SIGKILL
        crm.options = ()  # accounts are remembered
        crm.start()
        (found,) = crm.found(email="ann@example.com")
        assert found["attributes"]["store"] == "West"


def test_a_known_account_gets_its_new_key(tmp_path):
    with running(tmp_path, "--account", "A=key-a") as crm:
        crm.upsert(contact())
    with running(tmp_path, "--account", "A=key-b", key="key-b") as crm:
        assert crm.api("GET", "/me", key="key-a")[0] == 401
        assert len(crm.found(email="ann@example.com")) == 1


def test_a_contact_may_need_more_than_an_e_mail(tmp_path):
    with running(tmp_path, "--account", "A=key-a", "--required", "last_name") as crm:
        assert crm.upsert(contact())[1]["results"][0]["error"]["name"] == "missing_required"


def test_a_taken_port_gets_a_clear_message(process, tmp_path):
    port = process.address.rsplit(":", 1)[1]
    second = subprocess.run(
        [sys.executable, "-m", "customerinfo.demo.crm", "--port", port, "--data", str(tmp_path)]
        + ["--account", "A=key-a"],
        env={"PYTHONPATH": f"{ROOT / 'site'}:{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert second.returncode == 1 and f"port {port}" in second.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--account", "A"],
        ["--account", "A="],
        ["--account", "api=key"],
        ["--account", "A=key-a", "--rate", "fast"],
        ["--account", "A=key-a", "--rate", "0/5"],
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, capsys):
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), *options])
    assert "error" in capsys.readouterr().err
