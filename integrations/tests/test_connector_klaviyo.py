"""The Klaviyo connector against a fake that knows Klaviyo's traps; every exchange is held against
Klaviyo's own OpenAPI files."""

import pytest

from integrations.connectors import klaviyo_consent
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
from integrations.connectors.klaviyo import KlaviyoConnector
from integrations.http import Http
from integrations.tests.fakes import klaviyo
from integrations.tests.fakes.people import ANN, at_once, consent, person, record

PHONE = Identity("phone", "+31612345678")


@pytest.fixture
def fake():
    with klaviyo.Klaviyo(klaviyo.contract()) as fake:
        yield fake
        fake.verify()


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=2) as http:
        yield http


@pytest.fixture
def connector(fake, http):
    return KlaviyoConnector({"address": fake.address, "api_key": "pk_good"}, http)


# who and what


def test_a_check_says_whose_account_it_is(connector):
    assert connector.check() == Account("Acorn", "shop@acorn.example")


@pytest.mark.parametrize("right", ["profiles", "lists"])
def test_missing_rights_are_named_in_words(fake, connector, right):
    fake.scopes.remove(right)
    with pytest.raises(CredentialsRefused) as caught:
        connector.check()
    assert caught.value.message == f"The key lacks the right to read {right} ({right}:read)."


def test_a_wrong_key_is_refused_everywhere(fake, connector):
    fake.key = "pk_other"
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "not_authenticated"


def test_klaviyos_own_attributes_and_those_in_use_are_described(fake, connector):
    fake.add(properties={"Points": 3, "VIP": True, "Likes": ["tea"], "$source": "x", "Odd": {}})
    fake.add(properties={"Points": "many", "Shop": "West", "CustomerInfo sign-up": "s-1"})
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert found["email"].unique and found["phone_number"].type == "phone"
    assert {"location.zip", "organization"} <= set(found)
    custom = {name: found[name].type for name in ("Points", "VIP", "Likes", "Shop")}
    assert custom == {"Points": "string", "VIP": "boolean", "Likes": "list", "Shop": "string"}
    assert not {"$source", "Odd", "CustomerInfo sign-up"} & set(found)


def test_lists_on_all_pages_can_be_subscribed_to(connector):
    found = {target.id: target for target in connector.consent_targets()}
    assert list(found) == ["L1", "sms:L1", "L2", "sms:L2", "L3", "sms:L3"]
    assert found["L2"].label == "Club, by e-mail (asks for confirmation)"
    assert {target.double_opt_in for target in found.values()} == {"list"}


# delivering


def test_a_new_person_becomes_a_profile_under_klaviyos_names(fake, connector):
    values = {"first_name": "Ann", "location__zip": "1011", "Store": "West", "Likes": ["tea"]}
    outcome = connector.upsert([record(**values)])["s-1"]
    ((remote_id, held),) = fake.people.items()
    assert outcome == Delivered(remote_id, f"https://www.klaviyo.com/profile/{remote_id}")
    assert (held["email"], held["first_name"], held["location"]) == (
        ANN.value,
        "Ann",
        {"zip": "1011"},
    )
    assert held["properties"] == {
        "Store": "West",
        "Likes": ["tea"],
        "CustomerInfo sign-up": "s-1",
    }
    read = connector.read_back(remote_id, ["email", "location.zip", "Store", "title"])
    assert read == {"email": ANN.value, "location.zip": "1011", "Store": "West", "title": None}


def test_the_same_again_changes_nothing(fake, connector):
    first = connector.upsert([record(first_name="Ann")])
    before = dict(fake.people)
    assert connector.upsert([record(first_name="Ann")]) == first and fake.people == before


