"""Nothing that is written down names a person or a secret, however a vendor words it."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from integrations.connectors.base import Identity, MappedValue, Record
from integrations.exchange import LONGEST_BODY, MOST_CALLS, Call, Log, Recorder
from integrations.http_answer import HttpAnswer, Unreachable
from integrations.redaction import HIDDEN, masked, masked_lines, scrubbed

EMAIL = "sara.de-vries+shop@mail.example.com"
LETTERS = st.characters(whitelist_categories=["Ll", "Lu", "Nd"], max_codepoint=0x24F)
ADDRESSES = st.builds(
    lambda name, host: f"{name}@{host}.example",
    st.text(LETTERS, min_size=2, max_size=20),
    st.text("abcdefgh", min_size=2, max_size=12),
)
PHONES = st.builds(lambda number: f"+{number}", st.integers(10_000_000, 999_999_999_999_999))
AROUND = st.sampled_from(
    ["{}", "Contact {} exists", '"{}"', "<{}>", "email={}&x=1", "({})", "'{}':"]
)


@pytest.mark.parametrize(
    "value, shown",
    [
        (EMAIL, "s…@…"),
        ("Sara", "S…"),
        ("Ægir", "Æ…"),
        ("+31612345678", "…"),
        ("1990-05-17", "…"),
        ("--05-17", "…"),
        ("@", "…"),
        ("  ", ""),
        (True, True),
        (None, None),
        (12.5, "…"),
        (["Sara", True], ["S…", True]),
        ({"city": "Utrecht"}, {"city": "U…"}),
    ],
)
def test_a_masked_value_keeps_its_shape(value, shown):
    assert masked(value) == shown


def test_names_of_attributes_stay():
    lines = masked_lines({"first_name": "Sara", "marketing_consent": True})
    assert lines == 'first_name: "S…"\nmarketing_consent: true'


@pytest.mark.parametrize(
    "said",
    [
        "A contact with sara@example.com exists already",
        '{"email":"sara@example.com"}',
        "GET /contacts/sara%40example.com/ failed",
        "sara\\u0040example.com",
        "Phone +31 6 1234 5678 is taken",
        "(020) 123-4567 is no number",
        "0612345678",
        "SMS 0031612345678!",
        "'sara@at@example.com' is no address",
    ],
)
def test_addresses_and_numbers_are_taken_out(said):
    clean = scrubbed(said)
    assert "sara" not in clean and "example.com" not in clean
    assert not any(digits in clean for digits in ("1234", "4567", "5678", "0612"))


@pytest.mark.parametrize(
    "said",
    [
        "The property 'loyality_level' does not exist",
        "Status 404 after 1500 ms",
        "Contact 1001 is gone",
        "since 2026-11-24T08:00:00Z",
        "id 0b8a1a3c-98d7-4d1e-8ad5-2c6b6f2f7c11",
        "Key order is wrong",
        "The token expired",
    ],
)
def test_what_helps_stays(said):
    assert scrubbed(said) == said


@pytest.mark.parametrize(
    "said",
    [
        "Authorization: Bearer abcdef0123456789",
        "Basic dXNlcjpwYXNzd29yZA==",
        "api_key=0123456789abcdef&x=1",
        '"client_secret": "0123456789abcdef"',
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk",
        "whsec_0123456789abcdef",
        "xkeysib-0123456789abcdef",
    ],
)
def test_what_looks_like_a_credential_is_taken_out(said):
    clean = scrubbed(said)
    assert HIDDEN in clean
    assert "0123456789" not in clean and "dXNlcj" not in clean and "eyJzdWI" not in clean


@given(ADDRESSES, AROUND)
def test_no_address_survives(address, around):
    assert address not in scrubbed(around.format(address))
    assert address.partition("@")[2] not in scrubbed(around.format(address))


@given(PHONES, AROUND)
def test_no_phone_number_survives(phone, around):
    assert phone[1:] not in scrubbed(around.format(phone))


@given(st.text(min_size=4, max_size=40).filter(lambda s: len(s.strip()) >= 4), AROUND)
def test_no_secret_survives_in_any_notation(secret, around):
    secret = secret.strip()
    for said in (
        secret,
        quote(secret, safe=""),
        json.dumps(secret),
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(f"{secret}:".encode()).decode(),
    ):
        clean = scrubbed(around.format(said).replace(HIDDEN, ""), [secret])
        assert said.strip('"') not in clean.replace(HIDDEN, "")


@given(st.text())
def test_no_text_breaks_it(text):
    assert isinstance(scrubbed(text, [text], [text]), str)
    json.dumps(masked(text))


def test_the_persons_own_words_are_taken_out_and_no_others():
    clean = scrubbed("Lovelace, Ada: Ada is no Lovelaces", values=["Lovelace", "Ada", ["Lond on"]])
    assert clean == "L…, Ada: Ada is no Lovelaces", "short words could be anybody's"


# the two texts of an attempt


def record(**values):
    return Record("1", Identity("email", EMAIL), {k: MappedValue(v) for k, v in values.items()})


class Answers:
    def __init__(self, *answers):
        self.answers, self.pool = list(answers), "kept"

    def request(self, method, url, **options):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_recorder_notes_what_was_asked_and_how_it_ended():
    refused = HttpAnswer(422, {}, f'{{"message": "{EMAIL} is taken by Sara"}}'.encode())
    recorder = Recorder(Answers(HttpAnswer(200, {}, b"{}"), refused, Unreachable("reset", "broke")))
    assert recorder.pool == "kept"
    recorder.request("POST", "https://crm.example/v1/upsert?key=s3cr3t-key", json={})
    recorder.request("PATCH", f"https://crm.example/v1/contacts/{quote(EMAIL)}")
    with pytest.raises(Unreachable):
        recorder.request("GET", "https://crm.example/v1/contacts")
    log = Log(recorder.calls, [record(email=EMAIL, first_name="Sara")], {"key": "s3cr3t-key"})
    asked, said = log.request(record(first_name="Sara")), log.response(record())
    assert "POST crm.example/v1/upsert" in asked and 'first_name: "S…"' in asked
    assert "200 after" in said and "422 after" in said and "no answer (reset)" in said
    for secret in (EMAIL, "sara.de", "s3cr3t", '"Sara"', "by Sara"):
        assert secret not in asked + said


def test_a_long_batch_is_told_briefly():
    calls = [Call("GET crm.example/x", "500", 3, "x" * 5000)] * (MOST_CALLS + 4)
    log = Log(calls, [record(), record()], {"key": 7})
    assert "together with 1 more" in log.request(record())
    assert "and 4 more calls" in log.response(record())
    assert "x" * LONGEST_BODY in log.response(record())
    assert "x" * (LONGEST_BODY + 1) not in log.response(record())


def test_of_what_was_never_sent_nothing_is_told():
    log = Log([], [], {})
    assert log.request(None) == log.response(None) == log.request(record()) == ""
    assert log.scrubbed(f"{EMAIL} and Sara", None) == "s…@… and Sara"


@pytest.mark.parametrize(
    "text",
    [
        "/profiles?filter=equals%28phone_number%2C%22%2B31612345678%22%29",
        "MobilePhone%3D%27%2B31612345678%27",
        r'{"phone": "\u002b31612345678"}',
        "/contacts/ada%2540shop.example",
    ],
)
def test_nobody_hides_in_an_encoding(text):
    found = scrubbed(text)
    assert "31612345678" not in found and "shop.example" not in found
