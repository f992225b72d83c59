"""What the operator earns and loses, from the mirror. Money stays apart by currency."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone
from djstripe import models as mirror

from tenants.models import Retailer

from . import plans, stripe_api
from .money import written
from .subscribed import fee_item, moment

MONTHS = 12
State = Retailer.State


@dataclass(frozen=True)
class Sold:
    """One subscription: what it brings a month while it is paid for."""

    retailer_id: int
    status: str
    currency: str
    monthly: int  # smallest unit; a year's price by twelve
    began: datetime
    ended: datetime | None

    @property
    def pays(self) -> bool:
        return self.status in ("active", "past_due")

    def paid_at(self, at: datetime) -> bool:
        return self.began <= at and (self.ended is None or at < self.ended)


@dataclass
class Month:
    """`first` is its first day; revenue as it stood at its end, or now."""

    first: datetime
    end: datetime
    began: int = 0
    ended: int = 0
    revenue: Counter = field(default_factory=Counter)  # currency → amount


@dataclass(frozen=True)
class Bar:
    month: datetime
    x: int
    height: int  # per cent of the highest
    amount: str


@dataclass(frozen=True)
class Rate:
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def percent(self) -> str:
        return f"{100 * self.part // self.whole} %" if self.whole else "–"


def sold() -> list[Sold]:
    """All subscriptions that ever began, in the mode of our key."""
    rows = mirror.Subscription.objects.filter(
        livemode=stripe_api.live_mode(), customer__subscriber__isnull=False
    ).values_list("customer__subscriber", "stripe_data")
    return [
        read(retailer, data)
        for retailer, data in rows
        if data["status"] not in ("incomplete", "incomplete_expired")
    ]


def read(retailer_id: int, data: dict) -> Sold:
    price = fee_item(data)["price"]
    months = plans.INTERVALS.get(price["recurring"]["interval"], 1)
    # Paid for from the end of Stripe's trial on.
    began = data.get("trial_end") or data["start_date"]
    ended = data.get("ended_at")
    return Sold(
        retailer_id,
        data["status"],
        price["currency"],
        (price["unit_amount"] or 0) // months,
        moment(began),
        moment(ended) if ended else None,
    )


def recurring(subscriptions: Iterable[Sold]) -> dict[str, int]:
    """Monthly recurring revenue now, by currency."""
    total: Counter = Counter()
    for each in subscriptions:
        if each.pays:
            total[each.currency] += each.monthly
    return dict(sorted(total.items()))


def months(subscriptions: list[Sold], now: datetime | None = None) -> list[Month]:
    """The last MONTHS of them, the oldest first."""
    now = now or timezone.now()
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found: list[Month] = []
    end = now + timedelta(seconds=1)  # what began at this moment counts
    for _ in range(MONTHS):
        month = Month(first, end)
        for each in subscriptions:
            month.began += first <= each.began < end
            month.ended += bool(each.ended and first <= each.ended < end)
            unpaid = each.status in ("unpaid", "paused")
            if each.paid_at(end - timedelta(seconds=1)) and not unpaid:
                month.revenue[each.currency] += each.monthly
        found.append(month)
        end = first
        first = (first - timedelta(days=1)).replace(day=1)
    return found[::-1]


def bars(found: list[Month]) -> dict[str, list[Bar]]:
    """Currency → the picture of its revenue."""
    currencies = sorted({currency for month in found for currency in month.revenue})
    drawn = {}
    for currency in currencies:
        most = max(month.revenue[currency] for month in found) or 1
        drawn[currency] = [
            Bar(
                month.first,
                10 * number,
                100 * month.revenue[currency] // most,
                written(month.revenue[currency], currency),
            )
            for number, month in enumerate(found)
        ]
    return drawn


def conversion(subscriptions: list[Sold], days: int = 90) -> Rate:
    """Of the trials that ended in so many days, those that became a paid subscription."""
    now = timezone.now()
    length = timedelta(days=plans.catalogue().trial_days)
    ended = Retailer.objects.exclude(state=State.TEMPLATE).filter(
        created_at__gt=now - length - timedelta(days=days), created_at__lte=now - length
    )
    bought = {each.retailer_id for each in subscriptions}
    ids = list(ended.values_list("pk", flat=True))
    return Rate(sum(pk in bought for pk in ids), len(ids))


def churn(subscriptions: list[Sold], days: int = 30) -> Rate:
    """Of those that paid so many days ago, those that have left since."""
    now = timezone.now()
    then = now - timedelta(days=days)
    before = [each for each in subscriptions if each.paid_at(then)]
    return Rate(sum(1 for each in before if each.ended and each.ended <= now), len(before))


def owing() -> list[dict]:
    """Open invoices that Stripe couldn't collect: the oldest first."""
    found = []
    rows = mirror.Invoice.objects.filter(
        livemode=stripe_api.live_mode(), customer__subscriber__isnull=False
    ).values_list("customer__subscriber", "stripe_data")
    names = defaultdict(str, Retailer.objects.values_list("pk", "name"))
    for retailer, data in rows:
        if data["status"] == "open" and data["attempt_count"]:
            found.append(
                {
                    "pk": retailer,
                    "retailer": names[retailer],
                    "number": data["number"],
                    "amount": written(data["amount_remaining"], data["currency"]),
                    "since": moment(data["created"]),
                    "tries": data["attempt_count"],
                }
            )
    return sorted(found, key=lambda row: row["since"])
