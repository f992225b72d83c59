"""Real sign-ups per day, counted here and told to Stripe's meter.

A day's count only grows: what a retailer erases later was used nevertheless. The meter takes the
last report about a day (meters.py), so that telling it twice, or again with more, is harmless.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import stripe
from django.db.models import F, Q
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app.models import Signup
from tenants.models import Retailer

from . import customers, meters, stripe_api
from .models import Drift, UsageDay

DAYS_BACK = 33  # Stripe takes reports about the last 35 days


def real_signups():
    """In the retailer's schema: no tests, nothing by robots. A repeat isn't a row of its own."""
    return Signup.objects.filter(is_test=False).exclude(problem="robot")


def count_since(retailer: Retailer, start: datetime) -> int:
    with tenant_context(retailer):
        return real_signups().filter(received_at__gte=start).count()


def today() -> date:
    return timezone.now().astimezone(UTC).date()


def count_days(retailer: Retailer) -> None:
    """Write the counts of the last days into UsageDay."""
    first = today() - timedelta(days=DAYS_BACK)
    since = datetime.combine(first, time(), UTC)
    with tenant_context(retailer):
        received = real_signups().filter(received_at__gte=since)
        moments = received.values_list("received_at", flat=True)
        counts = Counter(at.astimezone(UTC).date() for at in moments.iterator())
    known = dict(
        UsageDay.objects.filter(retailer=retailer, day__gte=first).values_list("day", "count")
    )
    for day, count in counts.items():
        if count > known.get(day, 0):
            UsageDay.objects.update_or_create(retailer=retailer, day=day, defaults={"count": count})


def report(retailer: Retailer) -> int:
    """Count, and tell Stripe each day that it doesn't know yet; how many. Raises StripeError."""
    count_days(retailer)
    customer = customers.known_customer(retailer)
    if customer is None:
        return 0
    first = today() - timedelta(days=DAYS_BACK)
    new = UsageDay.objects.filter(retailer=retailer, day__gte=first).filter(
        Q(reported=None) | ~Q(reported=F("count"))
    )
    told = 0
    for usage in new.order_by("day"):
        tell(usage, customer.id)
        UsageDay.objects.filter(pk=usage.pk).update(reported=usage.count)
        told += 1
    return told


def tell(usage: UsageDay, customer: str) -> None:
    noon = datetime.combine(usage.day, time(12), UTC)
    event = {
        "event_name": meters.EVENT,
        "payload": {"stripe_customer_id": customer, "value": str(usage.count)},
        "identifier": f"{usage.retailer.schema_name}:{usage.day}:{usage.count}",
        "timestamp": int(min(noon, timezone.now()).timestamp()),
    }
    try:
        stripe_api.client().v1.billing.meter_events.create(event)
    except stripe.InvalidRequestError as error:
        if "already exists" not in str(error):  # an earlier call was carried out, its answer lost
            raise


def compare(retailer: Retailer, first: date, after: date) -> list[Drift]:
    """Our days from `first` to before `after` beside Stripe's; what differs is told again.

    Raises `stripe.StripeError`.
    """
    customer = customers.known_customer(retailer)
    meter = meters.find(stripe_api.client()) if customer else ""
    if not meter:
        return []
    days = UsageDay.objects.filter(retailer=retailer, day__gte=first, day__lt=after)
    ours = {day: count for day, count in days.values_list("day", "reported") if count}
    start, end = (int(datetime.combine(day, time(), UTC).timestamp()) for day in (first, after))
    summaries = stripe_api.client().v1.billing.meters.event_summaries.list(
        meter,
        {
            "customer": customer.id,
            "start_time": start,
            "end_time": end,
            "value_grouping_window": "day",
            "limit": 100,
        },
    )
    stripes = {
        datetime.fromtimestamp(each.start_time, UTC).date(): int(each.aggregated_value)
        for each in summaries.auto_paging_iter()
    }
    found = [
        Drift.objects.create(
            retailer=retailer,
            retailer_name=retailer.name,
            what=f"usage {day}",
            ours=str(ours.get(day, 0)),
            stripes=str(stripes.get(day, 0)),
        )
        for day in sorted(ours.keys() | stripes.keys())
        if ours.get(day, 0) != stripes.get(day, 0)
    ]
    differing = [date.fromisoformat(drift.what.removeprefix("usage ")) for drift in found]
    days.filter(day__in=differing).update(reported=None)  # the next report tells them again
    return found
