"""The fake Stripe is like the real one, where billing looks."""

import http.server
import json
import os
import threading
from pathlib import Path

import pytest
import stripe

from billing import stripe_api
from billing.tests.conftest import SECRET
from billing.tests.fake_stripe import delivery, form, shapes

CHECKOUT = Path(__file__).resolve().parents[2]
FIXTURES = Path(
    os.environ.get("STRIPE_FIXTURES") or CHECKOUT / "../shared/specs/stripe/fixtures3.json"
)


@pytest.fixture(scope="session")
def published() -> dict:
    if not FIXTURES.exists():
        pytest.skip("Stripe's published fixtures aren't here: STRIPE_FIXTURES names the file")
    return json.loads(FIXTURES.read_text())["resources"]


@pytest.fixture
def client(fake_stripe) -> stripe.StripeClient:
    return stripe_api.client()


def sell(client, **values) -> tuple:
    """A product, its price of 20 EUR a month, a customer and a subscription."""
    product = client.v1.products.create({"name": "Plan"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "eur",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
            "lookup_key": "plan",
        }
    )
    customer = client.v1.customers.create({"email": "a@shop.test"})
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], **values}
    )
    return product, price, customer, subscription


def test_objects_have_every_key_of_stripes_own_fixtures(client, fake_stripe, published):
    product, price, customer, subscription = sell(client)
    item = subscription["items"].data[0]
    shown = {
        "account": shapes.account(),
        "product": product.to_dict(),
        "price": price.to_dict(),
        "customer": customer.to_dict(),
        "subscription": subscription.to_dict(),
        "subscription_item": item.to_dict(),
        "plan": item.plan.to_dict(),
        "event": fake_stripe.events()[0],
        "deleted_customer": client.v1.customers.delete(customer.id).to_dict(),
    }
    for kind, found in shown.items():
        assert set(published[kind]) <= set(found), kind
        assert published[kind]["object"] == found["object"]


def test_a_form_is_read_as_stripe_encodes_it():
    encoded = "items[0][price]=p1&items[1][price]=p2&metadata[a]=&expand[]=x&expand[]=y&name=A+b"
    assert form.parse(encoded) == {
        "items": [{"price": "p1"}, {"price": "p2"}],
        "metadata": {"a": ""},
        "expand": ["x", "y"],
        "name": "A b",
    }


def test_an_unknown_parameter_is_refused(client):
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: nickname") as caught:
        client.v1.customers.create({"nickname": "A"})
    assert (caught.value.code, caught.value.http_status) == ("parameter_unknown", 400)


def test_a_bad_key_is_refused(client, fake_stripe):
    stranger = stripe.StripeClient("sk_test_short", base_addresses={"api": fake_stripe.url})
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.customers.list()


def test_what_isnt_there_is_missing_in_stripes_words(client):
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_x'") as caught:
        client.v1.customers.retrieve("cus_x")
    assert (caught.value.code, caught.value.http_status) == ("resource_missing", 404)
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.v1.coupons.retrieve("x")


def test_a_lookup_key_has_one_holder_and_moves_only_when_asked(client):
    product, old, *_ = sell(client)
    values = {"product": product.id, "currency": "eur", "unit_amount": 1, "lookup_key": "plan"}
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        client.v1.prices.create(values)
    new = client.v1.prices.create({**values, "transfer_lookup_key": True})
    assert [each.id for each in client.v1.prices.list({"lookup_keys": ["plan"]}).data] == [new.id]
    assert client.v1.prices.retrieve(old.id).lookup_key is None
    client.v1.prices.update(old.id, {"lookup_key": "plan", "transfer_lookup_key": True})
    assert client.v1.prices.retrieve(new.id).lookup_key is None


def test_an_idempotency_key_makes_one_object_and_refuses_other_values(client):
    first = client.v1.customers.create({"email": "a@shop.test"}, {"idempotency_key": "k"})
    again = client.v1.customers.create({"email": "a@shop.test"}, {"idempotency_key": "k"})
    assert first.id == again.id
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"email": "b@shop.test"}, {"idempotency_key": "k"})
    assert len(client.v1.customers.list().data) == 1


def test_lists_come_in_pages_newest_first(client):
    made = [client.v1.customers.create({"email": f"{n}@shop.test"}).id for n in range(5)]
    pages = client.v1.customers.list({"limit": 2})
    assert len(pages.data) == 2 and pages.has_more
    assert [each.id for each in pages.auto_paging_iter()] == made[::-1]
    with pytest.raises(stripe.InvalidRequestError, match="Limit"):
        client.v1.customers.list({"limit": 101})


def test_a_trial_has_its_status_and_its_end(client):
    *_, subscription = sell(client, trial_period_days=30)
    assert subscription.status == "trialing"
    assert subscription.trial_end - subscription.trial_start == 30 * 24 * 3600
    assert subscription["items"].data[0].current_period_end == subscription.trial_end


def test_a_subscription_that_has_ended_is_listed_only_when_asked_for(client):
    *_, customer, subscription = sell(client)
    ended = client.v1.subscriptions.cancel(subscription.id)
    assert (ended.status, ended.cancellation_details.reason) == (
        "canceled",
        "cancellation_requested",
    )
    assert client.v1.subscriptions.list({"customer": customer.id}).data == []
    every = client.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data
    assert [each.id for each in every] == [subscription.id]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_each_change_is_told_once_with_what_was_before(client, fake_stripe):
    *_, subscription = sell(client)
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    types = [event["type"] for event in fake_stripe.events() if "invoice" not in event["type"]]
    assert types == [
        "product.created",
        "price.created",
        "customer.created",
        "customer.subscription.created",
        "customer.subscription.updated",
    ]
    last = fake_stripe.events()[-1]["data"]
    assert last["previous_attributes"]["cancel_at_period_end"] is False
    assert last["object"]["cancel_at_period_end"] is True
    assert client.v1.events.list().data[0].type == types[-1]


def test_an_answer_can_get_lost_after_the_work_was_done(client, fake_stripe):
    fake_stripe.fail(after=True)
    client.v1.customers.create({"email": "a@shop.test"})  # the library repeats with the same key
    assert fake_stripe.requests("POST", "/v1/customers") == 2
    assert len(client.v1.customers.list().data) == 1


def test_the_signature_is_the_one_that_stripes_library_expects():
    body = delivery.packed({"id": "evt_1"})
    assert stripe.WebhookSignature.verify_header(body, delivery.sign(body, SECRET), SECRET, 300)
    assert delivery.sign(body, SECRET, 5) == stripe.WebhookSignature.generate_signature_header(
        body.decode(), SECRET, 5
    )


def test_delivery_posts_a_signed_event_to_the_host():
    seen = {}

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen["body"] = self.rfile.read(int(self.headers["Content-Length"]))
            seen["host"] = self.headers["Host"]
            seen["signature"] = self.headers["Stripe-Signature"]
            self.send_response(200 if self.path == "/good" else 400)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        event = {"id": "evt_1"}
        assert delivery.deliver(f"{address}/good", event, SECRET, host="console.test") == 200
        assert delivery.deliver(f"{address}/bad", event, SECRET) == 400
        server.shutdown()
        thread.join()
    assert json.loads(seen["body"]) == event
    stripe.WebhookSignature.verify_header(seen["body"], seen["signature"], SECRET, 300)
