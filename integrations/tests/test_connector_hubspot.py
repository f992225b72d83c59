"""The HubSpot connector against a fake that knows HubSpot's traps; every exchange is held against
HubSpot's own OpenAPI files."""

import pytest

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
from integrations.connectors.hubspot import HubSpotConnector
from integrations.http import Http
from integrations.mapping import default_rows
from integrations.tests.fakes import hubspot
from integrations.tests.fakes.people import ANN, at_once, consent, person, record

PHONE = Identity("phone", "+4915112345678")


@pytest.fixture
def fake():
    with hubspot.HubSpot(hubspot.contract()) as fake:
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
    return HubSpotConnector({"address": fake.address, "token": "pat-eu1-good", **config}, http)


def notes(fake):
    return sorted(note["body"] for note in fake.notes.values())


# who and what


def test_a_check_says_whose_portal_it_is(connector):
    assert connector.check() == Account("HubSpot 4711", "app-eu1.hubspot.com")


def test_missing_rights_are_named_in_words(fake, connector):
    fake.scopes.remove("crm.objects.contacts.write")
    with pytest.raises(CredentialsRefused) as caught:
        connector.check()
    assert "write contacts (crm.objects.contacts.write)" in caught.value.message
    assert caught.value.code == "MISSING_SCOPES"


def test_a_token_of_oauth_is_used_and_its_rights_are_not_asked_for(fake, http):
    fake.tokens["fresh"] = 4711
    oauth = connect(fake, http, access_token="fresh")
    assert oauth.check().name == "HubSpot 4711"
    assert fake.asked("POST", "access-token-info") == []


