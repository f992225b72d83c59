"""The Mailchimp connector against a fake that knows Mailchimp's traps."""

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
from integrations.connectors.mailchimp import MailchimpConnector
from integrations.http import Http
from integrations.mapping import default_rows, unmapped_required
from integrations.tests.fakes import mailchimp
from integrations.tests.fakes.people import ANN, at_once, consent, person, record


@pytest.fixture
def fake():
    with mailchimp.Mailchimp() as fake:
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
    return MailchimpConnector({"address": fake.address, "api_key": "good-us21", **config}, http)


# who and what


def test_a_check_says_whose_account_and_which_audience_it_is(connector):
    assert connector.check() == Account("Acorn", "Audience Acorn's friends")


def test_the_key_leads_to_its_data_centre(http):
    connector = MailchimpConnector({"api_key": "abc-us21"}, http)
    assert connector.url("/ping") == "https://us21.api.mailchimp.com/3.0/ping"
    with pytest.raises(CredentialsRefused):
        MailchimpConnector({"api_key": "abc"}, http).check()
    with pytest.raises(CredentialsRefused):  # nobody's address is made from a key
        MailchimpConnector({"api_key": "abc-us1.evil.example/"}, http).check()


def test_a_wrong_key_is_refused_everywhere(fake, connector):
    fake.key = "other-us21"
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "API Key Invalid"


def test_of_several_audiences_one_must_be_named(fake, http):
    fake.audiences["a2"] = {"id": "a2", "name": "Others", "double_optin": False}
    with pytest.raises(CredentialsRefused) as caught:
        connect(fake, http).check()
    assert "several audiences" in caught.value.message
    assert connect(fake, http, audience="a2").check().detail == "Audience Others"
    fake.audiences.clear()
    with pytest.raises(CredentialsRefused) as caught:
        connect(fake, http).check()
    assert "no audience" in caught.value.message


