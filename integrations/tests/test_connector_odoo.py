"""The Odoo connector against a fake of Odoo's models, by both of the ways in."""

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
from integrations.connectors.odoo import OdooConnector
from integrations.http import Http
from integrations.mapping import default_rows
from integrations.tests.fakes import odoo
from integrations.tests.fakes.people import ANN, at_once, consent, person, record

PHONE = Identity("phone", "+33612345678")


@pytest.fixture(params=["19", "18"], ids=["json-2", "json-rpc"])
def version(request):
    return request.param


@pytest.fixture
def fake(version):
    with odoo.Odoo(version) as fake:
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
    usual = {
        "address": fake.address,
        "version": fake.version,
        "api_key": "odoo-good",
        "database": "shop",
        "login": "ci@birch.example",
    }
    return OdooConnector({**usual, **config}, http)


def path(fake, model, method):
    """Where a call goes: the older way has one address for all."""
    return f"/json/2/{model}/{method}" if fake.version == "19" else "/jsonrpc"


only_19 = pytest.mark.parametrize("version", ["19"])
only_18 = pytest.mark.parametrize("version", ["18"])


# who and what


def test_a_check_says_whose_key_it_is(fake, connector):
    where = fake.address.removeprefix("http://")
    detail = f"CustomerInfo at {where}, user since 2026-11-24 08:00:00"
    assert connector.check() == Account("Birch", detail)


@pytest.mark.parametrize("typed", ["", "/", "/web", "/odoo/", "/web#action=7"])
def test_the_address_may_be_typed_as_it_stands_in_the_browser(fake, http, typed):
    connector = connect(fake, http, address=fake.address + typed)
    assert connector.site == fake.address and connector.check()


def test_a_wrong_key_is_refused_everywhere(fake, connector):
    fake.key = "another"
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused) as caught:
            call()
        assert caught.value.code in ("Unauthorized", "AccessDenied")


@only_18
def test_a_key_that_is_revoked_between_two_calls_is_refused(fake, connector):
    connector.check()
    fake.key = "another"
    with pytest.raises(CredentialsRefused, match="AccessDenied"):
        connector.upsert([record()])


def test_a_database_that_is_not_there_is_named(fake, http):
    with pytest.raises(CredentialsRefused) as caught:
        connect(fake, http, database="x").check()
    assert caught.value.code == "no_database"


@only_19
def test_a_server_of_one_database_needs_no_name_of_it(fake, http):
    assert connect(fake, http, database="").check()
    assert "X-Odoo-Database" not in fake.calls[-1].headers


@only_18
def test_the_new_way_at_an_older_odoo_is_told_apart(fake, http):
    with pytest.raises(TryLater) as caught:
        connect(fake, http, version="19").check()
    assert caught.value.code == "wrong_address" and "Look at" in caught.value.message


@pytest.mark.parametrize("right", ["read", "create", "write"])
def test_a_missing_right_is_named(fake, connector, right):
    fake.rights.remove(right)
    with pytest.raises(CredentialsRefused, match=f"may not {right} contacts"):
        connector.check()


def test_an_odoo_without_the_app_contacts_is_told(fake, connector):
    del fake.fields["email_normalized"]
    with pytest.raises(CredentialsRefused, match="Contacts isn't installed"):
        connector.check()


def test_the_attributes_come_with_types_and_options(fake, connector):
    found = {attribute.name: attribute for attribute in connector.describe()}
    types = {name: one.type for name, one in found.items()}
    assert types["email"] == "email" and types["phone"] == "phone"
    assert (types["x_points"], types["x_member"], types["x_birthday"]) == (
        "number",
        "boolean",
        "date",
    )
    assert found["x_size"].options == (("s", "Small"), ("l", "Large"))
    assert found["country_id"].options == (("NO", "Norway"), ("FR", "France"))
    assert types["category_id"] == "list" and found["category_id"].label == "Tags"
    assert found["email"].unique and not found["email_normalized"].writable
    assert not {"image_1920", "is_blacklisted"} & set(found)
    assert ("mobile" in found) is (fake.version == "18")
    assert found["firstname"].label == "First name"


def test_fields_for_first_and_last_name_are_used_where_there_are_some(fake, connector):
    fake.fields["firstname"] = fake.fields["lastname"] = dict(fake.fields["zip"], required=True)
    found = [one for one in connector.describe() if one.name == "firstname"]
    assert len(found) == 1 and found[0].required
    connector.upsert([record(firstname="Ann", lastname="Lee")])
    (held,) = fake.partners.values()
    assert (held["firstname"], held["lastname"], held["name"]) == ("Ann", "Lee", ANN.value)


