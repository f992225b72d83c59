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
    """The customer, its subscriptions and invoices. Returns whose it is; None if it isn't ours.

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
    invoices = client.v1.invoices.list({"customer": customer_id, "limit": 100}).data
    write(mirror.Customer, customer, key)
    mirror_all(subscriptions, invoices, client, key)
    return retailer


def write(model, fresh, key: str) -> None:
    """Only what differs: most of what an event makes us fetch is known already."""
    data = fresh if isinstance(fresh, dict) else fresh.to_dict()
    known = model.objects.filter(id=data["id"]).values_list("stripe_data", flat=True).first()
    if known != data:
        model.sync_from_stripe_data(fresh, api_key=key)


def head_of(invoice: stripe.Invoice) -> dict:
    """Without its lines and the card: dj-stripe would fetch what they refer to, one by one, inside
    its transaction. And without links, which differ each time one asks.
    """
    nothing = dict.fromkeys(
        ("default_payment_method", "default_source", "hosted_invoice_url", "invoice_pdf")
    )
    return {**invoice.to_dict(), "lines": [], "discounts": [], **nothing}


def customer_is_deleted(customer_id: str, client: stripe.StripeClient, key: str) -> Retailer | None:
    """Stripe cancelled its subscriptions. They are still listed, and any can be fetched by id."""
    known = mirror.Customer.objects.filter(id=customer_id).first()
    if known is None:
        return None
    try:
        subscriptions = list(
            client.v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100}
            ).auto_paging_iter()
        )
        invoices = client.v1.invoices.list({"customer": customer_id, "limit": 100}).data
    except stripe.InvalidRequestError as error:
        if error.code != "resource_missing":
            raise
        subscriptions = [
            client.v1.subscriptions.retrieve(each.id) for each in known.subscriptions.all()
        ]
        invoices = []
    mirror_all(subscriptions, invoices, client, key)
    mirror.Customer.objects.filter(pk=known.pk, date_purged=None).update(
        date_purged=timezone.now(), stripe_data={**known.stripe_data, "deleted": True}
    )
    return known.subscriber


def mirror_all(subscriptions: list, invoices: list, client: stripe.StripeClient, key: str) -> None:
    """Their customer is in the mirror already."""
    mirror_products(subscriptions, client, key)
    for subscription in subscriptions:
        write(mirror.Subscription, subscription, key)
    for invoice in invoices:
        if invoice.status != "draft":
            write(mirror.Invoice, head_of(invoice), key)


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
