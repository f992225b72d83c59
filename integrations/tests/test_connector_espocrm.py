"""The EspoCRM connector against a fake that knows EspoCRM's traps."""

import pytest

from integrations.connectors import espocrm_consent, espocrm_notes
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
from integrations.connectors.espocrm import EspoCrmConnector
from integrations.http import Http
from integrations.mapping import default_rows
from integrations.tests.fakes import espocrm
from integrations.tests.fakes.people import ANN, at_once, consent, person, record as plain_record

PHONE = Identity("phone", "+33612345678")


def record(ref="s-1", identity=ANN, **values):
    """With a last name, which EspoCRM insists on."""
    return plain_record(ref, identity, **{"lastName": "Lee", **values})


@pytest.fixture
def fake():
    with espocrm.EspoCrm() as fake:
        yield fake
        fake.verify()


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=2) as http:
        yield http


@pytest.fixture
def connector(fake, http):
    return connect(fake, http)


def connect(fake, http):
    return EspoCrmConnector({"address": fake.address, "api_key": "espo-good"}, http)


# who and what


def test_a_check_says_whose_key_it_is(fake, connector):
    site = fake.address.removeprefix("http://").removesuffix("/api/v1")
    assert connector.check() == Account(site, "API user customerinfo")


def test_a_wrong_key_is_refused_everywhere(fake, connector):
    fake.key = "another"
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "unauthorized"


def test_rights_that_are_missing_or_too_narrow_are_named(fake, connector):
    fake.acl["Contact"] |= {"read": "own", "stream": "no"}
    fake.acl["TargetList"] = False
    with pytest.raises(CredentialsRefused) as caught:
        connector.check()
    assert caught.value.code == "missing_rights"
    for right in ("Contact: read", "Contact: stream", "TargetList: read", "TargetList: edit"):
        assert right in caught.value.message
    assert "Contact: create" not in caught.value.message


def test_a_scope_that_is_simply_allowed_counts_as_all(fake, connector):
    fake.acl["TargetList"] = True
    assert connector.check().detail == "API user customerinfo"


@pytest.mark.parametrize("typed", ["", "/", "/#Contact", "/api/v1/"])
def test_the_address_may_be_typed_as_it_stands_in_the_browser(fake, http, typed):
    site = fake.address.removesuffix("/api/v1")
    connector = EspoCrmConnector({"address": site + typed, "api_key": "espo-good"}, http)
    assert connector.site == site and connector.check()


def test_the_attributes_come_with_types_options_and_labels(fake, connector):
    fake.field_acl = {"Contact": {"cVisits": {"read": "yes", "edit": "no"}}}
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert {name: found[name].type for name in found} == {
        "salutationName": "choice",
        "firstName": "string",
        "lastName": "string",
        "emailAddress": "email",
        "phoneNumber": "phone",
        "description": "text",
        "addressPostalCode": "string",
        "doNotCall": "boolean",
        "createdAt": "string",
        "cBirthday": "date",
        "cVisits": "number",
        "cSignedUpAt": "string",
        "cLikes": "list",
        "cFavouriteStore": "choice",
    }
    assert found["lastName"].required and found["emailAddress"].unique
    assert [n for n in found if not found[n].writable] == ["createdAt", "cVisits"]
    assert found["cFavouriteStore"].label == "Favourite shop"
    assert found["cFavouriteStore"].options == (("North", "The North"), ("South", "The South"))
    assert found["cLikes"].options == (("tea", "tea"), ("jam", "jam"))
    assert found["salutationName"].options == (("Mr.", "Mr."), ("Ms.", "Ms."))
    assert found["emailAddress"].label == "Email"
    assert found["addressPostalCode"].label == "Address postal code"


def test_labels_that_are_too_much_to_read_are_done_without(fake, connector):
    fake.has_labels = False
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert found["cFavouriteStore"].label == "Favourite store"


def test_the_first_mapping_finds_the_usual_attributes(connector):
    rows = default_rows(connector.describe(), EspoCrmConnector.hints)
    assert {"emailAddress", "firstName", "lastName", "phoneNumber", "cBirthday"} <= {
        row.attribute for row in rows
    }


def test_target_lists_on_all_pages_can_be_joined(connector, monkeypatch):
    monkeypatch.setattr(espocrm_consent, "PAGE", 2)
    found = [(t.id, t.label, t.double_opt_in) for t in connector.consent_targets()]
    assert found == [
        ("tl1", "News", "never"),
        ("tl2", "Offers", "never"),
        ("tl3", "Events", "never"),
    ]


# delivering


