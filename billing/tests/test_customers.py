"""Each retailer has one customer at Stripe, whatever fails in between."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe
from django.db import connection
from djstripe.models import Customer

from billing import customers, stripe_api
from billing.syncing import sync_customer
from billing.tests.conftest import LIVE_KEY
from tenants.models import Retailer


def at_stripe() -> list:
    return stripe_api.client().v1.customers.list({"limit": 100}).data


def test_each_retailer_gets_a_customer_of_its_own(retailers, fake_stripe):
    for retailer in retailers:
        customer = customers.ensure_customer(retailer)
        assert customer.subscriber == retailer
        assert (customer.email, customer.name) == (retailer.owner_email, retailer.name)
        assert customer.metadata == {
            "retailer": str(retailer.pk),
            "schema": retailer.schema_name,
        }
    assert len(at_stripe()) == 2


def test_a_repeat_finds_the_first_and_asks_stripe_for_nothing(retailers, fake_stripe):
    first = [customers.ensure_customer(retailer).id for retailer in retailers]
    asked = len(fake_stripe.ask("requests"))
    assert [customers.ensure_customer(retailer).id for retailer in retailers] == first
    assert len(fake_stripe.ask("requests")) == asked


def test_a_lost_answer_makes_no_second_customer(retailers, fake_stripe, monkeypatch):
    acorn, birch = retailers
    monkeypatch.setattr(stripe_api, "RETRIES", 0)
    fake_stripe.fail(after=True)
    with pytest.raises(stripe.APIConnectionError):
        stripe_api.client().v1.customers.create(
            {
                "email": acorn.owner_email,
                "name": acorn.name,
                "metadata": customers.metadata(acorn),
            }
        )
    assert len(at_stripe()) == 1 and not Customer.objects.exists()
    found = customers.ensure_customer(acorn)
    assert [each.id for each in at_stripe()] == [found.id]
    assert customers.ensure_customer(birch).id != found.id


def test_two_retailers_of_one_owner_have_two_customers(retailers, fake_stripe):
    acorn, birch = retailers
    birch.owner_email = acorn.owner_email
    assert customers.ensure_customer(acorn).id != customers.ensure_customer(birch).id
    assert len(at_stripe()) == 2


def test_stripe_down_leaves_nothing_half_made(retailers, fake_stripe):
    fake_stripe.fail(status=503, times=3)
    with pytest.raises(stripe.APIError):
        customers.ensure_customer(retailers[0])
    assert not Customer.objects.exists() and at_stripe() == []
    assert {customers.ensure_customer(each).subscriber for each in retailers} == set(retailers)


def test_a_deleted_customer_is_replaced_by_a_new_one(retailers, fake_stripe, billing_settings):
    acorn, birch = retailers
    old, other = customers.ensure_customer(acorn), customers.ensure_customer(birch)
    stripe_api.client().v1.customers.delete(old.id)
    assert sync_customer(old.id) == acorn
    new = customers.ensure_customer(acorn)
    assert new.id != old.id and new.subscriber == acorn
    assert customers.ensure_customer(birch).id == other.id


def test_a_test_customer_is_not_the_live_one(retailers, fake_stripe, billing_settings):
    acorn, birch = retailers
    test_customer = customers.ensure_customer(acorn)
    customers.ensure_customer(birch)
    fake_stripe.reset(livemode=True)
    billing_settings.STRIPE_SECRET_KEY = LIVE_KEY
    live_customer = customers.ensure_customer(acorn)
    assert live_customer.livemode and not test_customer.livemode
    assert customers.known_customer(acorn).djstripe_id == live_customer.djstripe_id


def test_the_template_is_nobodys_customer(retailers, fake_stripe):
    template = Retailer.objects.get(state=Retailer.State.TEMPLATE)
    with pytest.raises(customers.NotBilled):
        customers.ensure_customer(template)
    assert at_stripe() == []
    assert customers.retailer_of(customers.metadata(template)) is None


def test_a_customer_belongs_to_a_retailer_only_with_number_and_schema(retailers):
    acorn, birch = retailers
    assert customers.retailer_of(customers.metadata(acorn)) == acorn
    assert customers.retailer_of({"retailer": str(acorn.pk), "schema": "r_birch"}) is None
    for number in ("", "abc", "1" * 30, "²", "-1"):
        assert customers.retailer_of({"retailer": number, "schema": "r_acorn"}) is None
    assert customers.retailer_of({}) is None


@pytest.mark.usefixtures("committed_world", "fake_stripe")
def test_two_at_once_make_one_customer():
    acorn, birch = Retailer.objects.filter(slug__in=["acorn", "birch"]).order_by("slug")

    def ensure(retailer: Retailer) -> str:
        try:
            return customers.ensure_customer(retailer).id
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(ensure, [acorn, birch] * 3))
    assert len(set(made)) == 2
    assert {each.id for each in at_stripe()} == set(made)
    assert Customer.objects.count() == 2
