"""The Salesforce connector against a fake that knows Salesforce's traps."""

from dataclasses import replace

import pytest
from django_tenants.utils import tenant_context

from integrations import oauth, tokens
from integrations.connectors import salesforce_consent, salesforce_notes
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
from integrations.connectors.salesforce import SalesforceConnector
from integrations.http import Http
from integrations.mapping import default_rows
from integrations.models import Connection
from integrations.tests.fakes import salesforce
from integrations.tests.fakes.people import ANN, at_once, consent, person, record as plain_record
from integrations.tests.hostile import Hostile

PHONE = Identity("phone", "+33612345678")
NOBODY = Identity("external", "s-9")
ONE, TWO = salesforce.campaign(1), salesforce.campaign(2)


def nameless(ref="s-1", identity=ANN, **values):
    """Salesforce's own fields end with two underscores and a c."""
    made = plain_record(ref, identity, **values)
    return replace(made, values={n.replace(".c", "__c"): v for n, v in made.values.items()})


def record(ref="s-1", identity=ANN, **values):
    """With a last name, which Salesforce insists on."""
    return nameless(ref, identity, **{"LastName": "Lee", **values})


@pytest.fixture(params=[True, False], ids=["with our field", "without"])
def our_field(request):
    return request.param


@pytest.fixture
def fake(our_field):
    with salesforce.Salesforce(our_field) as fake:
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
    usual = {"address": fake.address, "domain": "birch", "access_token": "00D!good"}
    return SalesforceConnector({**usual, **config}, http)


once = pytest.mark.parametrize("our_field", [True], ids=[""])
without = pytest.mark.parametrize("our_field", [False], ids=[""])


# who and what


@once
def test_a_check_says_whose_organisation_it_is(fake, connector):
    assert connector.check() == Account("Birch", fake.address.removeprefix("http://"))


@once
def test_a_token_that_is_no_longer_good_is_refused_everywhere(fake, connector):
    fake.access_token = "another"
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "INVALID_SESSION_ID"


@once
def test_the_key_of_an_app_of_the_retailers_own_serves_as_well(fake, http):
    key = {"access_token": "", "client_id": "consumer-key", "client_secret": "consumer-secret"}
    assert connect(fake, http, **key).check().name == "Birch"
    fake.secret = "another"
    with pytest.raises(CredentialsRefused) as caught:
        connect(fake, http, **key).check()
    assert (caught.value.code, caught.value.message) == (
        "invalid_client",
        "invalid client credentials",
    )


@once
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_a_token_that_does_not_come_is_tried_later(fake, http, kind, code):
    fake.fault(kind, path="/oauth2/token")
    with pytest.raises(TryLater) as caught:
        connect(fake, http, access_token="").check()
    assert caught.value.code == code


@pytest.mark.parametrize(
    "config, site",
    [
        ({"domain": "birch"}, "https://birch.my.salesforce.com"),
        ({"domain": " birch--uat.sandbox "}, "https://birch--uat.sandbox.my.salesforce.com"),
        (
            {"domain": "birch", "instance_url": "https://birch-2.my.salesforce.com/x"},
            "https://birch-2.my.salesforce.com",
        ),
        (
            {"domain": "birch", "instance_url": "https://evil.example"},
            "https://birch.my.salesforce.com",
        ),
        (
            {"domain": "birch", "instance_url": "https://salesforce.com.evil.example"},
            "https://birch.my.salesforce.com",
        ),
        (
            {"domain": "birch", "instance_url": "http://birch.my.salesforce.com"},
            "https://birch.my.salesforce.com",
        ),
    ],
)
def test_tokens_go_to_salesforce_and_nowhere_else(http, config, site):
    assert SalesforceConnector(config, http).site == site


@pytest.mark.parametrize("domain", ["", "evil.example/", "evil.example#", "a@b", "a b", "-a"])
def test_a_domain_that_leads_elsewhere_is_refused(http, domain):
    with pytest.raises(CredentialsRefused, match="wrong_address"):
        SalesforceConnector({"domain": domain}, http).check()


@once
@pytest.mark.parametrize(
    "right, word", [("queryable", "read"), ("createable", "create"), ("updateable", "edit")]
)
def test_a_missing_right_is_named(fake, connector, right, word):
    fake.rights[right] = False
    with pytest.raises(CredentialsRefused, match=f"may not {word} contacts"):
        connector.check()