def test_a_new_person_becomes_a_contact(fake, connector):
    one = record(
        emailAddress=ANN.value,
        firstName="Ann",
        cVisits=3,
        cLikes=["tea"],
        cSignedUpAt="2026-11-24T08:00:00Z",
    )
    outcome = connector.upsert([one])["s-1"]
    ((id, held),) = fake.contacts.items()
    assert outcome == Delivered(id, f"{connector.site}/#Contact/view/{id}")
    assert held == {
        "emailAddress": ANN.value,
        "firstName": "Ann",
        "lastName": "Lee",
        "cVisits": 3,
        "cLikes": ["tea"],
        "cSignedUpAt": "2026-11-24 08:00:00",  # its own notation
    }
    read = connector.read_back(id, ["emailAddress", "cVisits", "description"])
    assert read == {"emailAddress": ANN.value, "cVisits": 3, "description": None}


def test_the_same_again_changes_nothing_and_writes_no_second_note(fake, connector):
    first = connector.upsert([record(firstName="Ann")])
    assert connector.upsert([record(firstName="Ann")]) == first
    assert len(fake.contacts) == 1
    assert [note["post"] for note in fake.notes] == ["Sign-up s-1 from CustomerInfo"]


def test_notes_are_looked_for_on_all_pages(fake, connector, monkeypatch):
    monkeypatch.setattr(espocrm_notes, "PAGE", 2)
    for ref in ("s-1", "s-2", "s-3", "s-1"):
        connector.upsert([record(ref)])
    assert len(fake.notes) == 3


def test_a_test_sign_up_is_marked_by_its_note(fake, connector):
    connector.upsert([record(is_test=True)])
    assert fake.notes[0]["post"] == "Test sign-up s-1 from CustomerInfo"


def test_several_sign_ups_of_one_person_are_one_contact_with_the_later_data(fake, connector):
    batch = [
        record("s-1", firstName="Ann", description="x"),
        record("s-2", person(2), firstName="Bo"),
        record("s-3", firstName="Anna"),
    ]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"] and len(fake.contacts) == 2
    held = fake.contacts[outcomes["s-1"].remote_id]
    assert (held["firstName"], held["description"]) == ("Anna", "x") and len(fake.notes) == 3


def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    id = fake.add(emailAddress=ANN.value, firstName="Ann", description="Hello", cLikes=["tea"])
    values = {
        "firstName": MappedValue("Anna", "only_if_empty"),
        "addressPostalCode": MappedValue("0150", "only_if_empty"),
        "description": MappedValue("Bye", "append"),
        "cLikes": MappedValue(["jam"], "append"),
    }
    connector.upsert([Record("s-1", ANN, values)])
    held = fake.contacts[id]
    assert (held["firstName"], held["addressPostalCode"]) == ("Ann", "0150")
    assert (held["description"], held["cLikes"]) == ("Hello, Bye", ["tea", "jam"])


def test_what_a_sign_up_leaves_blank_stays(fake, connector):
    id = fake.add(emailAddress=ANN.value, firstName="Ann", description="Hello")
    connector.upsert([record(firstName="Anna", description="")])
    assert fake.contacts[id]["description"] == "Hello"


@pytest.mark.parametrize("identity", [PHONE, Identity("external", "s-9")])
def test_people_without_an_address_are_found_by_phone_or_sign_up(fake, connector, identity):
    first = connector.upsert([record("s-1", identity, firstName="Ann")])["s-1"]
    again = connector.upsert([record("s-2", identity, firstName="Anna")])["s-2"]
    assert first.remote_id == again.remote_id and len(fake.contacts) == 1


def test_the_mark_of_somebody_without_address_and_number_keeps_the_description(fake, connector):
    connector.upsert([record("s-1", Identity("external", "s-9"), description="Likes tea")])
    (held,) = fake.contacts.values()
    assert held["description"] == "Likes tea\nCustomerInfo s-9"


@pytest.mark.parametrize(
    "held",
    [
        {"emailAddress": "ANN@Example.com"},
        {"emailAddress": "new@x.org", "others": ["ann@example.com"]},
    ],
)
def test_a_person_is_found_by_any_of_their_addresses_in_any_case(fake, connector, held):
    id = fake.add(**held)
    assert connector.upsert([record(firstName="Ann")])["s-1"].remote_id == id
    assert fake.contacts[id]["emailAddress"] == held["emailAddress"]


def test_a_known_contact_is_found_by_its_id_and_keeps_its_new_address(fake, connector):
    id = fake.add(emailAddress="new@example.com")
    again = connector.upsert([record(remote_id=id, emailAddress=ANN.value, firstName="Ann")])
    assert again["s-1"].remote_id == id
    assert fake.contacts[id]["emailAddress"] == "new@example.com"


