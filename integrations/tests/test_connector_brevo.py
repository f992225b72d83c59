"""The Brevo connector against a fake that knows Brevo's traps; the exchanges that the harvested
OpenAPI files know are held against them."""

import pytest

from integrations.connectors import brevo_consent, brevo_notes
from integrations.connectors.base import (
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
from integrations.connectors.brevo import BrevoConnector
from integrations.http import Http
from integrations.mapping import default_rows
from integrations.tests.fakes import brevo
from integrations.tests.fakes.people import ANN, at_once, consent, person, record

PHONE = Identity("phone", "+33612345678")


@pytest.fixture
def fake():
    with brevo.Brevo(brevo.contract()) as fake:
        yield fake
        fake.verify()


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=2) as http:
        yield http


@pytest.fixture
def connector(fake, http):
    return connect(fake, http)


def connect(fake, http, **config):
    return BrevoConnector({"address": fake.address, "api_key": "xkeysib-good", **config}, http)


DOUBLE = {"template": "5", "confirmed_url": "https://birch.example/thanks"}


# who and what


def test_a_check_says_whose_account_it_is(connector):
    assert connector.check() == Account("Birch", "shop@birch.example, 64f1")


def test_a_wrong_key_is_refused_everywhere(fake, connector):
    fake.key = "xkeysib-other"
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "unauthorized"


def test_a_server_that_is_not_on_brevos_list_is_told_what_to_do(fake, connector):
    fake.known_address = False
    with pytest.raises(CredentialsRefused) as caught:
        connector.check()
    assert "Authorized IPs" in caught.value.message and "192.0.2" not in caught.value.message


def test_the_attributes_come_with_types_and_options(connector):
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert found["EMAIL"].unique and found["SMS"].unique and found["SMS"].type == "phone"
    kinds = {name: found[name].type for name in ("BIRTHDAY", "POINTS", "MEMBER", "FIRSTNAME")}
    assert kinds == {
        "BIRTHDAY": "date",
        "POINTS": "number",
        "MEMBER": "boolean",
        "FIRSTNAME": "string",
    }
    assert found["SIZE"].options == (("1", "Small"), ("2", "Large"))
    assert "SCORE" not in found


def test_an_attribute_of_several_choices_is_a_list(fake, connector):
    fake.definitions.append(
        {
            "name": "LIKES",
            "category": "normal",
            "type": "multiple-choice",
            "multiCategoryOptions": ["tea", "jam"],
        }
    )
    likes = connector.describe()[-1]
    assert likes.type == "list" and likes.options == (("tea", "tea"), ("jam", "jam"))
    connector.upsert([record(LIKES=["tea"])])
    connector.upsert([record("s-2", mode="append", LIKES=["jam"])])
    (held,) = fake.contacts.values()
    assert held["attributes"]["LIKES"] == ["tea", "jam"]
    fake.contract = None  # newer than the harvested file: "multiple-choice" isn't in it


def test_the_first_mapping_finds_the_usual_attributes(connector):
    rows = default_rows(connector.describe(), BrevoConnector.hints)
    assert {"EMAIL", "FIRSTNAME", "LASTNAME", "SMS"} <= {row.attribute for row in rows}


def test_lists_on_all_pages_can_be_joined(fake, connector, monkeypatch):
    monkeypatch.setattr(brevo_consent, "PAGE", 2)
    found = connector.consent_targets()
    assert [(t.id, t.label, t.double_opt_in) for t in found] == [
        ("1", "List 1", "choose"),
        ("2", "List 2", "choose"),
        ("3", "List 3", "choose"),
    ]
    fake.list_count = 0
    assert connector.consent_targets() == []


# delivering


def test_a_new_person_becomes_a_contact(fake, connector):
    one = record(EMAIL=ANN.value, FIRSTNAME="Ann", SMS=PHONE.value, POINTS=3, SIZE="2")
    outcome = connector.upsert([one])["s-1"]
    ((id, held),) = fake.contacts.items()
    assert outcome == Delivered(str(id), f"https://app.brevo.com/contact/index/{id}")
    assert held["email"] == ANN.value
    assert held["attributes"] == {
        "FIRSTNAME": "Ann",
        "SMS": PHONE.value,
        "POINTS": 3,
        "SIZE": 2,  # an option travels as its number
    }
    read = connector.read_back(str(id), ["EMAIL", "POINTS", "LASTNAME"])
    assert read == {"EMAIL": ANN.value, "POINTS": 3, "LASTNAME": None}