def test_without_country_and_tags_there_are_none_to_choose(fake, connector):
    del fake.fields["country_id"], fake.fields["category_id"]
    assert not {"country_id", "category_id"} & {one.name for one in connector.describe()}


def test_the_first_mapping_finds_the_usual_attributes(connector):
    rows = default_rows(connector.describe(), OdooConnector.hints)
    wanted = {"email", "name", "firstname", "lastname", "phone", "zip", "country_id", "category_id"}
    assert wanted <= {row.attribute for row in rows}


def test_mailing_lists_can_be_joined(connector):
    found = [(t.id, t.label, t.double_opt_in) for t in connector.consent_targets()]
    assert found == [("1", "List 1", "never"), ("2", "List 2", "never"), ("3", "List 3", "never")]


def test_without_the_app_there_are_no_mailing_lists(fake, connector):
    del fake.tables["mailing.list"]
    assert connector.consent_targets() == []


def test_lists_that_the_user_may_not_see_are_told(fake, connector):
    fake.mail_rights = False
    with pytest.raises(CredentialsRefused, match="not allowed to access Lists"):
        connector.consent_targets()


# delivering


def test_a_new_person_becomes_a_contact(fake, connector):
    one = record(
        email=ANN.value,
        firstname="Ann",
        lastname="Lee",
        x_points=3,
        x_member=True,
        x_birthday="1990-05-17",
        x_signed_up="2026-11-24T08:00:00Z",
        x_size="l",
        country_id="NO",
        category_id=["North", "VIP"],
    )
    outcome = connector.upsert([one])["s-1"]
    ((id, held),) = [(id, dict(held)) for id, held in fake.partners.items()]
    link = f"/odoo/res.partner/{id}" if fake.version == "19" else f"/web#id={id}&model=res.partner"
    assert isinstance(outcome, Delivered) and outcome.remote_id == str(id)
    assert outcome.url.startswith(fake.address + link)
    tags = fake.tables["res.partner.category"]
    assert [tags[tag]["name"] for tag in held.pop("category_id")] == ["North", "VIP"]
    assert held == {
        "active": True,
        "type": "contact",
        "name": "Ann Lee",
        "email": ANN.value,
        "x_points": 3,
        "x_member": True,
        "x_birthday": "1990-05-17",
        "x_signed_up": "2026-11-24 08:00:00",
        "x_size": "l",
        "country_id": 20,
    }
    names = ["email", "firstname", "lastname", "x_member", "country_id", "category_id", "zip"]
    assert connector.read_back(str(id), names) == {
        "email": ANN.value,
        "firstname": "Ann",
        "lastname": "Lee",
        "x_member": True,
        "country_id": "NO",
        "category_id": ["North", "VIP"],
        "zip": None,
    }


def test_the_external_id_does_not_show_the_address(fake, connector):
    connector.upsert([record()])
    (external,) = fake.external
    assert external.startswith("customerinfo.person_") and "ann" not in external


def test_who_gives_no_name_is_called_by_the_address(fake, connector):
    connector.upsert([record()])
    (held,) = fake.partners.values()
    assert held["name"] == ANN.value


@pytest.mark.parametrize("given", [{"firstname": "Ann"}, {"lastname": "Lee"}])
def test_half_a_name_never_takes_the_place_of_a_whole_one(fake, connector, given):
    id = fake.add(name="Ann Lee", email=ANN.value)
    connector.upsert([record(**given)])
    assert fake.partners[id]["name"] == "Ann Lee"
    connector.upsert([record("s-2", person(2), **given)])
    assert [p["name"] for p in fake.partners.values()][1] in ("Ann", "Lee")


def test_the_same_again_changes_nothing_and_writes_no_second_note(fake, connector):
    first = connector.upsert([record(zip="0150")])
    assert connector.upsert([record(zip="0150")]) == first
    assert len(fake.partners) == 1
    assert fake.notes == ["<p>Sign-up s-1 from CustomerInfo</p>"]


def test_a_test_sign_up_is_marked_by_its_note(fake, connector):
    connector.upsert([record(is_test=True)])
    assert fake.notes == ["<p>Test sign-up s-1 from CustomerInfo</p>"]


