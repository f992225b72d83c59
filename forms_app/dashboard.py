"""What the retailer sees after logging in: how many signed up, and whether all of it arrived."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Min, Q
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone
from wagtail.admin.ui.components import Component

from integrations.models import Connection, Delivery

from .opening_hours import presence
from .pages import SignupPage
from .signups import Signup
from .tablets import Tablet
from .versions import FormVersion

DAYS = 30
WIDTH, HEIGHT, GAP = 720, 120, 4  # of the picture, in its own units


@dataclass(frozen=True)
class Bar:
    """One day of the picture."""

    day: datetime.date
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Step:
    """One thing that a new retailer has to do."""

    done: bool
    text: str
    url: str


def bars(counts: Mapping[datetime.date, int], last: datetime.date) -> list[Bar]:
    """A bar for each of the last DAYS days, the tallest as high as the picture."""
    days = [last - datetime.timedelta(days=back) for back in reversed(range(DAYS))]
    most = max([counts.get(day, 0) for day in days] + [1])
    step = WIDTH / DAYS
    found = []
    for number, day in enumerate(days):
        height = round(HEIGHT * counts.get(day, 0) / most, 1)
        # A day without sign-ups has a line on the ground, so that one sees that it was counted.
        height = max(height, 1)
        found.append(
            Bar(
                day,
                counts.get(day, 0),
                round(number * step + GAP / 2, 1),
                HEIGHT - height,
                round(step - GAP, 1),
                height,
            )
        )
    return found


def signups_per_day(since: datetime.datetime) -> dict[datetime.date, int]:
    rows = (
        Signup.objects.filter(received_at__gte=since, is_test=False)
        .annotate(day=TruncDate("received_at"))
        .values("day")
        .annotate(count=Count("pk"))
        .order_by("day")
    )
    return {row["day"]: row["count"] for row in rows}


def signups_per_store(since: datetime.datetime) -> list[tuple[str, int]]:
    """(store, sign-ups), most first; nothing while nobody has told stores apart."""
    rows = (
        Signup.objects.filter(received_at__gte=since, is_test=False)
        .values("store__name")
        .annotate(count=Count("pk"))
        .order_by("-count", "store__name")
    )
    found = [(row["store__name"] or "No store", row["count"]) for row in rows]
    return [] if found and found[0][0] == "No store" and len(found) == 1 else found


def deliveries(since: datetime.datetime) -> dict[str, Any]:
    """How much has arrived in the CRMs: `share` in per cent (None: nothing to deliver)."""
    counts = Delivery.objects.filter(created_at__gte=since).aggregate(
        total=Count("pk"), arrived=Count("pk", filter=Q(state=Delivery.State.DELIVERED))
    )
    waiting = Delivery.objects.exclude(state=Delivery.State.DELIVERED).aggregate(
        stuck=Count("pk", filter=Q(state=Delivery.State.NEEDS_ATTENTION)),
        oldest=Min("created_at", filter=Q(state__in=Delivery.OPEN)),
    )
    total, arrived = counts["total"], counts["arrived"]
    # 100 only when it is all of it: nobody should be told that while one is missing.
    share = None if not total else 100 if arrived == total else min(99, 100 * arrived // total)
    return {"share": share, **waiting}


def first_steps() -> list[Step]:
    return [
        Step(
            FormVersion.objects.filter(number__gt=1).exists() or SignupPage.objects.count() > 1,
            "Make the sign-up page your own",
            reverse("signup_pages"),
        ),
        Step(
            Connection.objects.exclude(state=Connection.State.OFF).exists(),
            "Connect your CRM",
            reverse("crm:index"),
        ),
        Step(
            paired_tablets().exists(),
            "Pair a tablet",
            reverse("tablets:index"),
        ),
        Step(
            Signup.objects.exists(), "Sign up yourself, to see it arrive", reverse("signups:index")
        ),
    ]


def paired_tablets():
    return Tablet.objects.filter(revoked_at=None).select_related("store")


class Dashboard(Component):
    template_name = "forms_app/admin/dashboard.html"

    class Media:
        css = {"all": ["forms_app/dashboard.css"]}

    order = 50

    def get_context_data(self, parent_context: Mapping[str, Any]) -> dict[str, Any]:
        today = timezone.localdate()
        since = timezone.make_aware(
            datetime.datetime.combine(today - datetime.timedelta(days=DAYS - 1), datetime.time.min)
        )
        counts = signups_per_day(since)
        steps = first_steps()
        return {
            "bars": bars(counts, today),
            "width": WIDTH,
            "height": HEIGHT,
            "total": sum(counts.values()),
            "today": counts.get(today, 0),
            "most": max([*counts.values(), 0]),
            "stores": signups_per_store(since),
            "deliveries": deliveries(since),
            "offline_tablets": sum(presence(tablet) == "offline" for tablet in paired_tablets()),
            "tablets_url": reverse("tablets:index"),
            "kept_aside": Signup.objects.exclude(problem="").count(),
            "steps": [] if all(step.done for step in steps) else steps,
            "list_url": reverse("signups:index"),
            "request": parent_context["request"],
        }
