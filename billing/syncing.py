"""Brings the mirror (dj-stripe's tables) up to what Stripe says now.

Everything is fetched afresh and before it is written: an event only says where to look.
"""

import stripe
from django.utils import timezone
from djstripe import models as mirror

from tenants.models import Retailer

from . import stripe_api
from .customers import retailer_of

# Objects without a customer that are worth mirroring: object type → dj-stripe's model.
CATALOGUE = {"product": mirror.Product, "price": mirror.Price}


def sync_customer(customer_id: str) -> Retailer | None:
    """The customer with all its subscriptions. Returns whose it is; None if it isn't ours.

    Customers of other businesses in the same Stripe account stay out of our database.
    Raises `stripe.StripeError`.
    """
    client, key = stripe_api.client(), stripe_api.secret_key()
    try:
        customer = client.v1.customers.retrieve(customer_id)
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            raise
        return None
    if getattr(customer, "deleted", False):
        return customer_is_deleted(customer_id, client, key)
    retailer = retailer_of(customer.metadata.to_dict() if customer.metadata else {})
    if retailer is None:
        return None
    subscriptions = list(
        client.v1.subscriptions.list(
            {"customer": customer_id, "status": "all", "limit": 100}
        ).auto_paging_iter()
    )
    mirror_products(subscriptions, client, key)
    mirror.Customer.sync_from_stripe_data(customer, api_key=key)
    for subscription in subscriptions:
        mirror.Subscription.sync_from_stripe_data(subscription, api_key=key)
    return retailer


def customer_is_deleted(customer_id: str, client: stripe.StripeClient, key: str) -> Retailer | None:
    """Stripe cancelled its subscriptions; they can still be fetched one by one."""
    known = mirror.Customer.objects.filter(id=customer_id).first()
    if known is None:
        return None
    for subscription in known.subscriptions.all():
        fresh = client.v1.subscriptions.retrieve(subscription.id)
        mirror.Subscription.sync_from_stripe_data(fresh, api_key=key)
    mirror.Customer.objects.filter(pk=known.pk, date_purged=None).update(
        date_purged=timezone.now(), stripe_data={**known.stripe_data, "deleted": True}
    )
    return known.subscriber


def mirror_products(subscriptions: list, client: stripe.StripeClient, key: str) -> None:
    """Products that the mirror lacks.

    dj-stripe would fetch them itself while it writes the subscription, inside its transaction.
    """
    wanted = {item.price.product for each in subscriptions for item in each["items"].data}
    known = mirror.Product.objects.filter(id__in=wanted).values_list("id", flat=True)
    for product_id in sorted(wanted - set(known)):
        product = client.v1.products.retrieve(product_id)
        mirror.Product.sync_from_stripe_data(product, api_key=key)


def sync_catalogue(object_type: str, object_id: str) -> None:
    """A product or a price; others are none of our business. Raises `stripe.StripeError`."""
    model = CATALOGUE.get(object_type)
    if model is None or not object_id:
        return
    client, key = stripe_api.client(), stripe_api.secret_key()
    service = client.v1.products if object_type == "product" else client.v1.prices
    try:
        fresh = service.retrieve(object_id)
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            raise
        fresh = None
    if fresh is None or getattr(fresh, "deleted", False):
        model.objects.filter(id=object_id).delete()
        return
    model.sync_from_stripe_data(fresh, api_key=key)