def test_several_sign_ups_of_one_person_are_one_contact_with_the_later_data(fake, connector):
    batch = [record("s-1", zip="1", x_code="x"), record("s-2", person(2)), record("s-3", zip="2")]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"] and len(fake.partners) == 2
    held = fake.partners[int(outcomes["s-1"].remote_id)]
    assert (held["zip"], held["x_code"]) == ("2", "x") and len(fake.notes) == 3


def test_new_people_go_in_one_call_for_each_set_of_fields(fake, connector):
    connector.upsert([record(f"s-{n}", person(n), zip=str(n)) for n in range(5)] + [record("s-9")])
    loads = [c for c in fake.calls if "load" in str(c.body.get("params")) or "/load" in c.path]
    assert len(loads) == 2 and len(fake.partners) == 6


def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    north = fake.insert("res.partner.category", {"name": "North"})
    id = fake.add(email=ANN.value, zip="0150", comment="Hello", category_id=[north])
    values = {
        "zip": MappedValue("0999", "only_if_empty"),
        "x_code": MappedValue("c", "only_if_empty"),
        "comment": MappedValue("Bye", "append"),
        "category_id": MappedValue(["VIP"], "append"),
        "country_id": MappedValue("FR", "only_if_empty"),
    }
    connector.upsert([Record("s-1", ANN, values)])
    held = fake.partners[id]
    assert (held["zip"], held["x_code"], held["comment"]) == ("0150", "c", "Hello, Bye")
    names = [fake.tables["res.partner.category"][tag]["name"] for tag in held["category_id"]]
    assert names == ["North", "VIP"] and held["country_id"] == 21
    connector.upsert([Record("s-2", ANN, {"country_id": MappedValue("NO", "only_if_empty")})])
    assert held["country_id"] == 21


def test_tags_are_added_and_never_taken_away_even_by_overwriting(fake, connector):
    north = fake.insert("res.partner.category", {"name": "North"})
    id = fake.add(email=ANN.value, category_id=[north])
    for ref in ("s-1", "s-2"):
        connector.upsert([record(ref, category_id="South")])
    assert len(fake.partners[id]["category_id"]) == 2
    assert len(fake.tables["res.partner.category"]) == 2


def test_what_a_sign_up_leaves_blank_stays(fake, connector):
    id = fake.add(email=ANN.value, zip="0150")
    connector.upsert([record("s-1", zip="", x_code="c"), record("s-2", person(2), zip="1")])
    assert fake.partners[id]["zip"] == "0150"


def test_nothing_is_cleared_by_others_in_the_batch_when_an_attempt_comes_again(fake, connector):
    """`load` clears blank cells, so people with other fields don't go with them."""
    connector.upsert([record("s-1", Identity("external", "s-1"), zip="0150")])
    (id,) = fake.partners
    batch = [record("s-2", person(2), x_code="c"), record("s-1", Identity("external", "s-1"))]
    connector.upsert(batch)
    assert fake.partners[id]["zip"] == "0150" and len(fake.partners) == 2


@pytest.mark.parametrize("identity", [PHONE, Identity("external", "s-9")])
def test_people_without_an_address_are_found_by_phone_or_sign_up(fake, connector, identity):
    first = connector.upsert([record("s-1", identity, zip="1")])["s-1"]
    again = connector.upsert([record("s-2", identity, zip="2")])["s-2"]
    assert first.remote_id == again.remote_id and len(fake.partners) == 1


@only_18
def test_a_number_is_found_in_any_notation_where_odoo_reads_numbers(fake, connector):
    id = fake.add(phone="+33 6 12 34 56 78")
    assert connector.upsert([record("s-1", PHONE)])["s-1"].remote_id == str(id)


def test_a_person_is_found_by_the_address_in_any_case(fake, connector):
    id = fake.add(email="Ann@Example.com")
    assert connector.upsert([record(zip="1")])["s-1"].remote_id == str(id)
    assert fake.partners[id]["email"] == "Ann@Example.com"


def test_of_several_the_one_in_use_is_taken_and_of_those_the_oldest(fake, connector):
    fake.add(email=ANN.value, active=False)
    fake.add(email=ANN.value, type="invoice")
    wanted = fake.add(email=ANN.value)
    fake.add(email=ANN.value)
    assert connector.upsert([record(zip="1")])["s-1"].remote_id == str(wanted)


