"""What must hold at Stripe as at the fake: with STRIPE_SECRET_KEY=sk_test_… it runs there."""

import os
import uuid
from dataclasses import replace

import pytest

from billing import checkout, customers, meters, plan_sync, plans, portal, stripe_api, syncing
from billing.subscribed import plan_of, subscription_of

pytestmark = pytest.mark.stripe_live

KEY = os.environ.get("STRIPE_SECRET_KEY", "")
SLIM = ("starter_eur_month", "starter_eur_month_beyond")


@pytest.fixture
def account(request, billing_settings):
    """Stripe's test mode where there is a key for it, else the fake."""
    if not KEY:
        return request.getfixturevalue("fake_stripe")
    if not KEY.startswith(("sk_test_", "rk_test_")):
        pytest.fail("These tests make things: they want a key of the test mode.")
    billing_settings.STRIPE_SECRET_KEY = billing_settings.STRIPE_TEST_SECRET_KEY = KEY
    stripe_api.configure()
    return None


@pytest.fixture
def catalogue(account) -> plans.Catalogue:
    """One plan, so that a test account isn't flooded."""
    known = plans.load()
    starter = known.plans[0]
    prices = tuple(price for price in starter.prices if price.lookup_key in SLIM)
    slim = replace(known, plans=(replace(starter, prices=prices),))
    client = stripe_api.client()
    for change in plan_sync.changes(slim, plan_sync.look(client, slim)):
        change.make(client)
    return slim


def test_plans_are_made_once(catalogue):
    client = stripe_api.client()
    assert plan_sync.changes(catalogue, plan_sync.look(client, catalogue)) == []
    assert meters.find(client)


def test_a_retailer_subscribes_and_the_mirror_says_so(catalogue, retailers):
    acorn, birch = retailers
    for retailer in retailers:  # not those of an earlier run
        retailer.owner_email = f"{uuid.uuid4().hex}@example.com"
        retailer.save()
    client = stripe_api.client()
    customer = customers.ensure_customer(acorn)
    assert customers.ensure_customer(acorn) == customer
    ids = checkout.price_ids(client, catalogue.plans[0].price("eur", "month"))
    made = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": id} for id in ids.values()],
            "trial_period_days": 7,
        }
    )
    assert syncing.sync_customer(customer.id) == acorn
    subscription = subscription_of(acorn)
    assert (subscription["id"], subscription["status"]) == (made.id, "trialing")
    assert plan_of(subscription) == plans.load().plan("starter")
    assert subscription_of(birch) is None
    acorn.name = "Another name"
    assert customers.push(acorn) and not customers.push(acorn)
    client.v1.subscriptions.cancel(made.id)
    syncing.sync_customer(customer.id)
    assert subscription_of(acorn) is None
    client.v1.customers.delete(customer.id)


def test_checkout_and_portal_answer_with_pages(catalogue, retailers):
    acorn, _ = retailers
    acorn.owner_email = f"{uuid.uuid4().hex}@example.com"
    acorn.save()
    price = catalogue.plans[0].price("eur", "month")
    attempt = str(uuid.uuid4())
    pages = {checkout.start(acorn, price, "https://shop.example/", attempt) for _ in range(2)}
    assert len(pages) == 1 and pages.pop().startswith("http")
    portal.ensure(stripe_api.client())
    assert checkout.manage(acorn, "https://shop.example/").startswith("http")