@once
def test_an_opt_out_that_we_cannot_see_is_named(fake, connector):
    del fake.fields["HasOptedOutOfEmail"]
    with pytest.raises(CredentialsRefused, match="see the field Email Opt Out"):
        connector.check()


@once
def test_the_attributes_come_with_types_and_options(connector):
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert {name: one.type for name, one in found.items()} == {
        "FirstName": "string",
        "LastName": "string",
        "Email": "email",
        "MobilePhone": "phone",
        "Phone": "phone",
        "Birthdate": "date",
        "MailingPostalCode": "string",
        "Description": "text",
        "CreatedDate": "string",
        "Points__c": "number",
        "Member__c": "boolean",
        "Code__c": "string",
        "Size__c": "choice",
        "Likes__c": "list",
    }
    assert [n for n in found if found[n].required] == ["LastName"]
    assert [n for n in found if found[n].unique] == ["Email", "Code__c"]
    assert [n for n in found if not found[n].writable] == ["CreatedDate"]
    assert found["Size__c"].options == (("s", "Small"), ("l", "Large"))
    assert found["MailingPostalCode"].label == "Mailing Postal Code"


@once
def test_the_first_mapping_finds_the_usual_attributes(connector):
    rows = default_rows(connector.describe(), SalesforceConnector.hints)
    wanted = {"Email", "FirstName", "LastName", "MobilePhone", "Birthdate", "MailingPostalCode"}
    assert wanted <= {row.attribute for row in rows}


@once
@pytest.mark.parametrize("page_size", [1, 2000])
def test_campaigns_in_use_on_all_pages_can_be_joined(fake, connector, page_size):
    fake.page_size = page_size
    found = [(t.id, t.label, t.double_opt_in) for t in connector.consent_targets()]
    assert found == [(ONE, "Campaign 1", "never"), (TWO, "Campaign 2", "never")]


# delivering


def test_a_new_person_becomes_a_contact(fake, connector, our_field):
    one = record(
        Email=ANN.value, FirstName="Ann", Points__c=3, Member__c=True, Likes__c=["tea", "jam"]
    )
    outcome = connector.upsert([one])["s-1"]
    ((id, held),) = fake.contacts.items()
    assert outcome == Delivered(id, f"{fake.address}/lightning/r/Contact/{id}/view")
    ours = {"CustomerInfo_ID__c": f"email:{ANN.value}"} if our_field else {}
    assert held == {
        "LastName": "Lee",
        "FirstName": "Ann",
        "Email": ANN.value,
        "Points__c": 3,
        "Member__c": True,
        "Likes__c": "tea;jam",
        "HasOptedOutOfEmail": False,
        **ours,
    }
    read = connector.read_back(id, ["Email", "Points__c", "Description"])
    assert read == {"Email": ANN.value, "Points__c": 3, "Description": None}


def test_the_same_again_changes_nothing_and_writes_no_second_note(fake, connector):
    first = connector.upsert([record(FirstName="Ann")])
    assert connector.upsert([record(FirstName="Ann")]) == first
    assert len(fake.contacts) == 1
    assert fake.notes == ["Sign-up s-1 from CustomerInfo"]


@once
def test_a_test_sign_up_is_marked_by_its_note(fake, connector):
    connector.upsert([record(is_test=True)])
    assert fake.notes == ["Test sign-up s-1 from CustomerInfo"]


@once
def test_several_sign_ups_of_one_person_are_one_contact_with_the_later_data(fake, connector):
    batch = [
        record("s-1", FirstName="Ann", Description="x"),
        record("s-2", person(2)),
        record("s-3", FirstName="Anna"),
    ]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"] and len(fake.contacts) == 2
    held = fake.contacts[outcomes["s-1"].remote_id]
    assert (held["FirstName"], held["Description"]) == ("Anna", "x") and len(fake.notes) == 3


