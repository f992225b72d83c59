"""The Shopify connector against a fake that knows Shopify's traps."""

import pytest

from integrations import oauth
from integrations.connectors import shopify_additions, shopify_shapes
from integrations.connectors.base import (
    Account,
    CredentialsRefused,
    Delivered,
    Identity,
    MappedValue,
    NeedsAttention,
    OAuth,
    Record,
    RetryLater,
    TryLater,
)
from integrations.connectors.shopify import ShopifyConnector
from integrations.http import Http
from integrations.mapping import default_rows
from integrations.tests.fakes import shopify
from integrations.tests.fakes.people import ANN, at_once, consent, person, record
from integrations.tests.hostile import Hostile

PHONE = Identity("phone", "+33612345678")


@pytest.fixture
def fake():
    with shopify.Shopify() as fake:
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
    usual = {"address": fake.address, "shop": "birch", "token": "shpat_good"}
    return ShopifyConnector({**usual, **config}, http)


# who and what


def test_a_check_says_whose_shop_it_is(connector):
    assert connector.check() == Account("Birch", "birch.myshopify.com")


def test_a_wrong_token_is_refused_everywhere(fake, connector):
    fake.token = "shpat_other"
    for call in (connector.check, connector.describe, lambda: connector.upsert([record()])):
        with pytest.raises(CredentialsRefused, match="Invalid API key"):
            call()


def test_a_missing_scope_is_named(fake, connector):
    fake.scopes = ["read_customers"]
    with pytest.raises(CredentialsRefused, match="lacks these scopes: write_customers"):
        connector.check()
    with pytest.raises(CredentialsRefused) as caught:
        connector.upsert([record()])
    assert caught.value.code == "ACCESS_DENIED" and "write_customers" in caught.value.message


def test_the_secret_of_an_app_of_the_retailers_own_serves_as_well(fake, http):
    own = {"token": "shpss_good", "client_id": "our-app"}
    assert connect(fake, http, **own).check().name == "Birch"
    fake.secret = "another"
    with pytest.raises(CredentialsRefused, match="invalid_client"):
        connect(fake, http, **own).check()


@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_a_token_that_does_not_come_is_tried_later(fake, http, kind, code):
    fake.fault(kind, path="/oauth/access_token")
    with pytest.raises(TryLater) as caught:
        connect(fake, http, client_id="our-app").check()
    assert caught.value.code == code


def test_a_token_of_the_button_goes_before_any_other(fake, http):
    mine = {"access_token": "shpat_good", "token": "", "client_id": "our-app"}
    assert connect(fake, http, **mine).check() and not fake.asked(path="/oauth")


@pytest.mark.parametrize(
    "typed", ["birch", " birch ", "birch.myshopify.com", "https://birch.myshopify.com/admin"]
)
def test_the_shop_may_be_typed_as_its_address(http, typed):
    connector = ShopifyConnector({"shop": typed}, http)
    assert connector.url("/x") == "https://birch.myshopify.com/x"


@pytest.mark.parametrize("typed", ["", "evil.example", "a@b", "a b", "-a", "a#"])
def test_a_shop_that_leads_elsewhere_is_refused(http, typed):
    with pytest.raises(CredentialsRefused, match="wrong_address"):
        ShopifyConnector({"shop": typed}, http).check()


@pytest.mark.parametrize("page_size", [2, 100])
def test_the_attributes_come_with_types_and_options(fake, connector, page_size):
    fake.page_size = page_size
    found = {attribute.name: attribute for attribute in connector.describe()}
    assert {name: one.type for name, one in found.items() if "." in name} == {
        **{f"address.{n}": "string" for n in ("address1", "address2", "city", "zip")},
        **{f"address.{n}": "string" for n in ("provinceCode", "countryCode", "company")},
        "facts.birth_date": "date",
        "custom.points": "number",
        "custom.member": "boolean",
        "custom.likes": "list",
        "custom.story": "text",
        "custom.size": "choice",
    }
    assert found["custom.size"].options == (("Small", "Small"), ("Large", "Large"))
    assert found["email"].unique and found["phone"].unique and found["tags"].type == "list"
    assert found["facts.birth_date"].label == "Birth date"


