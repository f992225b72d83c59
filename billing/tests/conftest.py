"""The fake Stripe, and what billing's tests do with it again and again."""

from dataclasses import dataclass, replace

import pytest
from django.conf import settings as current
from django.test import Client
from djstripe.models import Customer

from billing import customers, plan_sync, plans, processing, stripe_api
from billing.models import ReceivedEvent
from billing.tests.fake_stripe import delivery
from billing.tests.fake_stripe.process import FakeStripe
from tenants.models import Retailer

TEST_KEY = "sk_test_" + "a1" * 12
LIVE_KEY = "sk_live_" + "b2" * 12
SECRET = "whsec_only_for_tests"


@pytest.fixture(scope="session")
def stripe_process():
    with FakeStripe() as fake:
        yield fake


@pytest.fixture
def billing_settings(settings, monkeypatch):
    """Billing is on, and the library waits for nothing between its own retries."""
    settings.STRIPE_SECRET_KEY = settings.STRIPE_TEST_SECRET_KEY = TEST_KEY
    settings.STRIPE_LIVE_SECRET_KEY = ""
    settings.STRIPE_LIVE_MODE = False
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.OPERATOR_URLCONF = "billing.tests.urls"
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0)
    monkeypatch.setattr("stripe.HTTPClient.MAX_DELAY", 0)
    return settings


@pytest.fixture
def fake_stripe(stripe_process, billing_settings):
    """An empty Stripe that everything in this process talks to."""
    stripe_process.reset()
    billing_settings.STRIPE_API_BASE = stripe_process.url
    stripe_api.configure()
    yield stripe_process
    del billing_settings.STRIPE_API_BASE
    stripe_api.configure()


@dataclass
class Shop:
    """A retailer with its customer and subscription at Stripe."""

    retailer: Retailer
    customer: Customer
    subscription: str

    def state(self) -> str:
        return Retailer.objects.get(pk=self.retailer.pk).state


@pytest.fixture
def sold(fake_stripe):
    """A plan stands in Stripe; a function subscribes a retailer to one."""
    client, catalogue = stripe_api.client(), plans.load()
    # Enough to subscribe to.
    euros = tuple(price for price in catalogue.plans[0].prices if price.currency == "eur")
    catalogue = replace(catalogue, plans=(replace(catalogue.plans[0], prices=euros),))
    for change in plan_sync.changes(catalogue, plan_sync.look(client, catalogue)):
        change.make(client)

    def subscribe(retailer: Retailer, lookup_key: str = "starter_eur_month", **values) -> Shop:
        customer = customers.ensure_customer(retailer)
        price = client.v1.prices.list({"lookup_keys": [lookup_key]}).data[0]
        subscription = client.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id}], **values}
        )
        return Shop(retailer, customer, subscription.id)

    return subscribe


def post(event: dict | bytes, secret: str = SECRET, at: int | None = None, **headers):
    """The event as Stripe would deliver it to the operator's host."""
    body = event if isinstance(event, bytes) else delivery.packed(event)
    headers.setdefault("HTTP_STRIPE_SIGNATURE", delivery.sign(body, secret, at))
    headers.setdefault("HTTP_HOST", current.OPERATOR_HOST)
    return Client().post("/stripe/webhook/", body, content_type="application/json", **headers)


def catch_up(fake: FakeStripe, *types: str) -> None:
    """All events of Stripe (or those of these types) arrive and are processed."""
    for event in fake.events():
        if not types or event["type"] in types:
            assert post(event).status_code == 200
            processing.process(event["id"])
    assert not ReceivedEvent.objects.waiting().exists()