@once
def test_fifty_people_cost_ten_calls_at_most(fake, connector, monkeypatch):
    monkeypatch.setattr(salesforce_notes, "AT_ONCE", 20)
    monkeypatch.setattr(salesforce_consent, "AT_ONCE", 40)
    long = [Identity("email", f"{'a' * 50}{n}@{'example' * 8}.com") for n in range(50)]
    for n in range(0, 50, 2):
        fake.add(Email=long[n].value)
    batch = [record(f"s-{n}", long[n], consent_targets=(consent(ONE),)) for n in range(50)]
    outcomes = connector.upsert(batch)
    assert {type(one) for one in outcomes.values()} == {Delivered}
    assert len(fake.contacts) == len(fake.notes) == len(fake.members) == 50
    assert len(fake.calls) <= 13  # with notes and members in parts


@once
def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    id = fake.add(Email=ANN.value, FirstName="Ann", Description="Hello", Likes__c="tea")
    values = {
        "FirstName": MappedValue("Anna", "only_if_empty"),
        "MailingPostalCode": MappedValue("0150", "only_if_empty"),
        "Description": MappedValue("Bye", "append"),
        "Likes__c": MappedValue(["jam"], "append"),
    }
    connector.upsert([Record("s-1", ANN, values)])
    held = fake.contacts[id]
    assert (held["FirstName"], held["MailingPostalCode"]) == ("Ann", "0150")
    assert (held["Description"], held["Likes__c"]) == ("Hello, Bye", "tea;jam")


@once
def test_what_a_sign_up_leaves_blank_stays_and_nothing_new_asks_nothing(fake, connector):
    id = fake.add(Email=ANN.value, FirstName="Ann")
    outcome = connector.upsert([nameless(FirstName="")])["s-1"]
    assert outcome.remote_id == id and fake.contacts[id]["FirstName"] == "Ann"
    assert not fake.asked("PATCH")


@pytest.mark.parametrize("identity", [PHONE, NOBODY])
def test_people_without_an_address_are_found_by_phone_or_sign_up(
    fake, connector, identity, our_field
):
    first = connector.upsert([record("s-1", identity, FirstName="Ann")])["s-1"]
    again = connector.upsert([record("s-2", identity, FirstName="Anna")])["s-2"]
    if identity is NOBODY and not our_field:
        assert (type(first), first.code) == (NeedsAttention, "no_address")
        assert fake.contacts == {}
    else:
        assert first.remote_id == again.remote_id and len(fake.contacts) == 1


@without
def test_a_field_of_ours_that_is_not_unique_is_not_relied_on(fake, connector):
    fake.fields["CustomerInfo_ID__c"] = salesforce.field("CustomerInfo_ID__c", externalId=True)
    connector.upsert([record()])
    assert "CustomerInfo_ID__c" not in next(iter(fake.contacts.values()))


@once
@pytest.mark.parametrize("name", ["MobilePhone", "Phone"])
def test_a_number_is_found_in_each_of_its_fields(fake, connector, name):
    id = fake.add(**{name: PHONE.value})
    assert connector.upsert([record("s-1", PHONE)])["s-1"].remote_id == id


@once
def test_a_person_is_found_by_the_address_in_any_case_the_oldest_first(fake, connector):
    id = fake.add(Email="ANN@Example.com")
    fake.add(Email=ANN.value)
    assert connector.upsert([record()])["s-1"].remote_id == id
    assert fake.contacts[id]["Email"] == "ANN@Example.com"


@once
def test_a_known_contact_is_found_by_its_id_and_keeps_its_new_address(fake, connector):
    fake.add(Email=ANN.value)
    id = fake.add(Email="new@example.com")
    again = connector.upsert([record(remote_id=id[:15], Email=ANN.value, FirstName="Ann")])["s-1"]
    assert again.remote_id == id and fake.contacts[id]["Email"] == "new@example.com"


@once
def test_who_changed_the_address_is_found_by_our_field_and_keeps_it(fake, connector):
    id = connector.upsert([record()])["s-1"].remote_id
    fake.contacts[id]["Email"] = "new@example.com"
    assert connector.upsert([record("s-2", Email=ANN.value)])["s-2"].remote_id == id
    assert fake.contacts[id]["Email"] == "new@example.com"


@once
def test_who_had_no_address_yet_gets_it(fake, connector):
    id = fake.add(MobilePhone=PHONE.value)
    connector.upsert([nameless(remote_id=id)])
    assert fake.contacts[id]["Email"] == ANN.value


@pytest.mark.parametrize("known", ["003000000000999AAA", "not' an id"])
def test_a_contact_that_was_deleted_there_is_created_anew(fake, connector, known):
    outcome = connector.upsert([record(remote_id=known)])["s-1"]
    ((id, held),) = fake.contacts.items()
    assert outcome.remote_id == id and held["Email"] == ANN.value


