"""What the operator grants beside the plans: a free account, a longer trial, a credit."""

from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from tenants.audit import record
from tenants.models import Retailer

from . import customers, plans, stripe_api
from .models import Override
from .money import written

Kind = Override.Kind


def end_of(day: date) -> datetime:
    """The moment after the day."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def trial_ends(retailer: Retailer) -> datetime:
    """When the trial is over: that of the plans, or a longer one that was granted."""
    granted = retailer.overrides.in_force().filter(kind=Kind.TRIAL).exclude(until=None)
    ends = [end_of(day) for day in granted.values_list("until", flat=True)]
    return max([plans.trial_ends(retailer), *ends])


def granted_states(retailer: Retailer) -> set:
    """The states that overrides alone would give."""
    kinds = set(retailer.overrides.in_force().values_list("kind", flat=True))
    states = {Kind.FREE: Retailer.State.ACTIVE, Kind.TRIAL: Retailer.State.TRIAL}
    return {state for kind, state in states.items() if kind in kinds}


def grant(
    retailer: Retailer,
    kind: str,
    *,
    reason: str,
    by: str,
    until: date | None = None,
    amount: int | None = None,
    currency: str = "",
) -> Override:
    """Written down with an audit entry. A credit goes to Stripe by `give_credits`."""
    with transaction.atomic():
        made = Override.objects.create(
            retailer=retailer,
            kind=kind,
            until=until,
            amount=amount,
            currency=currency,
            reason=reason,
            by=by,
        )
        after = written(amount, currency) if amount else f"until {until}" if until else "no end"
        record(retailer, made.get_kind_display().lower(), reason, by=by, after=after)
    return made


def end(override: Override, by: str) -> None:
    """Take it back from now on. A credit that Stripe has can't be taken back here."""
    if override.kind == Kind.CREDIT and override.given_at:
        raise ValueError("Stripe has this credit already.")
    with transaction.atomic():
        override.ended_at = timezone.now()
        override.save(update_fields=["ended_at"])
        record(override.retailer, f"{override.get_kind_display().lower()} ended", by=by)


def give_credits(retailer: Retailer) -> int:
    """Hand granted credits to Stripe: they pay the next invoices. Returns how many.

    Raises `stripe.StripeError`; the hourly look tries again with the same idempotency key.
    """
    given = 0
    waiting = retailer.overrides.filter(kind=Kind.CREDIT, given_at=None, ended_at=None)
    for credit in waiting.order_by("pk"):
        customer = customers.ensure_customer(retailer)
        values = {
            "amount": -credit.amount,
            "currency": credit.currency,
            "description": credit.reason[:350],
        }
        key = f"credit:{retailer.schema_name}:{credit.pk}"
        stripe_api.client().v1.customers.balance_transactions.create(
            customer.id, values, {"idempotency_key": key}
        )
        credit.given_at = timezone.now()
        credit.save(update_fields=["given_at"])
        given += 1
    return given
