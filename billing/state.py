"""From Stripe's subscriptions to what the retailer is billed as."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from djstripe import models as mirror

from tenants import lifecycle
from tenants.models import Retailer

from . import overrides, stripe_api
from .owed import owed_since

State = Retailer.State

# Stripe's statuses (https://docs.stripe.com/api/subscriptions/object#subscription_object-status)
# and what each means here. None: the subscription never began, so it says nothing.
STATE_OF_STATUS = {
    "trialing": State.TRIAL,
    "active": State.ACTIVE,
    "past_due": State.PAST_DUE,  # Stripe still retries
    "unpaid": State.SUSPENDED,  # Stripe gave up, invoices stay open
    "paused": State.SUSPENDED,  # a trial ended without a card
    "canceled": State.CLOSED,  # at the end of the period that was paid for
    "incomplete": None,  # the first payment is under way
    "incomplete_expired": None,  # and failed for 23 hours
}
# A subscription that Stripe itself cancelled over money: the retailer didn't ask to leave, may pay
# and come back, and nothing of it may be deleted.
OVER_MONEY = frozenset({"payment_failed", "payment_disputed"})
# What we tell Stripe when a person closes a retailer: if it is opened again, it may pay again.
CLOSED_HERE = "Closed in the operator's console"

# With several subscriptions the best one counts: who pays for one of them is a customer.
BEST_FIRST = (State.ACTIVE, State.TRIAL, State.PAST_DUE, State.SUSPENDED, State.CLOSED)


class UnknownStatus(ValueError):
    """Stripe has a status that this code doesn't know. Better no change than a guess."""


def state_of(subscription: Mapping) -> State | None:
    """What one subscription says; None if it never began. Raises `UnknownStatus`."""
    status = subscription["status"]
    if status not in STATE_OF_STATUS:
        raise UnknownStatus(f"{subscription.get('id')} is {status!r}.")
    details = subscription.get("cancellation_details") or {}
    if status == "canceled" and (
        details.get("reason") in OVER_MONEY or details.get("comment") == CLOSED_HERE
    ):
        return State.SUSPENDED
    return STATE_OF_STATUS[status]


def derive_state(
    subscriptions: Iterable[Mapping],
    trial_ends: datetime | None,
    now: datetime,
    owed: Mapping[str, datetime] | None = None,
    granted: Collection[State] = (),
) -> State:
    """The retailer's state, from Stripe's data of its subscriptions (in any order) alone.

    `trial_ends` is the end of the trial that began with onboarding, without Stripe; None is a
    trial without an end. It counts until a subscription has begun. `owed`: since when, by
    subscription. `granted`: what the operator's overrides say. Raises `UnknownStatus`.
    """
    patience = timedelta(days=settings.PAST_DUE_DAYS)
    said = {*granted}
    for subscription in subscriptions:
        state = state_of(subscription)
        since = (owed or {}).get(subscription.get("id", ""))
        if state == State.PAST_DUE and since and since + patience <= now:
            state = State.SUSPENDED  # longer than we wait, whatever Stripe still tries
        said.add(state)
    said.discard(None)
    for state in BEST_FIRST:
        if state in said:
            return state
    return State.TRIAL if trial_ends is None or now < trial_ends else State.SUSPENDED


def refresh(retailer: Retailer, why: str) -> bool:
    """Derive the retailer's state from the mirror and write it; whether it changed.

    Raises `UnknownStatus`, `lifecycle.NotNow`; then nothing is written.
    """
    with transaction.atomic():
        # The row first: of two at once, the second derives from what the first one saw, and later.
        locked = Retailer.objects.select_for_update().get(pk=retailer.pk)
        subscriptions = mirror.Subscription.objects.filter(
            customer__subscriber=locked, livemode=stripe_api.live_mode()
        ).values_list("stripe_data", flat=True)
        state = derive_state(
            subscriptions,
            overrides.trial_ends(locked),
            timezone.now(),
            owed_since(locked),
            overrides.granted_states(locked),
        )
        return lifecycle.bill(retailer, state, why)