@once
def test_a_contact_that_is_deleted_between_reading_and_writing_is_tried_again(fake, connector):
    fake.add(Email=ANN.value)
    gone = salesforce.ItemError("ENTITY_IS_DELETED", "entity is deleted").answer
    fake.answers(200, [gone], path="/composite", method="PATCH")
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "ENTITY_IS_DELETED")


@once
def test_two_identities_that_are_one_contact_go_one_after_the_other(fake, connector):
    id = fake.add(Email=ANN.value, Phone=PHONE.value, Description="Hello")
    batch = [
        nameless("s-1", mode="append", Description="One"),
        nameless("s-2", PHONE, mode="append", Description="Two"),
    ]
    outcomes = connector.upsert(batch)
    assert {one.remote_id for one in outcomes.values()} == {id}
    assert fake.contacts[id]["Description"] == "Hello, One, Two" and len(fake.notes) == 2


@once
@pytest.mark.parametrize("name", ["Shoes__c", "CreatedDate", "AccountId", "HasOptedOutOfEmail"])
def test_a_field_that_salesforce_does_not_take_needs_attention(fake, connector, name):
    outcomes = connector.upsert([record(**{name: "1"}), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "unknown_attribute")
    assert isinstance(outcomes["s-2"], Delivered) and len(fake.contacts) == 1


@once
def test_an_address_with_a_quote_in_it_stays_an_address(fake, connector):
    fake.add(Email="other@example.com")
    odd = Identity("email", "o'hara') or (id != '\\@example.com")
    assert isinstance(connector.upsert([record("s-1", odd)])["s-1"], Delivered)
    assert connector.upsert([record("s-2", odd)])["s-2"].remote_id == list(fake.contacts)[1]
    assert len(fake.contacts) == 2


@once
def test_a_contact_can_be_deleted_and_deleted_again(fake, connector):
    id = fake.add(Email=ANN.value)
    connector.delete(id)
    connector.delete(id)
    assert fake.contacts == {} and connector.read_back(id, ["Email"]) == {"Email": None}


# duplicate rules


@pytest.mark.parametrize("known", [True, False])
def test_a_rule_that_only_warns_lets_us_through(fake, connector, known):
    fake.duplicate_rule = "alert"
    fake.add(Email="other@example.com")
    if known:
        fake.add(Email=ANN.value)
    assert isinstance(connector.upsert([record()])["s-1"], Delivered)
    assert len(fake.contacts) == 2


def test_a_rule_that_blocks_is_named_and_the_others_arrive(fake, connector):
    fake.duplicate_rule = "block"
    fake.add(Email="other@example.com")
    outcomes = connector.upsert([record(), record("s-2", person(2), LastName="Moe")])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "DUPLICATES_DETECTED")
    assert "rule of your Salesforce" in outcomes["s-1"].message
    assert isinstance(outcomes["s-2"], Delivered)


# consent


@once
def test_a_consent_puts_on_its_campaign_once(fake, connector):
    for ref in ("s-1", "s-2"):
        one = record(ref, consent_targets=(consent(ONE), consent(TWO)))
        assert isinstance(connector.upsert([one])[ref], Delivered)
    (id,) = fake.contacts
    assert fake.members == {(id, "1"), (id, "2")}
    assert len(fake.tables["CampaignMember"]) == 2


@once
def test_who_agreed_to_nothing_is_on_no_campaign(fake, connector):
    connector.upsert([record()])
    assert fake.members == set()


@once
def test_who_opted_out_stays_away_and_the_rest_arrives(fake, connector):
    id = fake.add(Email=ANN.value, HasOptedOutOfEmail=True)
    outcome = connector.upsert([record(FirstName="Ann", consent_targets=(consent(ONE),))])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "unsubscribed")
    held = fake.contacts[id]
    assert fake.members == set() and (held["FirstName"], held["HasOptedOutOfEmail"]) == (
        "Ann",
        True,
    )


@once
def test_an_opt_out_that_we_cannot_see_keeps_everybody_off(fake, connector):
    del fake.fields["HasOptedOutOfEmail"]
    outcomes = connector.upsert([record(consent_targets=(consent(ONE),)), record("s-2", person(2))])
    assert outcomes["s-1"].code == "missing_rights" and fake.members == set()
    assert isinstance(outcomes["s-2"], Delivered)