def test_who_had_no_address_yet_gets_it(fake, connector):
    id = fake.add(phoneNumber=PHONE.value)
    values = {"firstName": MappedValue("Ann", "only_if_empty")}
    connector.upsert([Record("s-1", ANN, values, remote_id=id)])
    assert fake.contacts[id]["emailAddress"] == ANN.value


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_contact_that_was_deleted_there_is_created_anew(fake, connector, mode):
    outcome = connector.upsert([record(remote_id="gone", mode=mode, firstName="Ann")])["s-1"]
    ((id, held),) = fake.contacts.items()
    assert outcome.remote_id == id and held["emailAddress"] == ANN.value


def test_a_contact_that_is_deleted_between_finding_and_reading_is_created_anew(fake, connector):
    fake.add(emailAddress=ANN.value)
    fake.answers(404, None, path="/Contact/")
    outcome = connector.upsert([record(firstName="Ann")])["s-1"]
    assert isinstance(outcome, Delivered) and outcome.remote_id in fake.contacts


def test_a_stranger_of_the_same_name_is_not_merged(fake, connector):
    """EspoCRM answers 409 for an equal name too."""
    other = fake.add(emailAddress="other.ann@example.com", firstName="Ann", lastName="Lee")
    outcome = connector.upsert([record(firstName="Ann")])["s-1"]
    assert outcome.remote_id != other and len(fake.contacts) == 2
    assert fake.contacts[other]["emailAddress"] == "other.ann@example.com"


def test_somebody_else_creating_the_contact_meanwhile_is_no_harm(fake, connector):
    id = fake.add(emailAddress=ANN.value, addressPostalCode="0150")
    fake.answers(200, {"total": 0, "list": []}, path="/Contact", method="GET")
    assert connector.upsert([record(firstName="Ann")])["s-1"].remote_id == id
    assert fake.contacts[id]["firstName"] == "Ann" and len(fake.contacts) == 1


def test_a_change_in_the_same_moment_is_tried_again(fake, connector):
    modified = {"X-Status-Reason": "modified"}
    fake.answers(409, {"values": {}}, path="/Contact", method="POST", headers=modified)
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "modified")


@pytest.mark.parametrize("name", ["shoes", "createdAt", "cVisits", "title"])
def test_what_espocrm_would_drop_without_a_word_needs_attention(fake, connector, name):
    fake.field_acl = {"Contact": {"cVisits": {"read": "yes", "edit": "no"}}}
    outcomes = connector.upsert([record(**{name: "1"}), record("s-2", person(2), firstName="Bo")])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "unknown_attribute")
    assert name in outcomes["s-1"].message
    assert isinstance(outcomes["s-2"], Delivered) and len(fake.contacts) == 1


def test_a_missing_last_name_is_said_in_words(fake, connector):
    outcome = connector.upsert([plain_record(firstName="Ann")])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "validationFailure")
    assert "wants a value for lastName" in outcome.message and fake.contacts == {}


def test_a_contact_can_be_deleted_and_deleted_again(fake, connector):
    id = fake.add(emailAddress=ANN.value)
    connector.delete(id)
    connector.delete(id)
    assert fake.contacts == {} and connector.read_back(id, ["firstName"]) == {"firstName": None}


def test_a_key_that_may_not_delete_says_so(fake, connector):
    fake.acl["Contact"]["delete"] = "no"
    with pytest.raises(CredentialsRefused, match="No delete access"):
        connector.delete(fake.add())


# consent


def test_a_consent_puts_on_its_list_once(fake, connector):
    for ref in ("s-1", "s-2"):
        one = record(ref, consent_targets=(consent("tl1"), consent("tl3")))
        assert isinstance(connector.upsert([one])[ref], Delivered)
    (id,) = fake.contacts
    assert fake.linked == {(id, "tl1"): False, (id, "tl3"): False}
    assert len(fake.asked("POST", "/targetLists")) == 2


def test_who_agreed_to_nothing_is_on_no_list(fake, connector):
    connector.upsert([record()])
    assert fake.linked == {} and not fake.asked("GET", "/targetLists")


def test_who_left_a_list_stays_away_from_it_and_the_rest_arrives(fake, connector):
    id = fake.add(emailAddress=ANN.value)
    fake.linked[id, "tl1"] = True
    one = record(firstName="Ann", consent_targets=(consent("tl1"), consent("tl2")))
    outcome = connector.upsert([one])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "unsubscribed")
    assert fake.linked == {(id, "tl1"): True, (id, "tl2"): False}
    assert fake.contacts[id]["firstName"] == "Ann"