def test_the_first_mapping_finds_the_usual_attributes(connector):
    rows = default_rows(connector.describe(), ShopifyConnector.hints)
    wanted = {"email", "phone", "firstName", "lastName", "facts.birth_date", "address.zip", "tags"}
    assert wanted <= {row.attribute for row in rows}


def test_marketing_by_both_ways_can_be_agreed_to(connector):
    found = [(t.id, t.double_opt_in) for t in connector.consent_targets()]
    assert found == [("email", "choose"), ("sms", "choose")]


# delivering


def test_a_new_person_becomes_a_customer(fake, connector):
    one = record(
        email=ANN.value,
        phone=PHONE.value,
        firstName="Ann",
        tags=["North"],
        address__zip="0150",
        address__countryCode="NO",
        facts__birth_date="1990-05-17",
        custom__points=3,
        custom__member=True,
        custom__likes=["tea"],
        custom__size="Small",
    )
    outcome = connector.upsert([one])["s-1"]
    ((id, held),) = fake.customers.items()
    assert outcome == Delivered(id, f"https://admin.shopify.com/store/birch/customers/{id}")
    assert (held["email"], held["phone"], held["firstName"]) == (ANN.value, PHONE.value, "Ann")
    assert held["tags"] == ["North", "CustomerInfo"]
    assert held["note"] == "Sign-up s-1 from CustomerInfo"
    assert (held["address"]["zip"], held["address"]["countryCode"]) == ("0150", "NO")
    assert held["metafields"] == {
        "facts.birth_date": "1990-05-17",
        "custom.points": "3",
        "custom.member": "true",
        "custom.likes": '["tea"]',
        "custom.size": "Small",
    }
    names = ["email", "address.zip", "custom.likes", "custom.points", "lastName", "note"]
    assert connector.read_back(id, names) == {
        "email": ANN.value,
        "address.zip": "0150",
        "custom.likes": ["tea"],
        "custom.points": "3",
        "lastName": None,
        "note": None,  # our lines aren't theirs
    }


def test_the_same_again_changes_nothing_and_writes_no_second_line(fake, connector):
    first = connector.upsert([record(firstName="Ann")])
    assert connector.upsert([record(firstName="Ann")]) == first
    assert len(fake.customers) == 1 and fake.notes == ["Sign-up s-1 from CustomerInfo"]


def test_a_test_sign_up_is_marked_by_its_line_and_tag(fake, connector):
    connector.upsert([record(is_test=True)])
    (held,) = fake.customers.values()
    assert held["note"] == "Test sign-up s-1 from CustomerInfo"
    assert held["tags"] == ["CustomerInfo test"]


def test_several_sign_ups_of_one_person_are_one_customer_with_the_later_data(fake, connector):
    batch = [
        record("s-1", firstName="Ann", lastName="Lee"),
        record("s-2", person(2)),
        record("s-3", firstName="Anna"),
    ]
    outcomes = connector.upsert(batch)
    assert outcomes["s-1"] == outcomes["s-3"] != outcomes["s-2"] and len(fake.customers) == 2
    held = fake.customers[outcomes["s-1"].remote_id]
    assert (held["firstName"], held["lastName"]) == ("Anna", "Lee") and len(fake.notes) == 3


