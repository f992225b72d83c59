"""What the mirror says a retailer has: subscription, plan, period."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from djstripe import models as mirror

from tenants.models import Retailer

from . import plans, stripe_api

LIVING = ("trialing", "active", "past_due", "unpaid", "paused")


def subscriptions_of(retailer: Retailer) -> list[dict]:
    """Stripe's data of all that aren't over, the newest first."""
    found = mirror.Subscription.objects.filter(
        customer__subscriber=retailer, livemode=stripe_api.live_mode()
    ).values_list("stripe_data", flat=True)
    living = [each for each in found if each["status"] in LIVING]
    return sorted(living, key=lambda each: each["created"], reverse=True)


def subscription_of(retailer: Retailer) -> dict | None:
    """The one that counts."""
    return next(iter(subscriptions_of(retailer)), None)


def fee_item(subscription: dict) -> dict:
    """The item that is the plan's own price; the other one is usage."""
    items = subscription["items"]["data"]
    fees = [item for item in items if item["price"]["recurring"]["usage_type"] != "metered"]
    return (fees or items)[0]


def plan_of(subscription: dict | None) -> plans.Plan | None:
    """By the product that we named ourselves; None for a plan that is no longer in plans.toml."""
    if subscription is None:
        return None
    product = fee_item(subscription)["price"]["product"]
    return next((one for one in plans.catalogue().plans if one.product_id == product), None)


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def period_of(subscription: dict | None) -> tuple[datetime, datetime]:
    """What is used is counted from … to before …: the paid period, else the calendar month.

    Of a year that is paid for at once, the month in it that runs now: plans include so much a
    month.
    """
    now = timezone.now()
    if subscription is not None:
        item = fee_item(subscription)
        start, end = moment(item["current_period_start"]), moment(item["current_period_end"])
        if start <= now < end:
            if item["price"]["recurring"]["interval"] == "month":
                return start, end
            months = (now - start) // timedelta(days=30)
            first = start + timedelta(days=30) * months
            return first, min(first + timedelta(days=30), end)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, (first + timedelta(days=32)).replace(day=1)