def test_the_same_again_changes_nothing_and_writes_no_second_note(fake, connector):
    first = connector.upsert([record(FIRSTNAME="Ann")])
    assert connector.upsert([record(FIRSTNAME="Ann")]) == first
    assert len(fake.contacts) == 1
    assert [note["text"] for note in fake.notes] == ["Sign-up s-1 from CustomerInfo"]


@pytest.mark.parametrize("in_object", [False, True])
def test_notes_are_looked_for_on_all_pages(fake, connector, monkeypatch, in_object):
    fake.notes_in_object = in_object
    monkeypatch.setattr(brevo_notes, "PAGE", 2)
    for ref in ("s-1", "s-2", "s-3", "s-3"):
        connector.upsert([record(ref)])
    assert len(fake.notes) == 3


def test_a_test_sign_up_is_marked_by_its_note(fake, connector):
    connector.upsert([record(is_test=True)])
    assert fake.notes[0]["text"] == "Test sign-up s-1 from CustomerInfo"


def test_several_sign_ups_of_one_person_are_one_contact_with_the_later_data(fake, connector):
    batch = [
        record("s-1", FIRSTNAME="Ann", NOTES="x"),
        record("s-2", person(2)),
        record("s-3", FIRSTNAME="Anna"),
    ]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"] and len(fake.contacts) == 2
    held = fake.contacts[int(outcomes["s-1"].remote_id)]["attributes"]
    assert (held["FIRSTNAME"], held["NOTES"]) == ("Anna", "x")


def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    id = fake.add(ANN.value, FIRSTNAME="Ann", NOTES="Hello")
    values = {
        "FIRSTNAME": MappedValue("Anna", "only_if_empty"),
        "LASTNAME": MappedValue("Lee", "only_if_empty"),
        "NOTES": MappedValue("Bye", "append"),
    }
    connector.upsert([Record("s-1", ANN, values)])
    held = fake.contacts[id]["attributes"]
    assert held == {"FIRSTNAME": "Ann", "LASTNAME": "Lee", "NOTES": "Hello, Bye"}


@pytest.mark.parametrize("identity", [PHONE, Identity("external", "s-9")])
def test_people_without_an_address_are_found_by_phone_or_sign_up(fake, connector, identity):
    first = connector.upsert([record("s-1", identity, FIRSTNAME="Ann")])["s-1"]
    again = connector.upsert([record("s-2", identity, LASTNAME="Lee")])["s-2"]
    assert first.remote_id == again.remote_id and len(fake.contacts) == 1


def test_a_known_contact_is_found_by_its_id_and_keeps_its_new_address(fake, connector):
    id = fake.add("new@example.com")
    again = connector.upsert([record(remote_id=str(id), FIRSTNAME="Ann")])["s-1"]
    assert again.remote_id == str(id) and fake.contacts[id]["email"] == "new@example.com"


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_contact_that_was_deleted_there_is_created_anew(fake, connector, mode):
    outcome = connector.upsert([record(remote_id="999", mode=mode, FIRSTNAME="Ann")])["s-1"]
    ((id, held),) = fake.contacts.items()
    assert outcome.remote_id == str(id) and held["email"] == ANN.value


@pytest.mark.parametrize("code", ["duplicate_parameter", "invalid_parameter"])
@pytest.mark.parametrize("known", [True, False])
def test_a_phone_number_of_another_contact_stays_there_and_it_is_said(fake, connector, code, known):
    """Brevo's phone is unique too, and its error has had two names."""
    fake.duplicate_code = code
    other = fake.add("bob@example.com", SMS=PHONE.value)
    if known:
        fake.add(ANN.value)
    outcome = connector.upsert([record(SMS=PHONE.value, FIRSTNAME="Ann")])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.code == "duplicate_phone"
    (id,) = set(fake.contacts) - {other}
    assert fake.contacts[id]["attributes"] == {"FIRSTNAME": "Ann"}
    assert fake.contacts[other]["attributes"] == {"SMS": PHONE.value}
    assert len(fake.notes) == 1