def test_what_is_not_said_stays(fake, connector):
    """Klaviyo clears what is null and keeps what is left out."""
    remote_id = fake.add(email=ANN.value, last_name="Lee", properties={"Points": 3})
    connector.upsert([record(first_name="Ann", last_name="")])
    held = fake.people[remote_id]
    assert (held["first_name"], held["last_name"], held["properties"]["Points"]) == (
        "Ann", "Lee", 3,
    )  # fmt: skip


def test_a_test_sign_up_is_marked(fake, connector):
    connector.upsert([record(is_test=True)])
    (held,) = fake.people.values()
    assert held["properties"]["CustomerInfo test"] is True


def test_several_sign_ups_of_one_person_are_one_profile_with_the_later_data(fake, connector):
    batch = [
        record("s-1", first_name="Ann", title="Dr"),
        record("s-2", person(2)),
        record("s-3", first_name="Anna"),
    ]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"] and len(fake.people) == 2
    held = fake.people[outcomes["s-1"].remote_id]
    assert (held["first_name"], held["title"]) == ("Anna", "Dr")


def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    remote_id = fake.add(email=ANN.value, first_name="Ann", properties={"Likes": ["tea"]})
    values = {
        "first_name": MappedValue("Anna", "only_if_empty"),
        "last_name": MappedValue("Lee", "only_if_empty"),
        "Likes": MappedValue(["jam"], "append"),
    }
    connector.upsert([Record("s-1", ANN, values), record("s-2", PHONE, mode="append", Note="Hi")])
    held = fake.people[remote_id]
    assert (held["first_name"], held["last_name"]) == ("Ann", "Lee")
    assert held["properties"]["Likes"] == ["tea", "jam"]


@pytest.mark.parametrize("identity", [PHONE, Identity("external", "s-9")])
def test_people_without_an_address_are_found_by_phone_or_sign_up(fake, connector, identity):
    one = record("s-1", identity, mode="append", Likes=["tea"])
    two = record("s-2", identity, mode="append", Likes=["jam"])
    first, second = connector.upsert([one])["s-1"], connector.upsert([two])["s-2"]
    assert first.remote_id == second.remote_id
    assert fake.people[first.remote_id]["properties"]["Likes"] == ["tea", "jam"]


def test_a_known_profile_is_found_by_its_id_even_after_a_new_address(fake, connector):
    remote_id = fake.add(email="new@example.com", properties={"Likes": ["tea"]})
    again = record(remote_id=remote_id, mode="append", Likes=["jam"])
    assert connector.upsert([again])["s-1"].remote_id == remote_id
    assert fake.people[remote_id]["email"] == "new@example.com"
    assert fake.people[remote_id]["properties"]["Likes"] == ["tea", "jam"]


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_profile_that_was_deleted_there_is_created_anew(fake, connector, mode):
    one = record(remote_id="01PGONE", mode=mode, first_name="Ann")
    outcome = connector.upsert([one])["s-1"]
    assert list(fake.people) == [outcome.remote_id]
    assert fake.people[outcome.remote_id]["email"] == ANN.value


def test_an_id_whose_address_went_to_another_profile_leads_to_that_profile(fake, connector):
    """Klaviyo calls it 404, "does not exist", though it does."""
    old, new = fake.add(email="old@example.com"), fake.add(email=ANN.value)
    outcome = connector.upsert([record(remote_id=old, email=ANN.value, first_name="Ann")])["s-1"]
    assert outcome.remote_id == new and fake.people[new]["first_name"] == "Ann"
    assert "first_name" not in fake.people[old]


@pytest.mark.parametrize("theirs", [{"email": "bob@example.com"}, {}])
def test_a_phone_number_of_another_profile_stays_there_and_it_is_said(fake, connector, theirs):
    """Klaviyo would write Ann's address over Bob's, or refuse her because of the number."""
    other = fake.add(phone_number=PHONE.value, **theirs)
    if not theirs:
        fake.add(email=ANN.value)
    one = record(email=ANN.value, phone_number=PHONE.value, first_name="Ann")
    outcome = connector.upsert([one])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.code == "duplicate_phone"
    (made,) = set(fake.people) - {other}
    assert fake.people[made]["first_name"] == "Ann" and "phone_number" not in fake.people[made]
    assert fake.people[other] == {"phone_number": PHONE.value, "properties": {}, **theirs}


