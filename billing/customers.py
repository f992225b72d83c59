"""A retailer's customer at Stripe: made once, found ever after."""

import hashlib
import json

from djstripe import models as mirror

from tenants.models import Retailer

from . import stripe_api


class NotBilled(Exception):
    """The template of new retailers isn't anybody's customer."""


def metadata(retailer: Retailer) -> dict[str, str]:
    """What ties Stripe's customer to the retailer.

    `retailer` is the key that dj-stripe links by (DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY). The schema
    stands beside it because it is never used twice, while another installation that shares a test
    account has a retailer with the same number.
    """
    return {"retailer": str(retailer.pk), "schema": retailer.schema_name}


def retailer_of(customer_metadata: dict) -> Retailer | None:
    """Whose customer it is, or None if it isn't one of ours."""
    number, schema = customer_metadata.get("retailer", ""), customer_metadata.get("schema", "")
    if not (str(number).isascii() and str(number).isdigit() and len(str(number)) < 19):
        return None
    return (
        Retailer.objects.exclude(state=Retailer.State.TEMPLATE)
        .filter(pk=int(number), schema_name=schema)
        .first()
    )


def known_customer(retailer: Retailer) -> mirror.Customer | None:
    """From the mirror: the oldest that wasn't deleted, in the mode of our key."""
    return (
        mirror.Customer.objects.filter(
            subscriber=retailer, livemode=stripe_api.live_mode(), date_purged=None
        )
        .order_by("created", "djstripe_id")
        .first()
    )


def ensure_customer(retailer: Retailer) -> mirror.Customer:
    """The retailer's customer, made at Stripe if there is none.

    Repeats and races make no second one: the mirror is looked at first, then Stripe's own list
    (an earlier call may have died after Stripe's answer), and creating carries an idempotency key.
    Raises `stripe.StripeError`, `stripe_api.BillingOff`, `NotBilled`.
    """
    if retailer.state == Retailer.State.TEMPLATE:
        raise NotBilled(str(retailer))
    if customer := known_customer(retailer):
        return customer
    stripe = stripe_api.client()
    # Listed by e-mail, because search lags behind by up to a minute and this list doesn't:
    # https://docs.stripe.com/search#data-freshness
    same_email = stripe.v1.customers.list({"email": retailer.owner_email, "limit": 100})
    wanted = metadata(retailer)
    found = next(
        (
            customer
            for customer in same_email.auto_paging_iter()
            if wanted.items() <= customer.metadata.to_dict().items()
        ),
        None,
    )
    if found is None:
        values = {"email": retailer.owner_email, "name": retailer.name, "metadata": wanted}
        found = stripe.v1.customers.create(
            values, {"idempotency_key": creation_key(retailer, values)}
        )
    return mirror.Customer.sync_from_stripe_data(found, api_key=stripe_api.secret_key())


def push(retailer: Retailer) -> bool:
    """Tell Stripe the retailer's name and e-mail where they differ. Raises `stripe.StripeError`."""
    customer = known_customer(retailer)
    if customer is None:
        return False
    wanted = {"email": retailer.owner_email, "name": retailer.name}
    if {key: customer.stripe_data.get(key) for key in wanted} == wanted:
        return False
    fresh = stripe_api.client().v1.customers.update(customer.id, wanted)
    mirror.Customer.sync_from_stripe_data(fresh, api_key=stripe_api.secret_key())
    return True


def creation_key(retailer: Retailer, values: dict) -> str:
    """The same for two calls at once, another one after a customer was deleted.

    Stripe answers a repeated key with the first answer for at least 24 hours, even if what it made
    is gone since; and refuses it beside other values.
    """
    deleted = mirror.Customer.objects.filter(subscriber=retailer).exclude(date_purged=None)
    facts = [values, sorted(deleted.values_list("id", flat=True))]
    return f"customer:{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()}"