def test_who_had_given_only_the_number_gets_the_address_too(fake, connector):
    id = fake.add(SMS=PHONE.value)
    one = record(EMAIL=ANN.value, SMS=PHONE.value, FIRSTNAME="Ann")
    assert connector.upsert([one])["s-1"].remote_id == str(id)
    assert fake.contacts[id]["email"] == ANN.value and len(fake.contacts) == 1


def test_the_old_text_of_a_taken_number_is_understood(fake, connector):
    body = {"code": "duplicate_parameter", "message": "SMS is already associated with another one"}
    fake.answers(400, body, path="/contacts", method="POST")
    outcome = connector.upsert([record(SMS=PHONE.value)])["s-1"]
    assert outcome.code == "duplicate_phone" and len(fake.contacts) == 1


def test_somebody_else_creating_the_contact_meanwhile_is_no_harm(fake, connector):
    id = fake.add(ANN.value)
    gone = {"code": "document_not_found", "message": "Contact does not exist"}
    fake.answers(404, gone, path="/contacts/ann")
    assert connector.upsert([record(FIRSTNAME="Ann")])["s-1"].remote_id == str(id)
    assert fake.contacts[id]["attributes"] == {"FIRSTNAME": "Ann"}


def test_an_attribute_that_brevo_would_drop_without_a_word_needs_attention(fake, connector):
    outcomes = connector.upsert([record(SHOES="42"), record("s-2", person(2), FIRSTNAME="Bo")])
    assert isinstance(outcomes["s-1"], NeedsAttention)
    assert outcomes["s-1"].code == "unknown_attribute" and "SHOES" in outcomes["s-1"].message
    assert isinstance(outcomes["s-2"], Delivered) and len(fake.contacts) == 1


def test_a_contact_can_be_deleted_and_deleted_again(fake, connector):
    id = str(fake.add(ANN.value))
    connector.delete(id)
    connector.delete(id)
    assert fake.contacts == {} and connector.read_back(id, ["EMAIL"]) == {"EMAIL": None}


# consent


def test_a_consent_puts_on_its_list(fake, connector):
    one = record(consent_targets=(consent("1"), consent("3")))
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.contacts.values()
    assert held["listIds"] == [1, 3]


def test_who_agreed_to_nothing_is_on_no_list(fake, connector):
    connector.upsert([record()])
    (held,) = fake.contacts.values()
    assert held["listIds"] == [] and fake.asked_to_confirm == []


def test_with_double_opt_in_the_person_is_asked_and_not_on_the_list_yet(fake, http):
    connector = connect(fake, http, **DOUBLE)
    one = record(consent_targets=(consent("2", double=True), consent("1")))
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert fake.asked_to_confirm == [(ANN.value, [2])]
    (held,) = fake.contacts.values()
    assert held["listIds"] == [1]


def test_who_is_on_the_list_is_not_asked_again(fake, http):
    fake.contacts[fake.add(ANN.value)]["listIds"] = [2]
    connect(fake, http, **DOUBLE).upsert([record(consent_targets=(consent("2", double=True),))])
    assert fake.asked_to_confirm == []


def test_double_opt_in_without_its_template_is_said(fake, connector):
    one = record(consent_targets=(consent("2", double=True),))
    assert connector.upsert([one])["s-1"].code == "double_opt_in" and len(fake.contacts) == 1


def test_double_opt_in_without_an_address_is_said(fake, http):
    one = record("s-1", PHONE, consent_targets=(consent("2", double=True),))
    assert connect(fake, http, **DOUBLE).upsert([one])["s-1"].code == "no_address"


def test_a_template_that_brevo_refuses_is_said(fake, http):
    connector = connect(fake, http, **{**DOUBLE, "template": "6"})
    outcome = connector.upsert([record(consent_targets=(consent("2", double=True),))])["s-1"]
    assert (outcome.code, outcome.message) == ("invalid_parameter", "Template is not DOI compliant")


def test_a_list_that_is_gone_needs_attention(connector):
    outcome = connector.upsert([record(consent_targets=(consent("9"),))])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.message == "List ID does not exist"