def test_an_archived_contact_gets_the_details_and_stays_archived(fake, connector):
    id = fake.add(email=ANN.value, active=False)
    assert connector.upsert([record(zip="1")])["s-1"].remote_id == str(id)
    assert (fake.partners[id]["zip"], fake.partners[id]["active"]) == ("1", False)


def test_a_known_contact_is_found_by_its_id_and_keeps_its_new_address(fake, connector):
    fake.add(email=ANN.value)
    id = fake.add(email="new@example.com")
    again = connector.upsert([record(remote_id=str(id), email=ANN.value, zip="1")])["s-1"]
    assert again.remote_id == str(id) and fake.partners[id]["email"] == "new@example.com"


def test_who_had_no_address_yet_gets_it(fake, connector):
    id = fake.add(phone=PHONE.value)
    connector.upsert([record(remote_id=str(id))])
    assert fake.partners[id]["email"] == ANN.value


@pytest.mark.parametrize("known", ["999", "not-a-number"])
def test_a_contact_that_was_deleted_there_is_created_anew(fake, connector, known):
    outcome = connector.upsert([record(remote_id=known)])["s-1"]
    ((id, held),) = fake.partners.items()
    assert outcome.remote_id == str(id) and held["email"] == ANN.value


@only_19
def test_a_contact_that_is_deleted_between_reading_and_writing_is_tried_again(fake, connector):
    id = fake.add(email=ANN.value)
    gone = odoo.Trouble("odoo.exceptions.MissingError", "Record does not exist.")
    fake.answers(404, gone.shown, path=path(fake, "res.partner", "write"))
    outcome = connector.upsert([record(zip="1")])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "MissingError")
    assert connector.upsert([record(zip="1")])["s-1"].remote_id == str(id)


def test_two_identities_that_are_one_contact_go_one_after_the_other(fake, connector):
    id = fake.add(email=ANN.value, phone=PHONE.value, comment="Hello")
    batch = [
        record("s-1", mode="append", comment="One"),
        record("s-2", PHONE, mode="append", comment="Two"),
    ]
    outcomes = connector.upsert(batch)
    assert {one.remote_id for one in outcomes.values()} == {str(id)}
    assert fake.partners[id]["comment"] == "Hello, One, Two" and len(fake.notes) == 2


@pytest.mark.parametrize("name", ["shoes", "email_normalized", "image_1920"])
def test_a_field_that_odoo_does_not_take_needs_attention(fake, connector, name):
    outcomes = connector.upsert([record(**{name: "42"}), record("s-2", person(2), zip="1")])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "unknown_attribute")
    assert isinstance(outcomes["s-2"], Delivered) and len(fake.partners) == 1


def test_a_batch_of_unknown_fields_asks_nothing_more(fake, connector):
    connector.upsert([record(shoes="42")])
    assert fake.partners == {}


def test_a_country_that_odoo_does_not_know_needs_attention(fake, connector):
    outcomes = connector.upsert([record(country_id="XX"), record("s-2", person(2))])
    assert outcomes["s-1"].message == "Odoo doesn't know this country."
    assert isinstance(outcomes["s-2"], Delivered)


def test_a_contact_can_be_deleted_and_deleted_again(fake, connector):
    id = str(fake.add(email=ANN.value))
    connector.delete(id)
    connector.delete(id)
    assert fake.partners == {} and connector.read_back(id, ["zip"]) == {"zip": None}


def test_a_contact_with_invoices_is_not_deleted_and_it_is_said(fake, connector):
    with pytest.raises(TryLater, match="There are invoices"):
        connector.delete(str(fake.add(x_code="invoiced")))


# consent


def test_a_consent_puts_on_its_list_once(fake, connector):
    for ref in ("s-1", "s-2"):
        one = record(ref, firstname="Ann", consent_targets=(consent("1"), consent("3")))
        assert isinstance(connector.upsert([one])[ref], Delivered)
    assert fake.on == {(ANN.value, 1), (ANN.value, 3)}
    assert len(fake.tables[fake.link_model]) == 2 and len(fake.tables["mailing.contact"]) == 1


def test_a_subscriber_whom_odoo_knows_is_used(fake, connector):
    id = fake.insert("mailing.contact", {"name": "Ann", "email": ANN.value})
    connector.upsert([record(name="Ann Lee", consent_targets=(consent("2"),))])
    assert list(fake.tables["mailing.contact"]) == [id] and fake.on == {(ANN.value, 2)}


def test_who_agreed_to_nothing_is_on_no_list(fake, connector):
    connector.upsert([record()])
    assert fake.on == set() and fake.tables["mailing.contact"] == {}


