"""Where Stripe delivers its events: the webhook endpoint, registered by setup_stripe."""

from dataclasses import dataclass

import stripe
from django.conf import settings

# What changes customers, subscriptions, invoices and what is sold.
EVENTS = [
    *("customer.created", "customer.updated", "customer.deleted"),
    *("customer.subscription.created", "customer.subscription.updated"),
    *("customer.subscription.deleted", "customer.subscription.paused"),
    "customer.subscription.resumed",
    *("invoice.finalized", "invoice.paid", "invoice.payment_failed", "invoice.voided"),
    *("invoice.marked_uncollectible", "invoice.updated", "checkout.session.completed"),
    *("product.created", "product.updated", "product.deleted"),
    *("price.created", "price.updated", "price.deleted"),
]
MARK = {"managed_by": "setup_stripe"}


@dataclass(frozen=True)
class Endpoint:
    """`secret` is shown by Stripe when it is made, and never again."""

    id: str
    url: str
    secret: str = ""
    was_mended: bool = False


def address() -> str:
    port = f":{settings.BASE_PORT}" if settings.BASE_PORT else ""
    return f"{settings.BASE_SCHEME}://{settings.OPERATOR_HOST}{port}/stripe/webhook/"


def ensure(client: stripe.StripeClient, url: str) -> Endpoint:
    """Register it, or mend what is registered. Raises `stripe.StripeError`."""
    for each in client.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter():
        if each.url == url:
            wanted = set(EVENTS)
            is_right = wanted <= set(each.enabled_events) or each.enabled_events == ["*"]
            if not is_right:
                values = {"enabled_events": sorted(wanted | set(each.enabled_events))}
                client.v1.webhook_endpoints.update(each.id, values)
            return Endpoint(each.id, url, was_mended=not is_right)
    values = {
        "url": url,
        "enabled_events": EVENTS,
        "description": "CustomerInfo",
        "metadata": MARK,
    }
    made = client.v1.webhook_endpoints.create(values)
    return Endpoint(made.id, url, secret=made.secret)
