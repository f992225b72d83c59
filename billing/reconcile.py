"""Looks at Stripe without being rung: repairs what a lost webhook missed, and says so.

Once an hour for each retailer; what only the calendar brings (a trial's end, reminders) as well.
"""

import stripe
from django.utils import timezone
from djstripe import models as mirror

from tenants.models import Retailer

from . import customers, letters, limits, overrides, state, stripe_api, subscribed, syncing, usage
from .locks import subject_lock
from .models import Checked, Drift, ReceivedEvent

# What is compared: (model, its fields). Others change without meaning anything to us.
COMPARED = (
    (mirror.Customer, ("email", "name", "balance", "delinquent")),
    (mirror.Subscription, ("status", "cancel_at_period_end", "trial_end")),
    (mirror.Invoice, ("status", "amount_due", "amount_remaining", "attempt_count")),
)


def reconcile(retailer: Retailer) -> bool:
    """Bring mirror and state up to what Stripe says now; whether the state changed.

    Call it in the public schema. Raises `stripe.StripeError`, `state.UnknownStatus`,
    `stripe_api.BillingOff`; the failure stands in `Checked`, too.
    """
    try:
        changed = look(retailer)
    except (stripe.StripeError, state.UnknownStatus) as error:
        words = f"{type(error).__name__}: {error}"[:2000]
        Checked.objects.update_or_create(
            retailer=retailer, defaults={"error": words, "at": timezone.now()}
        )
        raise
    Checked.objects.update_or_create(
        retailer=retailer, defaults={"error": "", "at": timezone.now()}
    )
    return changed


def look(retailer: Retailer) -> bool:
    customer = customers.known_customer(retailer)
    if customer is not None:
        with subject_lock(customer.id) as held:
            if not held:
                return False  # an event about it is being answered at this moment
            before = facts(retailer)
            syncing.sync_customer(customer.id)
            # What an event will tell in a moment isn't lost.
            if not ReceivedEvent.objects.waiting().filter(customer=customer.id).exists():
                note(retailer, before, facts(retailer))
        customers.push(retailer)
    changed = state.refresh(retailer, why="the hourly look at Stripe")
    if retailer.state == Retailer.State.CLOSED and retailer.hold == Retailer.Hold.CLOSED:
        cancel_all(retailer)
    if stripe_api.is_on():
        overrides.give_credits(retailer)
        usage.report(retailer)
    letters.remind(retailer)
    if retailer.state != Retailer.State.CLOSED:
        limits.warn(retailer)
    return changed


def facts(retailer: Retailer) -> dict[str, str]:
    """Stripe's id → what the mirror says, as far as it is compared."""
    found = {}
    for model, fields in COMPARED:
        mine = (
            model.objects.filter(subscriber=retailer)
            if model is mirror.Customer
            else model.objects.filter(customer__subscriber=retailer)
        )
        for id, data in mine.values_list("id", "stripe_data"):
            said = {field: data.get(field) for field in fields}
            if model is mirror.Subscription:
                said["prices"] = sorted(item["price"]["id"] for item in data["items"]["data"])
            found[id] = ", ".join(f"{key} {value}" for key, value in said.items())
    return found


def note(retailer: Retailer, ours: dict[str, str], stripes: dict[str, str]) -> None:
    Drift.objects.bulk_create(
        Drift(
            retailer=retailer,
            retailer_name=retailer.name,
            what=id,
            ours=ours.get(id, ""),
            stripes=stripes.get(id, ""),
        )
        for id in sorted(ours.keys() | stripes.keys())
        if ours.get(id) != stripes.get(id)
    )


def cancel_all(retailer: Retailer) -> int:
    """End what a retailer that a person closed still has at Stripe. Raises `stripe.StripeError`."""
    living = subscribed.subscriptions_of(retailer)
    for subscription in living:
        told = {"cancellation_details": {"comment": state.CLOSED_HERE}}
        try:
            stripe_api.client().v1.subscriptions.cancel(subscription["id"], told)
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":  # over already
                raise
    if living:
        syncing.sync_customer(customers.known_customer(retailer).id)
        state.refresh(retailer, why="closed in the console")
    return len(living)