def test_who_left_a_list_stays_away_from_it_and_the_rest_arrives(fake, connector):
    """By any of the subscribers that Odoo has for the address."""
    fake.insert("mailing.contact", {"name": "Ann", "email": ANN.value})
    other = fake.insert("mailing.contact", {"name": "Ann", "email": ANN.value})
    fake.insert(fake.link_model, {"contact_id": other, "list_id": 1, "opt_out": True})
    one = record(zip="1", consent_targets=(consent("1"), consent("2")))
    outcome = connector.upsert([one])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "unsubscribed")
    assert fake.on == {(ANN.value, 2)}
    assert [held["zip"] for held in fake.partners.values()] == ["1"]


def test_who_is_on_the_blacklist_stays_away_even_as_a_new_contact(fake, connector):
    fake.blacklist.add(ANN.value)
    outcome = connector.upsert([record(consent_targets=(consent("1"),))])["s-1"]
    assert outcome.code == "unsubscribed" and fake.on == set() and len(fake.partners) == 1


def test_a_consent_without_an_address_is_said(fake, connector):
    outcome = connector.upsert([record("s-1", PHONE, consent_targets=(consent("1"),))])["s-1"]
    assert outcome.code == "no_address" and len(fake.partners) == 1


@pytest.mark.parametrize("target", ["9", "gone"])
def test_a_list_that_is_gone_needs_attention_and_the_others_are_joined(fake, connector, target):
    one = record(consent_targets=(consent(target), consent("1")))
    outcome = connector.upsert([one])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "no_list")
    assert fake.on == {(ANN.value, 1)}


def test_an_app_that_was_taken_away_needs_attention(fake, connector):
    del fake.tables["mailing.list"]
    outcome = connector.upsert([record(consent_targets=(consent("1"),))])["s-1"]
    assert outcome.code == "no_list" and len(fake.partners) == 1


@only_19
def test_a_subscription_that_odoo_refuses_holds_up_nobody(fake, connector):
    no = odoo.Trouble("odoo.exceptions.UserError", "No.")
    fake.answers(422, no.shown, path=path(fake, "mailing.subscription", "create"))
    batch = [record(f"s-{n}", person(n), consent_targets=(consent("1"),)) for n in (1, 2)]
    outcomes = connector.upsert(batch)
    assert (type(outcomes["s-1"]), outcomes["s-1"].message) == (NeedsAttention, "No.")
    assert isinstance(outcomes["s-2"], Delivered)