def test_the_modes_of_a_mapping_look_at_what_is_there(fake, connector):
    metafields = {"custom.likes": '["tea"]', "custom.size": "Small"}
    id = fake.add(ANN.value, firstName="Ann", note="Hello", tags=["Old"], metafields=metafields)
    values = {
        "firstName": MappedValue("Anna", "only_if_empty"),
        "lastName": MappedValue("Lee", "only_if_empty"),
        "custom.size": MappedValue("Large", "only_if_empty"),
        "custom.likes": MappedValue(["jam"], "append"),
        "tags": MappedValue("North", "overwrite"),
        "note": MappedValue("Bye", "append"),
    }
    for ref in ("s-1", "s-1", "s-2"):
        connector.upsert([Record(ref, ANN, values)])
    held = fake.customers[id]
    assert (held["firstName"], held["lastName"]) == ("Ann", "Lee")
    assert held["metafields"] == {"custom.likes": '["tea", "jam"]', "custom.size": "Small"}
    assert held["tags"] == ["Old", "North", "CustomerInfo"]  # never taken away
    lines = ["Sign-up s-1 from CustomerInfo", "Sign-up s-2 from CustomerInfo"]
    assert held["note"].splitlines() == ["Hello, Bye", *lines]


def test_what_a_sign_up_leaves_blank_stays(fake, connector):
    id = fake.add(ANN.value, firstName="Ann", note="Hello")
    connector.upsert([record(firstName="", note="", custom__story="")])
    held = fake.customers[id]
    assert held["firstName"] == "Ann" and held["note"].startswith("Hello\n")


def test_an_address_keeps_what_nobody_gave_anew(fake, connector):
    """Shopify replaces an address whole, and a list of addresses too."""
    old = {
        "id": "gid://shopify/MailingAddress/1",
        "address1": "Old Road 1",
        "zip": "1",
        "city": None,
    }
    id = fake.add(ANN.value, address=old)
    connector.upsert([record(address__zip="0150")])
    assert fake.customers[id]["address"] | {"id": ""} == {
        "id": "",
        "address1": "Old Road 1",
        "zip": "0150",
    }
    assert "customerAddressUpdate" in fake.wrote


def test_a_note_that_is_full_loses_its_oldest_lines(fake, connector, monkeypatch):
    monkeypatch.setattr(shopify_shapes, "NOTE_LENGTH", 80)
    fake.add(ANN.value, note="Hello")
    for n in range(4):
        connector.upsert([record(f"s-{n}")])
    lines = ["Sign-up s-2 from CustomerInfo", "Sign-up s-3 from CustomerInfo"]
    assert fake.notes == ["Hello", *lines]


def test_many_metafields_go_in_parts(fake, connector, monkeypatch):
    monkeypatch.setattr(shopify_additions, "AT_ONCE", 2)
    connector.upsert([record(custom__points=1, custom__size="Small", custom__story="x")])
    assert fake.wrote.count("metafieldsSet") == 2
    (held,) = fake.customers.values()
    assert len(held["metafields"]) == 3


def test_people_without_an_address_are_found_by_phone(fake, connector):
    first = connector.upsert([record("s-1", PHONE, firstName="Ann")])["s-1"]
    again = connector.upsert([record("s-2", PHONE, lastName="Lee")])["s-2"]
    assert first.remote_id == again.remote_id and len(fake.customers) == 1


def test_who_gave_neither_address_nor_number_needs_attention(fake, connector):
    outcome = connector.upsert([record("s-1", Identity("external", "s-9"))])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "no_address")
    assert fake.customers == {}


def test_a_known_customer_is_found_by_the_id_and_keeps_the_new_address(fake, connector):
    fake.add(ANN.value)
    id = fake.add("new@example.com")
    again = connector.upsert([record(remote_id=id, email=ANN.value, firstName="Ann")])["s-1"]
    assert again.remote_id == id and fake.customers[id]["email"] == "new@example.com"


def test_who_had_no_address_yet_gets_it(fake, connector):
    id = fake.add(phone=PHONE.value)
    connector.upsert([record(remote_id=id)])
    assert fake.customers[id]["email"] == ANN.value


