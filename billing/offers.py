"""Billing's plans, as the public pages and the onboarding form show them."""

from decimal import Decimal

from babel.numbers import format_currency

from tenants.offers import Offer, Offers

from . import plans
from .money import decimals

BEFORE_OTHERS = "eur"


def on_offer(currency: str = "") -> Offers:
    catalogue = plans.catalogue()
    known = catalogue.currencies
    if currency not in known:
        currency = BEFORE_OTHERS if BEFORE_OTHERS in known else known[0]
    return Offers(
        tuple(offer(plan, currency) for plan in catalogue.plans if plan.price(currency, "month")),
        catalogue.trial_days,
    )


def offer(plan: plans.Plan, currency: str) -> Offer:
    price = plan.price(currency, "month")
    beyond = plan.price(currency, "month", metered=True)
    limits = plan.limits
    points = [
        f"{plan.included_signups:,} sign-ups a month",
        f"{limits['tablets']} tablets",
        f"{limits['pages']} sign-up pages",
        f"{limits['connections']} CRM" + ("s" if limits["connections"] > 1 else ""),
    ]
    if beyond:
        points.append(f"{money(beyond.amount, currency)} for each sign-up beyond")
    return Offer(
        plan.key,
        plan.name,
        plan.description,
        money(price.amount, currency),
        "a month",
        tuple(points),
    )


def money(amount: int, currency: str) -> str:
    """2900, "eur" → "€29"; 5, "eur" → "€0.05"."""
    value = Decimal(amount).scaleb(-decimals(currency))
    is_whole = value == value.to_integral_value()
    pattern = "¤#,##0" if is_whole else None
    return format_currency(
        value, currency.upper(), pattern, locale="en", currency_digits=not is_whole
    )