@only_19
def test_a_sign_up_counts_as_delivered_only_with_its_consents(fake, connector):
    fake.answers(503, None, path="mailing.subscription", real=False)
    one = record(consent_targets=(consent("1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    assert len(fake.on) == len(fake.notes) == 1


# what goes wrong


@pytest.mark.parametrize("shy", [False, True])
def test_a_bad_row_needs_attention_and_the_others_arrive(fake, connector, shy):
    """One bad row fails the whole load; some errors don't say which row it was."""
    fake.shy = shy
    bad = record("bad", Identity("email", "ann@nowhere"))
    outcomes = connector.upsert([record("s-1"), bad, record("s-2", person(2))])
    assert (type(outcomes["bad"]), outcomes["bad"].code) == (NeedsAttention, "ValidationError")
    assert "ann@" not in outcomes["bad"].message
    assert isinstance(outcomes["s-1"], Delivered) and isinstance(outcomes["s-2"], Delivered)
    assert connector.upsert([bad]) == {"bad": outcomes["bad"]}


def test_an_option_that_odoo_lost_needs_attention_for_known_people_too(fake, connector):
    fake.add(email=ANN.value)
    outcomes = connector.upsert([record(x_size="xl"), record("s-2", person(2), x_size="s")])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "ValueError")
    assert isinstance(outcomes["s-2"], Delivered)


def test_a_field_that_vanished_since_we_looked_is_no_endless_error(fake, http):
    """Odoo calls it a ValueError, with status 500 or 200; the next attempt looks again."""
    connector = connect(fake, http)
    connector.describe()
    del fake.fields["x_code"]
    with pytest.raises(TryLater) as caught:
        connector.upsert([record(x_code="c")])
    assert caught.value.code == "ValueError"
    assert connect(fake, http).upsert([record(x_code="c")])["s-1"].code == "unknown_attribute"


def test_a_lost_race_comes_with_status_200_and_is_tried_again(fake, connector):
    fake.races = 1
    outcomes = connector.upsert([record(), record("s-2", person(2))])
    assert {(type(one), one.code) for one in outcomes.values()} == {
        (RetryLater, "SerializationFailure")
    }
    assert isinstance(connector.upsert([record()])["s-1"], Delivered) and len(fake.partners) == 1


@only_19
@pytest.mark.parametrize(
    "name, message",
    [
        ("psycopg2.errors.SerializationFailure", "could not serialize access"),
        ("psycopg2.errors.LockNotAvailable", "could not obtain lock on row"),
        ("builtins.KeyError", "'something inside'"),
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_trouble_inside_of_odoo_is_tried_later(fake, connector, name, message, known):
    if known:
        fake.add(email=ANN.value)
    where = path(fake, "res.partner", "write" if known else "load")
    fake.answers(500, odoo.Trouble(name, message).shown, path=where)
    outcome = connector.upsert([record(zip="1"), record("s-2", person(2), zip="1")])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, name.rpartition(".")[2])


@only_19
def test_an_error_without_a_name_is_tried_later(fake, connector):
    fake.answers(500, b"<h1>500</h1>", path="/load", real=False)
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "server_error")


@only_19
def test_a_wall_before_odoo_refuses_everything(fake, connector):
    fake.answers(403, b"<h1>Forbidden</h1>", path="/load", real=False)
    with pytest.raises(CredentialsRefused):
        connector.upsert([record()])


def test_a_contact_that_a_rule_hides_from_writing_needs_attention(fake, connector):
    fake.locked.add(fake.add(email=ANN.value))
    outcomes = connector.upsert([record(zip="1"), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "AccessError")
    assert isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("right", ["read", "create", "write"])
def test_a_user_who_lost_a_right_pauses_everything(fake, connector, right):
    fake.rights.remove(right)
    fake.add(email=person(2).value)
    with pytest.raises(CredentialsRefused, match="not allowed"):
        connector.upsert([record(), record("s-2", person(2), zip="1")])


def test_a_note_that_is_refused_holds_up_nobody(fake, connector):
    outcomes = connector.upsert([record(comment="no note"), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].message) == (NeedsAttention, "No notes here.")
    assert isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("identity", [ANN, PHONE, Identity("external", "s-9")])
def test_twenty_at_once_make_one_contact(fake, http, identity):
    records = [record(f"s-{n}", identity, zip="1") for n in range(20)]
    outcomes = at_once(lambda: connect(fake, http), records)
    (id,) = fake.partners
    assert {one.remote_id for one in outcomes.values()} == {str(id)} and len(outcomes) == 20


def test_too_many_calls_wait_as_long_as_the_server_says(fake, connector):
    fake.answers(429, None, headers={"Retry-After": "7"})
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("rate_limited", 7)


@only_19
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("model, method", [("res.partner", "load"), ("res.partner", "message_post"),
                                           ("mailing.contact", "create"),
                                           ("mailing.subscription", "create")])  # fmt: skip
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, model, method, after
):
    fake.fault(kind, path=path(fake, model, method), after=after)
    one = record(mode="append", comment="Hello", consent_targets=(consent("1"),))
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.code == code and caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.partners.values()
    assert held["comment"] == "Hello" and len(fake.notes) == len(fake.on) == 1
    assert len(fake.tables["mailing.contact"]) == 1


@only_19
@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"[7]", b'{"id": {}, "ids": 3}'])
@pytest.mark.parametrize("method", ["fields_get", "search_read", "load"])
def test_an_answer_that_is_not_odoos_is_tried_later(fake, connector, body, method):
    fake.answers(200, body, path=path(fake, "res.partner", method), real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"


@only_18
@pytest.mark.parametrize(
    "body", [b"<h1>Sorry</h1>", b"[7]", b'{"error": 3}', b'{"jsonrpc": "2.0"}']
)
def test_an_answer_that_is_not_json_rpc_is_tried_later(fake, connector, body):
    fake.answers(200, body, real=False)
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"


@only_18
def test_trouble_while_logging_in_is_tried_later(fake, connector):
    trouble = odoo.Trouble("psycopg2.OperationalError", "the database system is starting up")
    fake.answers(200, {"jsonrpc": "2.0", "id": 1, "error": {"data": trouble.shown}})
    with pytest.raises(TryLater) as caught:
        connector.check()
    assert caught.value.code == "OperationalError"