@pytest.mark.parametrize("known", ["999", "not-a-number"])
def test_a_customer_that_was_deleted_there_is_created_anew(fake, connector, known):
    outcome = connector.upsert([record(remote_id=known)])["s-1"]
    ((id, held),) = fake.customers.items()
    assert outcome.remote_id == id and held["email"] == ANN.value


def test_a_customer_that_is_deleted_between_reading_and_writing_is_tried_again(fake, connector):
    id = fake.add(ANN.value)
    real = fake.customerSet

    def gone(**given):
        fake.customers.pop(id, None)
        return real(**given)

    fake.customerSet = gone
    outcome = connector.upsert([record()])["s-1"]
    assert (type(outcome), outcome.code) == (RetryLater, "NOT_FOUND")
    assert isinstance(connector.upsert([record()])["s-1"], Delivered)


@pytest.mark.parametrize("known", [True, False])
def test_a_number_of_another_customer_stays_there_and_it_is_said(fake, connector, known):
    other = fake.add("bob@example.com", PHONE.value)
    if known:
        fake.add(ANN.value)
    one = record(phone=PHONE.value, firstName="Ann", consent_targets=(consent("email"),))
    outcome = connector.upsert([one])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "duplicate_phone")
    (id,) = set(fake.customers) - {other}
    held = fake.customers[id]
    assert (held["firstName"], held["phone"], held["email_state"]) == ("Ann", "", "SUBSCRIBED")
    assert fake.customers[other]["phone"] == PHONE.value and len(fake.notes) == 1


def test_who_had_given_only_the_number_gets_the_address_too(fake, connector):
    id = fake.add(phone=PHONE.value)
    outcome = connector.upsert([record(phone=PHONE.value, firstName="Ann")])["s-1"]
    assert outcome.remote_id == id and len(fake.customers) == 1
    assert fake.customers[id]["email"] == ANN.value


def test_a_number_that_shopify_cannot_read_needs_attention(fake, connector):
    outcome = connector.upsert([record(phone="0612")])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "INVALID")


@pytest.mark.parametrize("name", ["shoes", "custom__photo", "address__planet"])
def test_an_attribute_that_shopify_does_not_have_needs_attention(fake, connector, name):
    outcomes = connector.upsert([record(**{name: "42"}), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "unknown_attribute")
    assert isinstance(outcomes["s-2"], Delivered) and len(fake.customers) == 1


def test_a_customer_can_be_deleted_and_deleted_again(fake, connector):
    id = fake.add(ANN.value)
    connector.delete(id)
    connector.delete(id)
    assert fake.customers == {} and connector.read_back(id, ["email"]) == {"email": None}


def test_a_customer_with_orders_is_not_deleted_and_it_is_said(fake, connector):
    with pytest.raises(TryLater, match="associated orders"):
        connector.delete(fake.add(ANN.value, orders=1))


# consent


@pytest.mark.parametrize(
    "double, state, level",
    [(False, "SUBSCRIBED", "SINGLE_OPT_IN"), (True, "PENDING", "CONFIRMED_OPT_IN")],
)
def test_a_consent_is_written_once_with_its_moment(fake, connector, double, state, level):
    both = (consent("email", double=double), consent("sms", double=double))
    for ref in ("s-1", "s-2"):
        one = record(ref, phone=PHONE.value, consent_targets=both)
        assert isinstance(connector.upsert([one])[ref], Delivered)
    (held,) = fake.customers.values()
    assert (held["email_state"], held["phone_state"]) == (state, state)
    given = {
        "marketingState": state,
        "marketingOptInLevel": level,
        "consentUpdatedAt": "2026-11-24T08:00:00Z",
    }
    assert held["consents"] == [given, given]


def test_who_agreed_to_nothing_is_not_subscribed(fake, connector):
    connector.upsert([record()])
    (held,) = fake.customers.values()
    assert held["email_state"] == "NOT_SUBSCRIBED" and held["consents"] == []


@pytest.mark.parametrize("state", ["UNSUBSCRIBED", "REDACTED", "INVALID"])
def test_who_had_left_stays_away_and_the_rest_arrives(fake, connector, state):
    id = fake.add(ANN.value, email_state=state)
    one = record(firstName="Ann", consent_targets=(consent("email"),))
    outcome = connector.upsert([one])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "unsubscribed")
    held = fake.customers[id]
    assert (held["email_state"], held["consents"], held["firstName"]) == (state, [], "Ann")