@once
def test_a_campaign_that_is_gone_needs_attention_and_the_others_are_joined(fake, connector):
    one = record(consent_targets=(consent("701gone"), consent(ONE)))
    outcome = connector.upsert([one])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "no_list")
    assert {campaign for _, campaign in fake.members} == {"1"}


@once
def test_a_member_since_a_moment_ago_is_no_problem(fake, connector):
    taken = salesforce.ItemError("DUPLICATE_VALUE", "Already a campaign member.").answer
    id = fake.add(Email=ANN.value)
    fake.tables["Note"]["n"] = {"ParentId": id, "Title": "Sign-up s-1 from CustomerInfo"}
    fake.answers(200, [taken], path="/composite", method="POST")
    one = record(consent_targets=(consent(ONE),))
    assert isinstance(connector.upsert([one])["s-1"], Delivered)


@once
def test_a_membership_that_is_refused_needs_attention(fake, connector):
    no = salesforce.ItemError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No.").answer
    id = fake.add(Email=ANN.value)
    fake.tables["Note"]["n"] = {"ParentId": id, "Title": "Sign-up s-1 from CustomerInfo"}
    fake.answers(200, [no], path="/composite", method="POST")
    outcome = connector.upsert([record(consent_targets=(consent(ONE),))])["s-1"]
    assert (type(outcome), outcome.message) == (NeedsAttention, "No.")


# what goes wrong


def test_a_bad_record_needs_attention_and_the_others_arrive(fake, connector):
    bad = record("bad", Identity("email", "ann@nowhere"))
    none = nameless("none", person(3))
    outcomes = connector.upsert([record("s-1"), bad, none, record("s-2", person(2))])
    assert outcomes["bad"] == NeedsAttention(
        "INVALID_EMAIL_ADDRESS", "Email: invalid email address: a…@…"
    )
    assert outcomes["none"].code == "REQUIRED_FIELD_MISSING"
    assert "Map it, or give it a default." in outcomes["none"].message
    assert isinstance(outcomes["s-1"], Delivered) and isinstance(outcomes["s-2"], Delivered)


def test_a_value_that_makes_the_whole_body_unreadable_holds_up_nobody(fake, connector):
    batch = [record(f"s-{n}", person(n), Points__c=n) for n in range(5)]
    batch[3] = record("s-3", person(3), Points__c="points")
    outcomes = connector.upsert(batch)
    assert (type(outcomes["s-3"]), outcomes["s-3"].code) == (NeedsAttention, "JSON_PARSER_ERROR")
    assert len(fake.contacts) == 4