def test_who_had_given_only_the_number_gets_the_address_too(fake, connector):
    known = fake.add(phone_number=PHONE.value)
    one = record(email=ANN.value, phone_number=PHONE.value)
    assert connector.upsert([one])["s-1"].remote_id == known
    assert fake.people[known]["email"] == ANN.value and len(fake.people) == 1


def test_a_profile_can_be_deleted_and_deleted_again(fake, connector):
    remote_id = fake.add(email=ANN.value)
    connector.delete(remote_id)
    connector.delete(remote_id)
    assert fake.people == {} and connector.read_back(remote_id, ["email"]) == {"email": None}


# consent


def test_a_consent_subscribes_to_its_list_and_one_job_holds_all(fake, connector):
    batch = [record(f"s-{n}", person(n), consent_targets=(consent("L1"),)) for n in range(20)]
    outcomes = connector.upsert(batch)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes.values())
    assert fake.jobs == [20] and len(fake.subscribed) == 20


def test_a_consent_to_text_messages_needs_the_number(fake, connector):
    sms = consent("sms:L1")
    batch = [
        record("s-1", phone_number=PHONE.value, consent_targets=(sms,)),
        record("s-2", person(2), consent_targets=(sms,)),
        record("s-3", Identity("phone", "+31687654321"), consent_targets=(sms, consent("L1"))),
    ]
    outcomes = connector.upsert(batch)
    assert isinstance(outcomes["s-1"], Delivered)
    assert {outcomes[ref].code for ref in ("s-2", "s-3")} == {"no_address"}
    assert {(one[0], one[1]) for one in fake.subscribed} == {("L1", "sms")}
    assert len(fake.subscribed) == 2


def test_a_list_with_double_opt_in_asks_the_person(fake, connector):
    outcome = connector.upsert([record(consent_targets=(consent("L2"),))])["s-1"]
    assert fake.asked_to_confirm == [outcome.remote_id] and not fake.subscribed


def test_who_agreed_to_nothing_is_subscribed_to_nothing(fake, connector):
    connector.upsert([record()])
    assert fake.jobs == []


@pytest.mark.parametrize("reason", ["UNSUBSCRIBE", "SPAM_COMPLAINT", "HARD_BOUNCE"])
def test_who_had_left_stays_away_and_the_rest_arrives(fake, connector, reason):
    """Klaviyo's call would lift the suppression."""
    remote_id = fake.add(email=ANN.value)
    fake.left[remote_id, "email"] = reason
    one = record(first_name="Ann", consent_targets=(consent("L1"),))
    outcome = connector.upsert([one])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.code == "unsubscribed"
    assert fake.jobs == [] and fake.left == {(remote_id, "email"): reason}
    assert fake.people[remote_id]["first_name"] == "Ann"


def test_who_had_left_one_list_can_join_another(fake, connector):
    remote_id = fake.add(email=ANN.value)
    fake.left_list.add((remote_id, "L1"))
    one = record(consent_targets=(consent("L1"), consent("L3")))
    assert connector.upsert([one])["s-1"].code == "unsubscribed"
    assert fake.subscribed == {("L3", "email", remote_id)}


def test_jobs_hold_a_thousand_at_most(fake, connector, monkeypatch):
    monkeypatch.setattr(klaviyo_consent, "AT_ONCE", 2)
    batch = [record(f"s-{n}", person(n), consent_targets=(consent("L1"),)) for n in range(5)]
    connector.upsert(batch)
    assert fake.jobs == [2, 2, 1]