def test_who_was_asked_to_confirm_is_not_subscribed_over_it(fake, connector):
    id = fake.add(ANN.value, email_state="PENDING")
    outcome = connector.upsert([record(consent_targets=(consent("email"),))])["s-1"]
    assert isinstance(outcome, Delivered) and fake.customers[id]["email_state"] == "PENDING"


def test_who_leaves_between_reading_and_writing_stays_away(fake, connector):
    """The state is the one that Shopify answers when the customer is written."""
    id = fake.add(ANN.value)
    real = fake.customerSet

    def leaving(**given):
        fake.customers[id]["email_state"] = "UNSUBSCRIBED"
        return real(**given)

    fake.customerSet = leaving
    outcome = connector.upsert([record(consent_targets=(consent("email"),))])["s-1"]
    assert outcome.code == "unsubscribed" and fake.customers[id]["consents"] == []


@pytest.mark.parametrize("identity, target", [(ANN, "sms"), (PHONE, "email")])
def test_a_consent_without_its_address_is_said(fake, connector, identity, target):
    outcome = connector.upsert([record("s-1", identity, consent_targets=(consent(target),))])["s-1"]
    assert (type(outcome), outcome.code) == (NeedsAttention, "no_address")
    assert len(fake.customers) == 1


def test_a_kind_of_marketing_that_is_none_needs_attention(connector):
    outcome = connector.upsert([record(consent_targets=(consent("fax"),))])["s-1"]
    assert outcome.code == "no_list"


# what goes wrong


def test_a_bad_record_needs_attention_and_the_others_arrive(fake, connector):
    bad = record("bad", Identity("email", "ann@nowhere"))
    outcomes = connector.upsert([record("s-1"), bad, record("s-2", person(2))])
    assert outcomes["bad"] == NeedsAttention("INVALID", "Email a…@… is invalid")
    assert isinstance(outcomes["s-1"], Delivered) and isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("values", [{"custom__points": "x"}, {"address__countryCode": "Norway"}])
def test_a_value_that_shopify_refuses_needs_attention(fake, connector, values):
    outcomes = connector.upsert([record(**values), record("s-2", person(2))])
    assert (type(outcomes["s-1"]), outcomes["s-1"].code) == (NeedsAttention, "refused")
    assert isinstance(outcomes["s-2"], Delivered)


@pytest.mark.parametrize("identity", [ANN, PHONE])
def test_twenty_at_once_make_one_customer(fake, http, identity):
    records = [record(f"s-{n}", identity, firstName="Ann") for n in range(20)]
    outcomes = at_once(lambda: connect(fake, http), records)
    (id,) = fake.customers
    assert {one.remote_id for one in outcomes.values()} == {id} and len(outcomes) == 20


@pytest.mark.parametrize("points, restore, after", [(5, 2.5, 2), (9.9, 50, 1)])
def test_an_empty_bucket_waits_until_it_holds_enough(fake, connector, points, restore, after):
    """THROTTLED comes with status 200; what the query costs and what is left stand beside it."""
    connector.describe()
    fake.points, fake.restore = points + 26, restore  # enough for one person, and for a look
    with pytest.raises(TryLater) as caught:
        connector.upsert([record("s-0", person(0)), record()])
    assert (caught.value.code, caught.value.after) == ("THROTTLED", after)
    assert list(caught.value.outcomes) == ["s-0"] and len(fake.customers) == 1