@pytest.mark.parametrize("identity", [ANN, PHONE])
@pytest.mark.parametrize("known", [True, False])
def test_an_address_or_number_that_opted_out_stays_out_even_of_a_new_contact(
    fake, connector, identity, known
):
    """The flag is the address's, not the contact's: a lead may have set it."""
    fake.opted_out.add(identity.value)
    if known:
        name = "emailAddress" if identity is ANN else "phoneNumber"
        fake.add(**{name: identity.value})
    outcome = connector.upsert([record("s-1", identity, consent_targets=(consent("tl1"),))])["s-1"]
    assert outcome.code == "unsubscribed" and fake.linked == {} and len(fake.contacts) == 1


def test_the_main_address_counts_for_who_signed_up_with_neither(fake, connector):
    id = fake.add(emailAddress="x@example.com", description="CustomerInfo s-9")
    fake.opted_out.add("x@example.com")
    one = record("s-9", Identity("external", "s-9"), consent_targets=(consent("tl1"),))
    outcome = connector.upsert([one])["s-9"]
    assert outcome.code == "unsubscribed" and list(fake.contacts) == [id]


def test_a_list_that_is_gone_needs_attention(fake, connector):
    outcome = connector.upsert([record(consent_targets=(consent("tl9"),))])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "no_list") and len(fake.contacts) == 1


def test_a_sign_up_counts_as_delivered_only_with_its_consents(fake, connector):
    fake.answers(503, None, path="/targetLists", real=False)
    one = record(consent_targets=(consent("tl1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert len(fake.linked) == len(fake.notes) == 1


# what goes wrong


def test_a_bad_record_needs_attention_and_the_others_arrive(fake, connector):
    bad = record("bad", Identity("email", "ann@nowhere"), firstName="Bad")
    outcomes = connector.upsert([record("s-1"), bad, record("s-2", person(2), firstName="Bo")])
    assert isinstance(outcomes["bad"], NeedsAttention)
    assert outcomes["bad"].message == "EspoCRM refused the value for emailAddress (emailAddress)."
    assert isinstance(outcomes["s-1"], Delivered) and isinstance(outcomes["s-2"], Delivered)


def test_a_contact_that_somebody_locked_needs_attention_and_the_others_arrive(fake, connector):
    fake.locked.add(fake.add(emailAddress=ANN.value))
    outcomes = connector.upsert([record("s-1"), record("s-2", person(2), firstName="Bo")])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "forbidden")
    assert isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("right", ["create", "edit"])
def test_a_role_that_lost_its_rights_pauses_everything(fake, connector, right):
    fake.acl["Contact"][right] = "no"
    fake.add(emailAddress=person(2).value)
    with pytest.raises(CredentialsRefused) as caught:
        connector.upsert([record(), record("s-2", person(2))])
    assert caught.value.code == "no_access"


def test_twenty_at_once_make_one_contact(fake, http):
    """EspoCRM's own check for duplicates is the last line; numbers have only our lock."""
    records = [record(f"s-{n}", firstName=f"Ann {n}") for n in range(20)]
    outcomes = at_once(lambda: connect(fake, http), records)
    (id,) = fake.contacts
    assert {outcome.remote_id for outcome in outcomes.values()} == {id} and len(outcomes) == 20


def test_too_many_calls_wait_as_long_as_the_server_says(fake, connector):
    fake.answers(429, None, path="/Contact", headers={"Retry-After": "7"})
    fake.faults[0].times = 0
    connector.upsert([record("s-0", person(0), firstName="Al")])
    fake.faults[0].times = 1
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("rate_limited", 7)


def test_what_was_settled_before_a_failure_stays_settled(fake, connector):
    id = fake.add(emailAddress=ANN.value)
    fake.answers(503, None, path=f"/Contact/{id}", real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record("s-0", person(0), firstName="Al"), record()])
    assert list(caught.value.outcomes) == ["s-0"]


def test_an_error_inside_of_espocrm_is_tried_later(fake, connector):
    fake.answers(500, b"<h1>500</h1>", path="/Contact", method="POST", real=False)
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "server_error")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("path", ["/Contact", "/Note", "/targetLists"])
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, path, after
):
    fake.fault(kind, path=path, method="POST", after=after)
    one = record(mode="append", description="Hello", consent_targets=(consent("tl1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.code == code and caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.contacts.values()
    assert held["description"] == "Hello" and len(fake.notes) == len(fake.linked) == 1


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"[]", b'{"list": [3], "user": 3}'])
@pytest.mark.parametrize("path", ["/App/user", "/Metadata", "/Contact"])
def test_an_answer_that_is_not_espocrms_is_tried_later(fake, connector, body, path):
    fake.answers(200, body, path=path, real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"
