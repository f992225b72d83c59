"""The ways to Stripe's own pages, and a change of plan: each asked once, whatever is pressed twice.

Stripe's portal changes no subscription that has a metered price
(https://docs.stripe.com/customer-management#limitations), so changing the plan is a page of ours.
"""

from datetime import timedelta

import stripe
from django.conf import settings
from django.utils import timezone
from djstripe import models as mirror

from tenants.models import Retailer

from . import customers, overrides, portal, stripe_api, syncing
from .locks import subject_lock
from .plans import PlanPrice, catalogue
from .subscribed import fee_item, subscriptions_of

# Checkout takes no trial that ends sooner than in 48 hours; our answer takes a while, too.
SHORTEST_TRIAL = timedelta(hours=49)


class Subscribed(Exception):
    """There is a subscription already: it can be changed, not bought again."""


class NotSold(Exception):
    """Stripe hasn't this price (yet): `sync_plans` makes it."""


def fresh(retailer: Retailer) -> mirror.Customer:
    """The customer, as Stripe knows it now. Raises `stripe.StripeError`."""
    customer = customers.ensure_customer(retailer)
    with subject_lock(customer.id) as held:
        if held:
            syncing.sync_customer(customer.id)
    return customer


def price_ids(client: stripe.StripeClient, price: PlanPrice) -> dict[str, str]:
    """Lookup key → Stripe's id, of a plan's price and of what belongs to it for usage."""
    plan = catalogue().plan(price.plan)
    metered = plan.price(price.currency, price.interval, metered=True)
    keys = [each.lookup_key for each in (price, metered) if each]
    listed = client.v1.prices.list({"lookup_keys": keys, "active": True}).data
    found = {each.lookup_key: each.id for each in listed}
    if set(found) != set(keys):
        raise NotSold(", ".join(sorted(set(keys) - set(found))))
    return found


def trial_end(retailer: Retailer) -> int | None:
    """Whoever subscribes early still has all days of the trial."""
    ends = overrides.trial_ends(retailer)
    if retailer.state != Retailer.State.TRIAL or ends < timezone.now() + SHORTEST_TRIAL:
        return None
    return int(ends.timestamp())


def start(retailer: Retailer, price: PlanPrice, back: str, attempt: str) -> str:
    """The address of Stripe's Checkout. `back` is our page; `attempt` names one press of a button.

    Raises `stripe.StripeError`, `stripe_api.BillingOff`, `Subscribed`, `NotSold`.
    """
    client = stripe_api.client()
    customer = fresh(retailer)
    if subscriptions_of(retailer):
        raise Subscribed
    ids = price_ids(client, price)
    items = [
        {"price": id} | ({} if key != price.lookup_key else {"quantity": 1})
        for key, id in sorted(ids.items())
    ]
    values = {
        "mode": "subscription",
        "customer": customer.id,
        "line_items": items,
        "success_url": f"{back}?done=1",
        "cancel_url": back,
        "client_reference_id": retailer.schema_name,
        "subscription_data": {"metadata": customers.metadata(retailer)},
    }
    if ends := trial_end(retailer):
        values["subscription_data"]["trial_end"] = ends
    if settings.STRIPE_TAX:
        values |= {
            "automatic_tax": {"enabled": True},
            "customer_update": {"address": "auto", "name": "auto"},
            "tax_id_collection": {"enabled": True},
        }
    key = f"checkout:{retailer.schema_name}:{price.lookup_key}:{attempt}"
    made = client.v1.checkout.sessions.create(values, {"idempotency_key": key})
    # Two pages left open could be paid both.
    for other in client.v1.checkout.sessions.list({"customer": customer.id, "status": "open"}).data:
        if other.id != made.id:
            client.v1.checkout.sessions.expire(other.id)
    return made.url


def manage(retailer: Retailer, back: str) -> str:
    """The address of Stripe's portal: card, invoices, cancelling. Raises `stripe.StripeError`."""
    client = stripe_api.client()
    customer = customers.ensure_customer(retailer)
    values = {"customer": customer.id, "return_url": back}
    if configuration := portal.find(client):
        values["configuration"] = configuration
    return client.v1.billing_portal.sessions.create(values).url


def changed_items(client: stripe.StripeClient, subscription: dict, price: PlanPrice) -> list[dict]:
    """The subscription's items with their new prices."""
    ids = price_ids(client, price)
    fee = fee_item(subscription)
    items = [{"id": fee["id"], "price": ids.pop(price.lookup_key)}]
    others = [each for each in subscription["items"]["data"] if each["id"] != fee["id"]]
    for other, new in zip(others, ids.values(), strict=False):
        items.append({"id": other["id"], "price": new})
    items += [{"price": new} for new in list(ids.values())[len(others) :]]
    return items


def preview(retailer: Retailer, subscription: dict, price: PlanPrice) -> int:
    """What the change costs now, in the currency's smallest unit. Raises `stripe.StripeError`."""
    client = stripe_api.client()
    told = {
        "items": changed_items(client, subscription, price),
        "proration_behavior": "always_invoice",
    }
    invoice = client.v1.invoices.create_preview(
        {
            "customer": subscription["customer"],
            "subscription": subscription["id"],
            "subscription_details": told,
        }
    )
    return invoice.total


def change(retailer: Retailer, subscription: dict, price: PlanPrice, attempt: str) -> None:
    """Another plan or interval from now on; the difference is paid, or credited, at once.

    If the card is refused nothing changes. Raises `stripe.StripeError`, `NotSold`.
    """
    client = stripe_api.client()
    values = {
        "items": changed_items(client, subscription, price),
        "proration_behavior": "always_invoice",
        "payment_behavior": "error_if_incomplete",
    }
    key = f"change:{subscription['id']}:{price.lookup_key}:{attempt}"
    client.v1.subscriptions.update(subscription["id"], values, {"idempotency_key": key})
    fresh(retailer)
