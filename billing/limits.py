"""What a plan includes beside what is used. Limits warn in banners and mails, and refuse nobody."""

from dataclasses import dataclass
from datetime import datetime

from django_tenants.utils import tenant_context

from forms_app.models import SignupPage, Tablet
from integrations import mail
from integrations.models import Connection
from tenants.models import Retailer

from . import usage
from .plans import Plan
from .subscribed import period_of, plan_of, subscription_of

NEAR, REACHED = 80, 100  # per cent

mail.declare(
    "limit_near",
    "Most of what the plan includes is used",
    what="sign-ups",
    used=410,
    limit=500,
    plan="Starter",
    percent=82,
    is_signups=True,
)
mail.declare(
    "limit_reached",
    "All that the plan includes is used",
    what="tablets",
    used=2,
    limit=2,
    plan="Starter",
    percent=100,
    is_signups=False,
)


@dataclass(frozen=True)
class Gauge:
    """One thing that a plan limits."""

    key: str
    label: str
    used: int
    limit: int

    @property
    def percent(self) -> int:
        return 100 * self.used // self.limit if self.limit else 0

    @property
    def width(self) -> int:
        """Of the picture, which has an end."""
        return min(100, self.percent)

    @property
    def is_news(self) -> bool:
        """Worth a word. Whoever has the one connection of their plan knows that it is one."""
        return self.percent >= NEAR and not self.used == self.limit == 1

    @property
    def level(self) -> str:
        if not self.is_news:
            return ""
        return "over" if self.percent >= REACHED else "near"


def gauges(retailer: Retailer, plan: Plan, start: datetime) -> list[Gauge]:
    """Sign-ups since `start`, and what there is now."""
    signups = usage.count_since(retailer, start)
    with tenant_context(retailer):
        there = {
            "pages": SignupPage.objects.live().count(),
            "tablets": Tablet.objects.filter(revoked_at=None).count(),
            "connections": Connection.objects.exclude(state=Connection.State.OFF).count(),
        }
    labels = {"pages": "Sign-up pages", "tablets": "Tablets", "connections": "CRM connections"}
    return [
        Gauge("signups", "Sign-ups", signups, plan.included_signups),
        *(Gauge(key, labels[key], used, plan.limits[key]) for key, used in there.items()),
    ]


def warn(retailer: Retailer) -> int:
    """Mails for what is near its limit, and beyond: once each a period. How many were written."""
    subscription = subscription_of(retailer)
    plan = plan_of(subscription)
    if plan is None:
        return 0
    start, _ = period_of(subscription)
    written = 0
    for gauge in gauges(retailer, plan, start):
        if not gauge.is_news:
            continue
        kind = "limit_reached" if gauge.percent >= REACHED else "limit_near"
        is_signups = gauge.key == "signups"
        since = f"{start:%Y-%m-%d}" if is_signups else str(gauge.limit)
        context = {
            "what": "sign-ups" if is_signups else gauge.label.lower().replace("crm", "CRM"),
            "used": gauge.used,
            "limit": gauge.limit,
            "plan": plan.name,
            "percent": gauge.percent,
            "is_signups": is_signups,
        }
        with tenant_context(retailer):
            once = f"{kind}:{gauge.key}:{plan.key}:{since}"
            written += mail.mail_owners(kind, context, once=once)
    return written