@pytest.mark.parametrize("status, code", [(402, "payment_required"), (423, "locked")])
def test_a_shop_that_is_closed_refuses_everything(fake, connector, status, code):
    fake.answers(status, {"errors": "Unavailable Shop"})
    with pytest.raises(CredentialsRefused) as caught:
        connector.upsert([record()])
    assert caught.value.code == code


@pytest.mark.parametrize("extensions", [{"code": "INTERNAL_SERVER_ERROR"}, None])
def test_an_error_inside_of_shopify_is_tried_later(fake, connector, extensions):
    error = {"message": "Something went wrong", "extensions": extensions}
    fake.answers(200, {"errors": [error]})
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == (extensions or {"code": "error"})["code"]


def test_too_many_calls_wait_as_long_as_shopify_says(fake, connector):
    fake.answers(429, {"errors": "Exceeded"}, headers={"Retry-After": "7"})
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert (caught.value.code, caught.value.after) == ("rate_limited", 7)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [2, 3])
@pytest.mark.parametrize("kind, code", [("hang", "timeout"), ("close", "reset")])
def test_an_attempt_after_a_lost_answer_makes_nothing_twice(
    fake, connector, kind, code, nth, after
):
    """Of the customer, or of what is added to it."""
    one = record(
        mode="append", note="Hello", address__zip="0150", consent_targets=(consent("email"),)
    )
    real = fake._handle

    def handle(call):
        if len(fake.calls) == nth:
            fake.fault(kind, after=after)
        return real(call)

    fake._handle = handle
    with pytest.raises(TryLater) as caught:
        connector.upsert([one])
    assert caught.value.code == code and caught.value.outcomes == {}
    assert isinstance(connector.upsert([one])["s-1"], Delivered)
    (held,) = fake.customers.values()
    assert held["note"] == "Hello\nSign-up s-1 from CustomerInfo"
    assert len(held["consents"]) == 1 and held["address"]["zip"] == "0150"


@pytest.mark.parametrize("body", [b"<h1>Sorry</h1>", b"[7]", b'{"data": {}}', b'{"errors": 3}'])
@pytest.mark.parametrize("nth", [0, 1, 2, 3])
def test_an_answer_that_is_not_shopifys_is_tried_later(fake, connector, body, nth):
    real = fake._handle

    def handle(call):
        if len(fake.calls) == nth:
            fake.answers(200, body, real=False)
        return real(call)

    fake._handle = handle
    with pytest.raises(TryLater) as caught:
        connector.upsert([record()])
    assert caught.value.code == "bad_answer"


# by the button


def test_the_button_leads_to_the_retailers_own_shop(settings):
    settings.OAUTH_CLIENTS = {"shopify": ("our-id", "our-secret")}
    address = oauth.authorize_url("shopify", {"shop": "birch"}, "birch", "word", "a-secret")
    assert address.startswith("https://birch.myshopify.com/admin/oauth/authorize?")
    assert "scope=read_customers%2Cwrite_customers" in address


def test_the_button_asks_for_a_token_that_can_be_renewed(settings, monkeypatch, http):
    settings.OAUTH_CLIENTS = {"shopify": ("our-id", "our-secret")}
    with Hostile() as server:
        way = ShopifyConnector.oauth
        to_server = OAuth(way.authorize_url, server.url("/token"), way.scopes,
                          exchange_fields=way.exchange_fields)  # fmt: skip
        monkeypatch.setattr(ShopifyConnector, "oauth", to_server)
        server.answers(200, {"access_token": "a", "refresh_token": "r", "expires_in": 3600})
        stored = oauth.exchange("shopify", {"shop": "birch"}, "code", "a-secret", http)
        assert b"expiring=1" in server.seen[-1].body
    assert (stored["access_token"], stored["refresh_token"]) == ("a", "r")
    assert stored["expires_at"] is not None