def test_an_audience_that_is_gone_pauses_the_connection(fake, http):
    gone = connect(fake, http, audience="a9")
    one = record(mode="append", FNAME="Ann")
    for call in (gone.check, gone.describe, lambda: gone.upsert([one])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code == "no_audience"


def test_the_fields_of_all_pages_come_with_types_and_options(fake, connector):
    fake.fields[0]["required"] = True
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert found["EMAIL"].required and found["EMAIL"].unique and found["FNAME"].required
    assert found["SIZE"].options == (("Small", "Small"), ("Large", "Large"))
    kinds = {name: found[name].type for name in ("SIZE", "POINTS", "PHONE", "tags", "BIRTHDAY")}
    assert kinds == {
        "SIZE": "choice",
        "POINTS": "number",
        "PHONE": "phone",
        "tags": "list",
        "BIRTHDAY": "string",
    }
    assert not found["HOME"].writable


def test_the_first_mapping_leaves_nothing_required_open(connector):
    attributes = connector.describe()
    rows = default_rows(attributes, MailchimpConnector.hints)
    assert {"EMAIL", "FNAME", "LNAME", "BIRTHDAY"} <= {row.attribute for row in rows}
    assert unmapped_required(rows, attributes) == []


# delivering


def test_a_new_person_becomes_a_member_who_gets_no_mail(fake, connector):
    values = {"EMAIL": ANN.value, "FNAME": "Ann", "language": "nl", "tags": ["West"], "POINTS": 3}
    outcome = connector.upsert([record(**values)])["s-1"]
    held = fake.only()
    url = f"https://us21.admin.mailchimp.com/lists/members/view?id={held['web_id']}"
    assert outcome == Delivered(held["contact_id"], url)
    assert (held["status"], held["language"]) == ("transactional", "nl")
    assert (held["merge_fields"]["FNAME"], held["merge_fields"]["POINTS"]) == ("Ann", 3)
    assert [tag["name"] for tag in held["tags"]] == ["West", "CustomerInfo"]
    names = ["EMAIL", "FNAME", "tags", "nothing"]
    assert connector.read_back(outcome.remote_id, names) == {
        "EMAIL": ANN.value,
        "FNAME": "Ann",
        "tags": ["West", "CustomerInfo"],
        "nothing": None,
    }


@pytest.mark.parametrize("birthday", ["1990-05-17", "05-17", "05/17"])
def test_a_birthday_travels_as_month_and_day(fake, connector, birthday):
    connector.upsert([record(BIRTHDAY=birthday)])
    assert fake.only()["merge_fields"]["BIRTHDAY"] == "05/17"


def test_the_same_again_changes_nothing_and_writes_no_second_note(fake, connector):
    first = connector.upsert([record(FNAME="Ann")])
    assert connector.upsert([record(FNAME="Ann")]) == first
    fake.only()
    assert [text for _, text in fake.notes] == ["Sign-up s-1 from CustomerInfo"]


def test_notes_are_looked_for_on_all_pages(fake, connector):
    for ref in ("s-1", "s-2", "s-3", "s-3"):
        connector.upsert([record(ref)])
    assert len(fake.notes) == 3


def test_a_test_sign_up_is_marked(fake, connector):
    connector.upsert([record(is_test=True, tags="West")])
    assert [tag["name"] for tag in fake.only()["tags"]] == ["West", "CustomerInfo test"]
    assert fake.notes[0][1] == "Test sign-up s-1 from CustomerInfo"


def test_several_sign_ups_of_one_person_are_one_member_with_the_later_data(fake, connector):
    batch = [
        record("s-1", FNAME="Ann", LNAME="Lee"),
        record("s-2", person(2)),
        record("s-3", FNAME="Anna"),
    ]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"] and len(fake.members) == 2
    fields = fake.members[outcomes["s-1"].remote_id]["merge_fields"]
    assert (fields["FNAME"], fields["LNAME"]) == ("Anna", "Lee")


def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    contact_id = fake.add(ANN.value, FNAME="Ann", LNAME="")
    values = {
        "FNAME": MappedValue("Anna", "only_if_empty"),
        "LNAME": MappedValue("Lee", "only_if_empty"),
        "PHONE": MappedValue("", "append"),
    }
    connector.upsert([Record("s-1", ANN, values)])
    fields = fake.members[contact_id]["merge_fields"]
    assert (fields["FNAME"], fields["LNAME"]) == ("Ann", "Lee")


def test_a_known_member_is_found_by_id_and_keeps_their_new_address(fake, connector):
    contact_id = fake.add("new@example.com")
    again = connector.upsert([record(remote_id=contact_id, EMAIL=ANN.value, FNAME="Ann")])["s-1"]
    held = fake.only()
    assert again.remote_id == contact_id and held["email_address"] == "new@example.com"
    assert held["merge_fields"]["FNAME"] == "Ann"


def test_a_member_that_was_deleted_there_is_created_anew(fake, connector):
    outcome = connector.upsert([record(remote_id="c99", FNAME="Ann")])["s-1"]
    assert fake.only()["contact_id"] == outcome.remote_id
    assert fake.only()["email_address"] == ANN.value


def test_a_member_that_vanishes_between_look_and_write_is_tried_again(fake, connector):
    contact_id = fake.add(ANN.value)
    gone = mailchimp.problem(404, "Resource Not Found").answer[1]
    fake.answers(404, gone, method="PATCH")
    outcome = connector.upsert([record(remote_id=contact_id, FNAME="Ann")])["s-1"]
    assert isinstance(outcome, RetryLater)


@pytest.mark.parametrize("kind, value", [("phone", "+4915112345678"), ("external", "s-1")])
def test_without_an_address_there_is_no_member_and_it_is_said(fake, connector, kind, value):
    outcome = connector.upsert([record("s-1", Identity(kind, value))])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "no_address") and not fake.members


