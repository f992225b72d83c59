"""Since when a retailer owes: by the mirror's invoices that Stripe couldn't collect."""

from datetime import UTC, datetime

from djstripe import models as mirror

from tenants.models import Retailer

from . import stripe_api

WORDS = {"paid": "Paid", "open": "Open", "void": "Cancelled", "uncollectible": "Given up"}


def in_plain_words(status: str) -> str:
    """Of an invoice; as it stands where Stripe has a new one."""
    return WORDS.get(status, status)


def invoices_of(retailer: Retailer):
    return mirror.Invoice.objects.filter(
        customer__subscriber=retailer, livemode=stripe_api.live_mode()
    )


def subscription_of(invoice: dict) -> str:
    """Where Stripe's versions have kept it."""
    parent = (invoice.get("parent") or {}).get("subscription_details") or {}
    return parent.get("subscription") or invoice.get("subscription") or ""


def open_invoices(retailer: Retailer) -> list[dict]:
    """Tried and not paid, the oldest first."""
    found = [
        data
        for data in invoices_of(retailer).values_list("stripe_data", flat=True)
        if data["status"] == "open" and data["attempt_count"] and data["amount_remaining"]
    ]
    return sorted(found, key=lambda data: data["created"])


def owed_since(retailer: Retailer) -> dict[str, datetime]:
    """Subscription → when its oldest unpaid invoice was made."""
    since: dict[str, datetime] = {}
    for invoice in open_invoices(retailer):
        at = datetime.fromtimestamp(invoice["created"], UTC)
        since.setdefault(subscription_of(invoice), at)
    return since