def test_a_row_that_is_locked_for_now_is_tried_later(fake, connector):
    outcomes = connector.upsert([record(Description="busy"), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (RetryLater, "UNABLE_TO_LOCK_ROW")
    assert isinstance(outcomes["s-2"], Delivered)


@once
def test_a_contact_that_we_may_not_write_needs_attention(fake, connector):
    fake.locked.add(fake.add(Email=ANN.value))
    outcomes = connector.upsert([record(), record("s-2", person(2))])
    assert outcomes["s-1"].code == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert isinstance(outcomes["s-2"], Delivered)


@once
def test_a_lost_race_for_our_field_is_tried_later_and_one_for_another_is_told(fake, connector):
    message = "duplicate value found: CustomerInfo_ID__c duplicates value on record: 003"
    lost = salesforce.ItemError("DUPLICATE_VALUE", message).answer
    fake.answers(200, [lost], path="/composite", method="PATCH")
    assert isinstance(connector.upsert([record()])["s-1"], RetryLater)
    fake.add(Code__c="c")
    outcome = connector.upsert([record(Code__c="c")])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "DUPLICATE_VALUE")


@once
def test_a_note_that_is_refused_holds_up_nobody(fake, connector):
    outcomes = connector.upsert([record(Description="no note"), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].message) == (NeedsAttention, "No notes here.")
    assert isinstance(outcomes["s-2"], Delivered)


@once
@pytest.mark.parametrize("identity", [ANN, PHONE, NOBODY])
def test_twenty_at_once_make_one_contact(fake, http, identity):
    """By our field; without it there is our lock only."""
    records = [record(f"s-{n}", identity) for n in range(20)]
    outcomes = at_once(lambda: connect(fake, http), records)
    (id,) = fake.contacts
    assert {one.remote_id for one in outcomes.values()} == {id} and len(outcomes) == 20


@once
def test_the_limit_of_the_day_waits_although_its_status_is_403(fake, connector):
    limit = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    fake.answers(403, limit, path="/query")
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("REQUEST_LIMIT_EXCEEDED", 3600)


@once
@pytest.mark.parametrize(
    "body, code",
    [
        ([{"errorCode": "API_DISABLED_FOR_ORG", "message": "No API."}], "API_DISABLED_FOR_ORG"),
        ([{"errorCode": "INSUFFICIENT_ACCESS", "message": "No."}], "INSUFFICIENT_ACCESS"),
        (b"<h1>Forbidden</h1>", "credentials_refused"),
    ],
)
def test_any_other_403_refuses_everything(fake, connector, body, code):
    fake.answers(403, body, path="/query")
    with pytest.raises(CredentialsRefused) as caught:
        connector.upsert([record()])
    assert caught.value.code == code


@once
def test_too_many_calls_wait_as_long_as_salesforce_says(fake, connector):
    fake.answers(503, None, path="/query", headers={"Retry-After": "7"}, real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("unavailable", 7)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [0, 1, 2])
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, nth, after
):
    """The contact, the note, the membership: each of the calls that write."""
    one = record(mode="append", Description="Hello", consent_targets=(consent(ONE),))
    real, seen = fake._handle, []

    def handle(call):
        if "/composite" in call.path:
            seen.append(call)
            if len(seen) == nth + 1:
                fake.fault(kind, path="/composite", after=after)
        return real(call)

    fake._handle = handle
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.code == code and caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.contacts.values()
    assert held["Description"] == "Hello" and len(fake.notes) == len(fake.members) == 1


@once
@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"[7]", b"[]", b'{"records": 3}'])
@pytest.mark.parametrize("path", ["/describe", "/query", "/composite"])
def test_an_answer_that_is_not_salesforces_is_tried_later(fake, connector, body, path):
    fake.answers(200, body, path=path, real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"


# by the button


@pytest.fixture
def vendor(monkeypatch, settings):
    with Hostile() as server:
        way = SalesforceConnector.oauth
        monkeypatch.setattr(
            SalesforceConnector,
            "oauth",
            type(way)(way.authorize_url, server.url("/token"), way.scopes, token_seconds=900),
        )
        settings.OAUTH_CLIENTS = {"salesforce": ("our-id", "our-secret")}
        yield server


def test_the_button_leads_to_the_retailers_own_salesforce(settings):
    settings.OAUTH_CLIENTS = {"salesforce": ("our-id", "our-secret")}
    address = oauth.authorize_url(
        "salesforce", {"domain": "birch--uat.sandbox"}, "birch", "word", "a-secret"
    )
    assert address.startswith(
        "https://birch--uat.sandbox.my.salesforce.com/services/oauth2/authorize?"
    )
    assert "scope=api+refresh_token" in address


def test_the_server_that_the_token_names_is_kept_and_the_token_renewed_in_time(
    retailers, vendor, http
):
    """Salesforce doesn't say how long a token lasts, so it is renewed before it can have ended."""
    said = {"access_token": "a", "refresh_token": "r", "instance_url": "https://x.salesforce.com"}
    for retailer in retailers:
        vendor.answers(200, said)
        stored = oauth.exchange("salesforce", {"domain": "birch"}, "code", "a-secret", http)
        assert stored["instance_url"] == "https://x.salesforce.com"
        assert not tokens.is_stale(stored)
        assert tokens.is_stale({**stored, "expires_at": stored["expires_at"] - 900})
        with tenant_context(retailer):
            made = Connection.objects.create(
                kind="salesforce",
                name="S",
                config={"domain": "birch"},
                secrets={**stored, "expires_at": 1},
            )
            vendor.answers(200, {"access_token": "b", "instance_url": "https://y.salesforce.com"})
            fresh = tokens.fresh(made, http)
        assert (fresh["access_token"], fresh["refresh_token"]) == ("b", "r")
        assert fresh["instance_url"] == "https://y.salesforce.com"