def test_a_job_that_is_refused_is_halved_until_the_reason_stands_alone(fake, connector):
    body = klaviyo.error(400, "invalid", "This region has no SMS.").answer[1]
    fake.answers(400, body, path="subscription", times=3)  # all four, the first two, the first
    batch = [record(f"s-{n}", person(n), consent_targets=(consent("L1"),)) for n in range(4)]
    outcomes = connector.upsert(batch)
    assert (type(outcomes["s-0"]), outcomes["s-0"].code) == (NeedsAttention, "invalid")
    assert all(isinstance(outcomes[f"s-{n}"], Delivered) for n in (1, 2, 3))
    assert fake.jobs == [1, 2] and len(fake.people) == 4


def test_a_value_that_cannot_be_looked_for_holds_up_nobody(fake, connector):
    fake.add(email="person-2@example.com", properties={"Likes": ["tea"]})
    body = klaviyo.error(400, "invalid", "Invalid filter provided").answer[1]
    fake.answers(400, body, path="/api/profiles", times=2)  # both, the first one
    batch = [record(f"s-{n}", person(n), mode="append", Likes=["jam"]) for n in (1, 2)]
    outcomes = connector.upsert(batch)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes.values())
    assert sorted(held["properties"]["Likes"] for held in fake.people.values()) == [
        ["jam"],
        ["tea", "jam"],
    ]


@pytest.mark.parametrize("identity", [ANN, PHONE, Identity("external", "s-9")])
def test_twenty_at_once_make_one_profile(fake, http, identity):
    def connect():
        return KlaviyoConnector({"address": fake.address, "api_key": "pk_good"}, http)

    outcomes = at_once(connect, [record(f"s-{n}", identity, title="Dr") for n in range(20)])
    (remote_id,) = fake.people
    assert {outcome.remote_id for outcome in outcomes.values()} == {remote_id}
    assert len(outcomes) == 20


def test_a_sign_up_counts_as_delivered_only_with_its_consents(fake, connector):
    fake.answers(503, None, path="subscription", real=False)
    one = record(consent_targets=(consent("L1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert len(fake.people) == len(fake.subscribed) == 1


# what goes wrong


def test_a_bad_record_needs_attention_and_the_others_arrive(fake, connector):
    batch = [record("s-1"), record("bad", Identity("email", "nowhere")), record("s-2", person(2))]
    outcomes = connector.upsert(batch)
    assert (outcomes["bad"].code, type(outcomes["bad"])) == ("invalid_email", NeedsAttention)
    assert outcomes["bad"].message == "Invalid email address: n…"
    assert isinstance(outcomes["s-1"], Delivered) and isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize(
    "headers, after", [({"Retry-After": "7"}, 7), ({"RateLimit-Reset": "30"}, 30)]
)
def test_too_many_calls_wait_as_long_as_klaviyo_says(fake, connector, headers, after):
    body = klaviyo.error(429, "throttled", "Request was throttled.").answer[1]
    fake.answers(429, body, headers=headers)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("throttled", after)


def test_an_error_inside_of_klaviyo_is_tried_later(fake, connector):
    body = klaviyo.error(500, "error", "A server error occurred.").answer[1]
    fake.answers(500, body, path="profile-import")
    outcomes = connector.upsert([record(), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (RetryLater, "error")
    assert isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("path", ["profile-import", "subscription-bulk"])
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, path, after
):
    fake.fault(kind, path=path, after=after)
    one = record(mode="append", Likes=["tea"], consent_targets=(consent("L1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.code == code and caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.people.values()
    assert held["properties"]["Likes"] == ["tea"] and len(fake.subscribed) == 1


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"[]", b'{"data": 3}', b'{"data": [{}]}'])
@pytest.mark.parametrize("path", ["profile-import", "profiles"])
def test_an_answer_that_is_not_klaviyos_is_tried_later(fake, connector, body, path):
    fake.answers(200, body, path=path, real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record(mode="append", Likes=["tea"])])
    assert caught.value.code == "bad_answer"