def test_a_field_that_mailchimp_would_drop_without_a_word_needs_attention(fake, connector):
    outcomes = connector.upsert([record(SHOES="42"), record("s-2", person(2), FNAME="Bo")])
    assert outcomes["s-1"].code == "unknown_attribute" and "SHOES" in outcomes["s-1"].message
    assert isinstance(outcomes["s-2"], Delivered) and len(fake.members) == 1


def test_deleting_archives_so_that_the_address_may_come_back(fake, connector):
    contact_id = fake.add(ANN.value)
    connector.delete(contact_id)
    connector.delete(contact_id)
    assert fake.only()["status"] == "archived"
    assert fake.asked(path="delete-permanent") == []
    assert connector.read_back("c99", ["EMAIL"]) == {"EMAIL": None}


# consent


@pytest.mark.parametrize(
    "of_audience, of_choice, status",
    [(False, False, "subscribed"), (False, True, "pending"), (True, False, "pending")],
)
def test_who_is_new_and_agreed_is_subscribed_or_asked(
    fake, connector, of_audience, of_choice, status
):
    fake.audiences["a1"]["double_optin"] = of_audience
    one = record(consent_targets=(consent("audience", double=of_choice),))
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert fake.only()["status"] == status
    assert fake.asked_to_confirm == ([ANN.value] if status == "pending" else [])


@pytest.mark.parametrize("status", ["subscribed", "pending"])
def test_a_known_member_keeps_their_status(fake, connector, status):
    fake.add(ANN.value, status)
    assert isinstance(
        connector.upsert([record(consent_targets=(consent("audience"),))])["s-1"], Delivered
    )
    assert fake.only()["status"] == status and fake.asked_to_confirm == []


def test_a_member_who_never_subscribed_and_agrees_now_is_asked(fake, connector):
    """By id and by address; asked, not subscribed: they may leave in the same second."""
    contact_id = fake.add(ANN.value, "transactional")
    connector.upsert([record(consent_targets=(consent("audience"),))])
    assert fake.asked_to_confirm == [ANN.value] and fake.only()["status"] == "pending"
    again = record("s-2", remote_id=contact_id, consent_targets=(consent("audience"),))
    connector.upsert([again])
    assert fake.asked_to_confirm == [ANN.value]


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "archived"])
def test_who_had_left_stays_away_and_the_rest_arrives(fake, connector, status):
    fake.add(ANN.value, status)
    choices = (consent("audience"), consent("permission:p1"))
    outcome = connector.upsert([record(FNAME="Ann", consent_targets=choices)])["s-1"]
    assert isinstance(outcome, NeedsAttention) and outcome.code == "needs_confirmation"
    held = fake.only()
    assert held["status"] == status and held["merge_fields"]["FNAME"] == "Ann"
    assert held["marketing_permissions"][0]["enabled"] is False


def test_a_compliance_state_needs_confirmation(fake, connector):
    blocked = Identity("email", "blocked@example.com")
    fake.add(blocked.value, "transactional")
    one = record("s-1", blocked, consent_targets=(consent("audience"),))
    outcome = connector.upsert([one])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "needs_confirmation")
    assert "own sign-up form" in outcome.message


@pytest.mark.parametrize("title", ["Member In Compliance State", "Forgotten Email Not Subscribed"])
def test_an_address_that_mailchimp_keeps_out_needs_confirmation(fake, connector, title):
    if title.startswith("Forgotten"):
        fake.forgotten.add(ANN.value)
    else:
        fake.answers(400, mailchimp.problem(400, title).answer[1], method="PUT")
    outcome = connector.upsert([record(FNAME="Ann")])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "needs_confirmation")
    assert fake.members == {}


def test_marketing_permissions_are_offered_and_given(fake, connector):
    assert [t.id for t in connector.consent_targets()] == ["audience"]
    fake.audiences["a1"]["marketing_permissions"] = True
    fake.add("first@example.com")
    del connector.details
    found = [(t.id, t.label, t.double_opt_in) for t in connector.consent_targets()]
    assert found == [
        ("audience", "E-mails to Acorn's friends", "choose"),
        ("permission:p1", "Permission: E-mail", "never"),
    ]
    outcome = connector.upsert([record(consent_targets=(consent("permission:p1"),))])["s-1"]
    held = fake.members[outcome.remote_id]
    assert held["marketing_permissions"][0]["enabled"] and held["status"] == "transactional"


