"""What becomes of a retailer: one table says what may be done when, one function writes it.

Two say what a retailer's state is. Billing derives `billed_state` from Stripe, again and again;
a person may put a `hold` on top of it, which stays until a person takes it away. So a payment never
undoes what the operator decided, and lifting a hold never forgives a bill.

    billed \\ hold │ none       suspended   closed
    trial … past due│ as billed  suspended   closed
    suspended      │ suspended  suspended   closed
    closed         │ closed     closed      closed
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from .audit import record
from .models import Retailer

State, Hold = Retailer.State, Retailer.Hold

# Sent in the transaction that changes a state, with `retailer` (as it is now), `before`, `action`
# (one of ACTIONS, or "billing") and `why`.
state_changed = Signal()

BILLED = frozenset({State.TRIAL, State.ACTIVE, State.PAST_DUE, State.SUSPENDED, State.CLOSED})
OPEN = BILLED - {State.CLOSED}


class NotNow(Exception):
    """The retailer is in a state (`str`: in words) in which this can't be done."""


@dataclass(frozen=True)
class Action:
    """`states`: where it may be done. `hold`: None or the one that must be there for it."""

    label: str
    states: frozenset
    then: Hold
    hold: Hold | None = None


# What a person may do. What Stripe says comes through `bill` and is always taken.
ACTIONS = {
    "suspend": Action("Suspend", OPEN - {State.SUSPENDED}, then=Hold.SUSPENDED),
    "resume": Action("Resume", frozenset({State.SUSPENDED}), then=Hold.NONE, hold=Hold.SUSPENDED),
    "close": Action("Close", OPEN, then=Hold.CLOSED),
    "reopen": Action("Reopen", frozenset({State.CLOSED}), then=Hold.NONE, hold=Hold.CLOSED),
}


def state_of(billed: State, hold: Hold) -> State:
    if State.CLOSED in (billed, hold):
        return State.CLOSED
    return State.SUSPENDED if hold == Hold.SUSPENDED else State(billed)


def may(retailer: Retailer, action: str) -> bool:
    rule = ACTIONS[action]
    if retailer.delete_at and retailer.delete_at <= timezone.now():
        return False  # it is being deleted, perhaps at this moment
    return retailer.state in rule.states and rule.hold in (None, retailer.hold)


def act(retailer: Retailer, action: str, *, why: str, by: str) -> None:
    """One of ACTIONS. `by` is who wants it: an e-mail, or "system". Raises `NotNow`."""

    def change(row: Retailer) -> None:
        if not may(row, action):
            raise NotNow(f"{row} is {row.get_state_display().lower()}.")
        row.hold = ACTIONS[action].then
        row.hold_reason = why if row.hold else ""

    write(retailer, change, action, why, by)


def bill(retailer: Retailer, billed: State, why: str) -> bool:
    """What billing says; whether the retailer's state is another one now."""
    if billed not in BILLED:
        raise ValueError(f"Nobody is billed as {billed}.")

    def change(row: Retailer) -> None:
        if row.state == State.TEMPLATE:
            raise NotNow(f"{row} has no bill.")
        row.billed_state = billed

    return write(retailer, change, "billing", why, "Stripe")


def delete_soon(retailer: Retailer, *, why: str, by: str) -> None:
    """Don't wait for the end of the delay. Raises `NotNow` unless the retailer is closed."""

    def change(row: Retailer) -> None:
        if row.state != State.CLOSED:
            raise NotNow(f"{row} is {row.get_state_display().lower()}.")
        row.delete_at = timezone.now()

    write(retailer, change, "delete soon", why, by)


def write(
    retailer: Retailer, change: Callable[[Retailer], None], action: str, why: str, by: str
) -> bool:
    """The one place where a state is written; whether it changed. `retailer` is told, too."""
    with transaction.atomic():
        row = Retailer.objects.select_for_update().get(pk=retailer.pk)
        before, before_hold, before_delete = row.state, row.hold, row.delete_at
        change(row)
        row.state = state_of(row.billed_state, row.hold)
        if row.state != before:
            row.state_since = timezone.now()
            closed_days = timedelta(days=settings.CLOSED_DAYS)
            row.delete_at = row.state_since + closed_days if row.state == State.CLOSED else None
        # Saved as a whole row's signal, so that cached hosts are looked up again.
        row.save(
            update_fields=[
                *("state", "billed_state", "hold", "hold_reason", "state_since", "delete_at")
            ]
        )
        if (row.state, row.hold, row.delete_at) != (before, before_hold, before_delete):
            record(
                row, action, why, by=by, before=State(before).label, after=row.get_state_display()
            )
        if row.state != before:
            state_changed.send(Retailer, retailer=row, before=before, action=action, why=why)
    for name in ("state", "billed_state", "hold", "hold_reason", "state_since", "delete_at"):
        setattr(retailer, name, getattr(row, name))
    return row.state != before
