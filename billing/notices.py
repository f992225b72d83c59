"""What owners read about money over each page of their admin."""

from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import schema_context

from integrations.banners import Banner
from tenants.models import Retailer

from . import letters, limits, overrides
from .subscribed import period_of, plan_of, subscription_of

TRIAL_DAYS = 7  # shown from so many days before its end
LIMITS_FOR = 300  # seconds for which counts may be old


def banners(retailer: Retailer) -> list[Banner]:
    """For an owner. A suspended or closed one has a banner of its own: tenants.standing."""
    url = reverse("billing_page")
    if retailer.state == Retailer.State.PAST_DUE:
        until = letters.in_words(letters.pay_until(retailer))
        days = max(0, (letters.pay_until(retailer) - timezone.now()).days)
        words = f"A payment is missing. If it isn't paid by {until}, this account is suspended."
        return [Banner("critical" if days <= 4 else "warning", words, url, "Pay")]
    if not retailer.may_edit:
        return []
    return [*trial(retailer, url), *near_limits(retailer, url)]


def trial(retailer: Retailer, url: str) -> list[Banner]:
    if retailer.state != Retailer.State.TRIAL or subscription_of(retailer) is not None:
        return []
    days = letters.days_of_trial(retailer)
    if days > TRIAL_DAYS:
        return []
    ends = letters.in_words(overrides.trial_ends(retailer))
    left = "ends tomorrow" if days <= 1 else f"ends on {ends}, in {days} days"
    return [Banner("warning", f"Your trial {left}.", url, "Choose a plan")]


def near_limits(retailer: Retailer, url: str) -> list[Banner]:
    """Counted once in five minutes. The cache's keys carry the schema."""
    words = cache.get("billing:limits")
    if words is None:
        words = limit_words(retailer)
        cache.set("billing:limits", words, LIMITS_FOR)
    return [Banner("info", each, url, "Look at plans") for each in words]


def limit_words(retailer: Retailer) -> list[str]:
    with schema_context("public"):
        subscription = subscription_of(retailer)
    plan = plan_of(subscription)
    if plan is None:
        return []
    start, _ = period_of(subscription)
    found = []
    for gauge in limits.gauges(retailer, plan, start):
        label = gauge.label if gauge.label.startswith("CRM") else gauge.label.lower()
        used = f"{gauge.used} of {gauge.limit} {label} of your plan are used."
        if gauge.key == "signups" and gauge.level == "over":
            found.append(f"{used} None is refused; each further one costs a little.")
        elif gauge.level:
            found.append(f"{used} Everything goes on working.")
    return found