def test_an_audience_with_double_opt_in_decides(fake, connector):
    fake.audiences["a1"]["double_optin"] = True
    assert connector.consent_targets()[0].double_opt_in == "list"


def test_a_sign_up_counts_as_delivered_only_with_its_consents(fake, connector):
    fake.add(ANN.value, "transactional")
    fake.answers(503, None, method="PATCH", path="/members", real=False)
    one = record(consent_targets=(consent("audience"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert fake.asked_to_confirm == [ANN.value]


# what goes wrong


def test_bad_records_need_attention_and_the_others_arrive(fake, connector):
    batch = [
        record("s-1"),
        record("bad-1", Identity("email", "ann@nowhere")),
        record("bad-2", person(2), SIZE="Huge"),
        record("s-2", person(3)),
    ]
    outcomes = connector.upsert(batch)
    assert (outcomes["bad-1"].code, outcomes["bad-2"].code) == ("invalid_email", "Invalid Resource")
    assert outcomes["bad-1"].message.startswith("a…@… looks fake or invalid")
    assert outcomes["bad-2"].message == "SIZE: Please choose one of the options."
    assert isinstance(outcomes["s-1"], Delivered) and isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("path", ["/tags", "/notes"])
def test_what_is_refused_for_one_person_holds_up_nobody(fake, connector, path):
    body = mailchimp.problem(400, "Bad Request", "No.").answer[1]
    fake.answers(400, body, path=path)
    outcomes = connector.upsert([record(), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "Bad Request")
    assert isinstance(outcomes["s-2"], Delivered)


def test_twenty_at_once_make_one_member(fake, http):
    records = [record(f"s-{n}", FNAME="Ann") for n in range(20)]
    outcomes = at_once(lambda: connect(fake, http), records)
    contact_id = fake.only()["contact_id"]
    assert {outcome.remote_id for outcome in outcomes.values()} == {contact_id}
    assert len(outcomes) == 20


def test_too_many_calls_at_once_wait(fake, connector):
    body = mailchimp.problem(429, "Too Many Requests").answer[1]
    fake.answers(429, body, path="/members", headers={"Retry-After": "4"})
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("Too Many Requests", 4)


def test_an_error_inside_of_mailchimp_is_tried_later(fake, connector):
    fake.answers(500, mailchimp.problem(500, "Internal Server Error").answer[1], method="PUT")
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "Internal Server Error")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "method, path", [("PUT", "/members"), ("POST", "/notes"), ("POST", "/tags")]
)
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, method, path, after
):
    fake.fault(kind, path=path, method=method, after=after)
    one = record(FNAME="Ann", tags=["West"], consent_targets=(consent("audience", double=True),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.code == code and caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert len(fake.only()["tags"]) == 2 and len(fake.notes) == 1
    assert fake.asked_to_confirm == [ANN.value]


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"[]", b'{"contact_id": "c1"}'])
@pytest.mark.parametrize("method, path", [("GET", "/members/"), ("PUT", ""), ("GET", "/merge")])
def test_an_answer_that_is_not_mailchimps_is_tried_later(fake, connector, body, method, path):
    fake.answers(200, body, path=path, method=method, real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record(mode="append", FNAME="Ann")])
    assert caught.value.code == "bad_answer"


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"{}"])
@pytest.mark.parametrize("path", ["/notes", "/tags"])
def test_a_proxys_page_in_the_place_of_a_note_or_tag_is_no_success(fake, connector, path, body):
    fake.answers(200, body, path=path, method="POST", real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"
    assert isinstance(connector.upsert([record()])["s-1"], Delivered)
    assert len(fake.notes) == 1 and fake.only()["tags"]