@pytest.mark.parametrize("how", ["blacklist", "list"])
def test_who_had_left_stays_away_and_the_rest_arrives(fake, connector, how):
    id = fake.add(ANN.value)
    if how == "blacklist":
        fake.contacts[id]["emailBlacklisted"] = True
    else:
        fake.contacts[id]["listUnsubscribed"] = [1]
    outcome = connector.upsert([record(FIRSTNAME="Ann", consent_targets=(consent("1"),))])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.code == "unsubscribed"
    held = fake.contacts[id]
    assert held["listIds"] == [] and held["attributes"] == {"FIRSTNAME": "Ann"}
    assert held["emailBlacklisted"] is (how == "blacklist")


def test_a_sign_up_counts_as_delivered_only_with_its_consents(fake, connector):
    fake.answers(503, None, path="/crm/notes", real=False)
    one = record(consent_targets=(consent("1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.contacts.values()
    assert held["listIds"] == [1] and len(fake.notes) == 1


# what goes wrong


def test_a_bad_record_needs_attention_and_the_others_arrive(fake, connector):
    bad = record("bad", Identity("email", "ann@nowhere"))
    outcomes = connector.upsert([record("s-1"), bad, record("s-2", person(2))])
    assert isinstance(outcomes["bad"], NeedsAttention)
    assert outcomes["bad"].message == "email a…@… is not valid"
    assert isinstance(outcomes["s-1"], Delivered) and isinstance(outcomes["s-2"], Delivered)


def test_a_note_that_is_refused_holds_up_nobody(fake, connector):
    body = {"code": "invalid_parameter", "message": "No."}
    fake.answers(400, body, path="/crm/notes", method="POST")
    outcomes = connector.upsert([record(), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].message) == (NeedsAttention, "No.")
    assert isinstance(outcomes["s-2"], Delivered)


def test_without_its_number_a_contact_is_subscribed_all_the_same(fake, connector):
    fake.add("bob@example.com", SMS=PHONE.value)
    one = record(SMS=PHONE.value, consent_targets=(consent("1"),))
    assert connector.upsert([one])["s-1"].code == "duplicate_phone"
    assert [held["listIds"] for held in fake.contacts.values()] == [[], [1]]


@pytest.mark.parametrize("identity", [ANN, PHONE, Identity("external", "s-9")])
def test_twenty_at_once_make_one_contact(fake, http, identity):
    records = [record(f"s-{n}", identity, FIRSTNAME="Ann") for n in range(20)]
    outcomes = at_once(lambda: connect(fake, http), records)
    (id,) = fake.contacts
    assert {outcome.remote_id for outcome in outcomes.values()} == {str(id)}
    assert len(outcomes) == 20


@pytest.mark.parametrize("headers, after", [({}, 600), ({"Retry-After": "7"}, 7)])
def test_too_many_calls_wait_as_long_as_brevo_says(fake, connector, headers, after):
    body = {"code": "too_many_requests", "message": "Slow down."}
    fake.answers(429, body, path="/contacts/ann", headers=headers)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record("s-0", person(0)), record()])
    assert (caught.value.code, caught.value.after) == ("too_many_requests", after)
    assert list(caught.value.outcomes) == ["s-0"]  # what was settled stays settled


def test_an_error_inside_of_brevo_is_tried_later(fake, connector):
    fake.answers(500, None, path="/contacts", method="POST", real=False)
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "server_error")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("path", ["/contacts", "/crm/notes"])
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, path, after
):
    fake.fault(kind, path=path, method="POST", after=after)
    one = record(mode="append", NOTES="Hello", consent_targets=(consent("1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.code == code and caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.contacts.values()
    assert held["attributes"] == {"NOTES": "Hello"} and held["listIds"] == [1]
    assert len(fake.notes) == 1


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"[]", b'{"id": {}, "attributes": 3}'])
@pytest.mark.parametrize("path", ["/contacts/attributes", "/contacts/ann"])
def test_an_answer_that_is_not_brevos_is_tried_later(fake, connector, body, path):
    fake.answers(200, body, path=path, real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"{}"])
def test_a_proxys_page_in_the_place_of_a_note_is_no_success(fake, connector, body):
    fake.answers(200, body, path="/crm/notes", method="POST", real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer" and fake.notes == []
    assert isinstance(connector.upsert([record()])["s-1"], Delivered) and len(fake.notes) == 1