def test_a_wrong_token_is_refused_everywhere(fake, http):
    wrong = connect(fake, http, token="pat-wrong")
    for call in (wrong.check, wrong.describe, lambda: wrong.upsert([record(email="a@b.example")])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "INVALID_AUTHENTICATION"


def test_the_properties_come_with_types_options_and_what_may_be_written(connector):
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert found["email"].unique and found["email"].type == "email"
    kinds = {name: found[name].type for name in ("mobilephone", "birthday", "member", "message")}
    assert kinds == {
        "mobilephone": "phone",
        "birthday": "date",
        "member": "boolean",
        "message": "text",
    }
    assert found["size"].options == (("s", "Small"), ("l", "Large"))
    assert (found["likes"].type, found["visits"].type) == ("list", "number")
    assert not found["createdate"].writable and not found["hubspot_owner_id"].writable
    assert "hs_secret" not in found


def test_the_first_mapping_finds_the_usual_properties(connector):
    rows = default_rows(connector.describe(), HubSpotConnector.hints)
    assert {"email", "firstname", "lastname", "mobilephone"} <= {row.attribute for row in rows}


# delivering


def test_a_batch_is_one_look_up_one_update_and_one_create(fake, connector):
    for number in range(25):
        fake.add(email=person(number).value)
    batch = [record(f"s-{n}", person(n), firstname="Ann") for n in range(50)]
    outcomes = connector.upsert(batch)
    assert all(isinstance(outcomes[f"s-{n}"], Delivered) for n in range(50))
    assert len(fake.contacts) == 50
    verbs = [call.path.rpartition("/")[2] for call in fake.asked("POST", "/contacts/batch/")]
    assert verbs == ["read", "update", "create"]
    assert {held["firstname"] for held in fake.contacts.values()} == {"Ann"}


def test_nobody_is_upserted_by_address(fake, connector):
    """HubSpot refuses the whole batch for one bad record where the address is the key."""
    connector.upsert([record(f"s-{n}", person(n)) for n in range(3)] + [record("s-9", PHONE)])
    (upsert,) = fake.asked("POST", "contacts/batch/upsert")
    assert [one["idProperty"] for one in upsert.body["inputs"]] == ["customerinfo_id"]


def test_a_delivery_leads_to_the_contact(fake, connector):
    outcome = connector.upsert([record(firstname="Ann")])["s-1"]
    (remote_id,) = fake.contacts
    url = f"https://app.hubspot.com/contacts/4711/record/0-1/{remote_id}"
    assert outcome == Delivered(remote_id, url)


def test_the_same_again_changes_nothing_and_writes_no_second_note(fake, connector):
    first = connector.upsert([record(firstname="Ann")])
    assert connector.upsert([record(firstname="Ann")]) == first
    assert len(fake.contacts) == 1 and notes(fake) == ["Sign-up s-1 from CustomerInfo"]


def test_notes_are_looked_for_on_all_pages(fake, connector):
    for number in range(5):
        connector.upsert([record(f"s-{number}", firstname="Ann")])
    connector.upsert([record("s-4", firstname="Ann")])
    assert len(notes(fake)) == 5


def test_a_test_sign_up_is_marked_by_its_note(fake, connector):
    connector.upsert([record(is_test=True)])
    assert notes(fake) == ["Test sign-up s-1 from CustomerInfo"]


def test_several_sign_ups_of_one_person_are_one_contact_with_the_later_data(fake, connector):
    batch = [
        record("s-1", firstname="Ann", zip="1011"),
        record("s-2", person(2)),
        record("s-3", firstname="Anna"),
    ]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"]
    held = fake.contacts[outcomes["s-1"].remote_id]
    assert (held["firstname"], held["zip"], held["email"]) == ("Anna", "1011", ANN.value)
    assert len(notes(fake)) == 3


def test_values_travel_as_hubspot_writes_them(fake, connector):
    values = {"member": True, "visits": 3, "likes": ["tea", "jam"], "birthday": "1990-05-17"}
    remote_id = connector.upsert([record(**values)])["s-1"].remote_id
    held = fake.contacts[remote_id]
    assert (held["member"], held["visits"], held["likes"]) == ("true", "3", "tea;jam")
    assert connector.read_back(remote_id, ["visits", "zip"]) == {"visits": "3", "zip": None}


def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    remote_id = fake.add(email=ANN.value, firstname="Ann", likes="tea", message="Hello")
    values = {
        "firstname": MappedValue("Anna", "only_if_empty"),
        "lastname": MappedValue("Lee", "only_if_empty"),
        "likes": MappedValue(["jam"], "append"),
        "message": MappedValue("Bye", "append", "\n"),
    }
    connector.upsert([Record("s-1", ANN, values)])
    held = fake.contacts[remote_id]
    assert (held["firstname"], held["lastname"]) == ("Ann", "Lee")
    assert (held["likes"], held["message"]) == ("tea;jam", "Hello\nBye")


def test_what_would_change_nothing_is_not_sent(fake, connector):
    fake.add(email=ANN.value, firstname="Ann")
    values = {"firstname": MappedValue("Anna", "only_if_empty")}
    assert isinstance(connector.upsert([Record("s-1", ANN, values)])["s-1"], Delivered)
    assert fake.asked("POST", "batch/update") == []


def test_a_contact_with_a_new_address_is_found_by_id_and_one_that_was_deleted_anew(fake, connector):
    remote_id = fake.add(email="new@example.com")
    connector.upsert([record(remote_id=remote_id, firstname="Ann")])
    assert fake.contacts[remote_id] == {"email": "new@example.com", "firstname": "Ann"}
    del fake.contacts[remote_id]
    again = connector.upsert([record("s-2", remote_id=remote_id, firstname="Ann")])["s-2"]
    assert list(fake.contacts) == [again.remote_id] != [remote_id]


def test_a_contact_that_was_merged_is_updated_where_it_went(fake, connector):
    loser, winner = fake.add(email=ANN.value), fake.add(email="boss@example.com")
    fake.merge(loser, winner)
    by_id = record("s-1", remote_id=loser, email=ANN.value, firstname="Ann")
    assert connector.upsert([by_id])["s-1"].remote_id == winner
    assert fake.contacts[winner]["firstname"] == "Ann"
    # Their other address doesn't become the main one, nor a contact of its own.
    assert connector.upsert([record("s-2", email=ANN.value)])["s-2"].remote_id == winner
    assert fake.contacts[winner]["email"] == "boss@example.com" and len(fake.contacts) == 1


def test_two_identities_that_are_one_contact_go_one_after_the_other(fake, connector):
    """HubSpot refuses a batch that names an id twice."""
    remote_id = fake.add(email=ANN.value, mobilephone=PHONE.value)
    outcomes = connector.upsert([record("s-1", zip="1"), record("s-2", PHONE, firstname="Ann")])
    assert {outcome.remote_id for outcome in outcomes.values()} == {remote_id}
    assert fake.contacts[remote_id]["firstname"] == "Ann" and fake.contacts[remote_id]["zip"] == "1"


def test_who_gave_a_phone_number_only_is_found_by_it(fake, connector):
    remote_id = fake.add(phone=PHONE.value)
    assert connector.upsert([record("s-1", PHONE, zip="1")])["s-1"].remote_id == remote_id


def test_a_person_without_address_is_made_once_though_the_search_lags(fake, connector):
    fake.search_lags = True
    one = record("s-1", PHONE, mobilephone=PHONE.value)
    two = record("s-2", Identity("external", "s-2"), firstname="Ann")
    first = connector.upsert([one, two])
    assert connector.upsert([one, two]) == first
    assert len(fake.contacts) == 2
    assert fake.fields["customerinfo_id"]["hasUniqueValue"]


def test_without_the_right_to_add_our_property_the_right_is_named(fake, connector):
    fake.scopes.remove("crm.schemas.contacts.write")
    with pytest.raises(CredentialsRefused) as caught:
        connector.upsert([record("s-1", PHONE)])
    assert "add a property to contacts" in caught.value.message


def test_one_contact_can_be_deleted_and_deleted_again(fake, connector):
    remote_id = fake.add(email=ANN.value)
    connector.delete(remote_id)
    connector.delete(remote_id)
    assert fake.contacts == {} and connector.read_back(remote_id, ["zip"]) == {"zip": None}


# consent


def test_a_consent_subscribes_with_its_wording_as_the_legal_basis(fake, connector):
    connector.upsert([record(consent_targets=(consent("11"),))])
    assert fake.status == {(ANN.value, "11"): "SUBSCRIBED"}
    (sent,) = fake.asked("POST", "/statuses/")
    assert sent.body["legalBasis"] == "CONSENT_WITH_NOTICE"
    assert sent.body["legalBasisExplanation"] == "2026-11-24T08:00:00Z: Yes, send me news."


def test_the_retailers_legal_basis_goes_along(fake, connector):
    choice = consent("11", basis="PERFORMANCE_OF_CONTRACT")
    connector.upsert([record(consent_targets=(choice,))])
    assert fake.asked("POST", "/statuses/")[0].body["legalBasis"] == "PERFORMANCE_OF_CONTRACT"


def test_who_agreed_to_nothing_is_subscribed_to_nothing(fake, connector):
    connector.upsert([record()])
    assert fake.asked(path="communication-preferences") == []


@pytest.mark.parametrize("how", ["this", "everything"])
def test_who_had_left_stays_away_and_the_rest_arrives(fake, connector, how):
    if how == "this":
        fake.status[ANN.value, "11"] = "UNSUBSCRIBED"
    else:
        fake.left.add(ANN.value)
    outcome = connector.upsert([record(firstname="Ann", consent_targets=(consent("11"),))])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.code == "unsubscribed"
    assert fake.asked("POST", "/statuses/") == []
    assert [held["firstname"] for held in fake.contacts.values()] == ["Ann"]


def test_who_is_subscribed_is_not_subscribed_again(fake, connector):
    fake.status[ANN.value, "11"] = "SUBSCRIBED"
    outcome = connector.upsert([record(consent_targets=(consent("11"),))])["s-1"]
    assert isinstance(outcome, Delivered) and fake.asked("POST", "/statuses/") == []


def test_an_earlier_consent_in_the_batch_counts_though_the_later_sign_up_gave_none(fake, connector):
    connector.upsert([record("s-1", consent_targets=(consent("11"),)), record("s-2")])
    assert fake.status == {(ANN.value, "11"): "SUBSCRIBED"}


def test_a_consent_without_an_address_is_said(fake, connector):
    outcome = connector.upsert([record("s-1", PHONE, consent_targets=(consent("11"),))])["s-1"]
    assert outcome.code == "no_address" and len(fake.contacts) == 1


def test_a_subscription_that_is_gone_needs_attention(connector):
    outcome = connector.upsert([record(consent_targets=(consent("99"),))])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.code == "VALIDATION_ERROR"


def test_the_subscriptions_that_people_can_have_are_offered(connector):
    assert [(t.id, t.label, t.double_opt_in) for t in connector.consent_targets()] == [
        ("11", "Newsletter", "never")
    ]


def test_a_sign_up_counts_as_delivered_only_with_its_consents(fake, connector):
    fake.answers(503, None, path="/statuses/", real=False)
    one = record(consent_targets=(consent("11"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert fake.status == {(ANN.value, "11"): "SUBSCRIBED"}
    assert len(fake.contacts) == len(fake.notes) == 1


# what goes wrong


def test_bad_records_need_attention_and_the_others_arrive(fake, connector):
    batch = [record(f"s-{n}", person(n), firstname="Ann") for n in range(4)]
    batch.append(record("bad-1", Identity("email", "nowhere"), firstname="Ann"))
    batch.append(record("bad-2", person(9), shoes="42"))
    batch.append(record("bad-3", person(8), size="xxl"))
    outcomes = connector.upsert(batch)
    codes = {ref: outcomes[ref].code for ref in ("bad-1", "bad-2", "bad-3")}
    assert codes == {
        "bad-1": "INVALID_EMAIL",
        "bad-2": "PROPERTY_DOESNT_EXIST",
        "bad-3": "INVALID_OPTION",
    }
    assert all(isinstance(outcomes[ref], NeedsAttention) for ref in codes)
    assert all(isinstance(outcomes[f"s-{n}"], Delivered) for n in range(4))


def test_what_a_shopper_typed_is_not_in_the_message(connector):
    outcome = connector.upsert([record("s-1", Identity("email", "nowhere"))])["s-1"]
    assert outcome.message == "email: n… is wrong"


def test_a_batch_that_is_refused_whole_is_halved_until_the_reason_stands_alone(fake, connector):
    bad = {"status": "error", "category": "VALIDATION_ERROR", "message": "No",
           "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf"}  # fmt: skip
    fake.answers(400, bad, path="batch/create", times=3)
    outcomes = connector.upsert([record(f"s-{n}", person(n)) for n in range(4)])
    assert isinstance(outcomes["s-0"], NeedsAttention)
    assert [len(c.body["inputs"]) for c in fake.asked("POST", "contacts/batch/create")] == [
        4,
        2,
        1,
        1,
        2,
    ]
    assert sum(isinstance(outcome, Delivered) for outcome in outcomes.values()) == 3


def test_somebody_else_creating_the_contact_meanwhile_makes_it_an_update(fake, connector):
    remote_id = fake.add(email=ANN.value)
    empty = {"status": "COMPLETE", "results": [], "startedAt": hubspot.NOW,
             "completedAt": hubspot.NOW}  # fmt: skip
    fake.answers(200, empty, path="batch/read")  # it wasn't there when we looked
    conflict = {
        "status": "error",
        "category": "CONFLICT",
        "message": f"Contact already exists. Existing ID: {remote_id}",
        "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
    }
    fake.answers(409, conflict, path="batch/create")
    assert connector.upsert([record(firstname="Ann")])["s-1"].remote_id == remote_id
    assert fake.contacts[remote_id]["firstname"] == "Ann" and len(fake.contacts) == 1


def test_what_somebody_else_wrote_meanwhile_is_looked_at(fake, connector):
    remote_id = fake.add(email=ANN.value, firstname="Ann")
    empty = {"status": "COMPLETE", "results": [], "startedAt": hubspot.NOW,
             "completedAt": hubspot.NOW}  # fmt: skip
    fake.answers(200, empty, path="batch/read")
    connector.upsert([record(mode="only_if_empty", firstname="Anna", zip="1")])
    assert fake.contacts[remote_id] == {"email": ANN.value, "firstname": "Ann", "zip": "1"}
    fake.answers(200, empty, path="batch/read")
    nothing = record("s-2", mode="only_if_empty", firstname="Anna")
    assert isinstance(connector.upsert([nothing])["s-2"], Delivered)


def test_of_several_only_the_contact_that_exists_already_becomes_an_update(fake, connector):
    remote_id = fake.add(email=ANN.value)
    empty = {"status": "COMPLETE", "results": [], "startedAt": hubspot.NOW,
             "completedAt": hubspot.NOW}  # fmt: skip
    fake.answers(200, empty, path="batch/read")
    outcomes = connector.upsert([record(zip="1"), record("s-2", person(2), zip="2")])
    assert outcomes["s-1"].remote_id == remote_id and isinstance(outcomes["s-2"], Delivered)
    assert sorted(held["zip"] for held in fake.contacts.values()) == ["1", "2"]


@pytest.mark.parametrize("identity", [ANN, PHONE, Identity("external", "s-9")])
def test_twenty_at_once_make_one_contact(fake, http, identity):
    records = [record(f"s-{n}", identity, zip="1") for n in range(20)]
    connector = connect(fake, http)
    if identity != ANN:
        connector.upsert([record("s-0", Identity("external", "s-0"))])  # our property is there
        fake.contacts.clear()
    outcomes = at_once(lambda: connect(fake, http), records)
    (remote_id,) = fake.contacts
    assert {outcome.remote_id for outcome in outcomes.values()} == {remote_id}
    assert len(outcomes) == 20


def test_two_identities_with_one_known_id_go_one_after_the_other(fake, connector):
    remote_id = fake.add(email="new@example.com")
    batch = [
        record(zip="1", remote_id=remote_id),
        record("s-2", PHONE, remote_id=remote_id, zip="2"),
    ]
    outcomes = connector.upsert(batch)
    assert {outcome.remote_id for outcome in outcomes.values()} == {remote_id}
    assert list(fake.contacts) == [remote_id] and fake.contacts[remote_id]["zip"] == "2"


@pytest.mark.parametrize("path", ["/statuses/ann%40", "notes/batch/create"])
def test_what_is_refused_for_one_person_holds_up_nobody(fake, connector, path):
    """The note of two is refused twice: for both, then for Ann alone."""
    refused = hubspot.error(400, "VALIDATION_ERROR", "No.").answer[1]
    fake.answers(400, refused, path=path, times=2)
    batch = [
        record(consent_targets=(consent("11"),)),
        record("s-2", person(2), consent_targets=(consent("11"),)),
    ]
    outcomes = connector.upsert(batch)
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "VALIDATION_ERROR")
    assert isinstance(outcomes["s-2"], Delivered)
    assert "Sign-up s-2 from CustomerInfo" in notes(fake)


def test_a_key_that_cannot_be_looked_for_holds_up_nobody(fake, connector):
    remote_id = fake.add(email=person(2).value)
    refused = hubspot.error(400, "VALIDATION_ERROR", "No.").answer[1]
    fake.answers(400, refused, path="contacts/batch/read", times=2)  # both, the first one
    fake.answers(400, refused, path="contacts/search")
    outcomes = connector.upsert([record(), record("s-2", person(2)), record("s-3", PHONE)])
    assert all(isinstance(outcome, Delivered) for outcome in outcomes.values())
    assert outcomes["s-2"].remote_id == remote_id and len(fake.contacts) == 3


def test_a_contact_that_vanishes_between_look_and_write_is_tried_again(fake, connector):
    remote_id = fake.add(email=ANN.value)
    read = hubspot.HubSpot._one

    def read_and_lose(verb, one, body):
        found = read(fake, verb, one, body)
        fake.contacts.pop(remote_id, None)
        return found

    fake._one = read_and_lose
    outcome = connector.upsert([record(firstname="Ann")])["s-1"]
    assert isinstance(outcome, RetryLater) and outcome.code == "OBJECT_NOT_FOUND"


@pytest.mark.parametrize(
    "headers, policy, after",
    [
        ({}, "TEN_SECONDLY_ROLLING", 10),
        ({"Retry-After": "3"}, "TEN_SECONDLY_ROLLING", 3),
        ({}, "DAILY", 3600),
    ],
)
def test_too_many_calls_wait_as_long_as_the_limit_lasts(fake, connector, headers, policy, after):
    body = {
        "status": "error",
        "message": "You have reached your limit.",
        "category": "RATE_LIMITS",
        "policyName": policy,
        "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
    }
    fake.answers(429, body, path="batch", headers=headers)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("RATE_LIMITS", after)


def test_an_error_inside_of_hubspot_is_tried_later(fake, connector):
    fake.answers(500, None, path="batch/create", real=False)
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "server_error")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("path", ["contacts/batch/create", "notes/batch/create"])
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset"), ("half", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, path, after
):
    fake.fault(kind, path=path, after=after)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record(firstname="Ann")])
    assert caught.value.code == code and caught.value.outcomes == {}
    connector.upsert([record(firstname="Ann")])
    assert len(fake.contacts) == len(fake.notes) == 1


@pytest.mark.parametrize(
    "body", [b"<h1>Sorry</h1>", b"[]", b'{"results": [{}]}', b'{"results": 3}']
)
def test_an_answer_that_is_not_hubspots_is_tried_later(fake, connector, body):
    fake.answers(200, body, path="batch/read", real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"
