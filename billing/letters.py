"""What owners are written about money: once for each thing that happens."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import mail
from tenants import lifecycle
from tenants.lifecycle import state_changed
from tenants.models import Retailer

from . import overrides
from .owed import open_invoices
from .subscribed import moment, subscription_of

State, Hold = Retailer.State, Retailer.Hold

TRIAL_ENDING, REMINDER, CLOSING = "trial_ending", "payment_reminder", "closing_soon"
TRIAL_DAYS = (7, 1)  # before its end
REMIND_AFTER = (3, 10)  # days after a payment failed
CLOSING_DAYS = 7  # before a suspended retailer is closed

DAY = "24 December 2026"
mail.declare(TRIAL_ENDING, "The trial ends soon", days=7)
mail.declare("account_past_due", "A payment failed", until=DAY)
mail.declare(REMINDER, "A payment is still missing: after 3 and after 10 days", days=3, until=DAY)
mail.declare(
    "account_suspended",
    "Suspended: the bill is open, or the trial is over",
    grace_days=14,
    is_trial=False,
)
mail.declare("account_active", "Paid: everything works again")
mail.declare(CLOSING, "A suspended account will be closed in a week", day=DAY)
mail.declare(
    "account_closed", "Closed, and when everything is deleted", delete_on=DAY, may_buy=True
)

LETTERS = {
    State.PAST_DUE: "account_past_due",
    State.SUSPENDED: "account_suspended",
    State.CLOSED: "account_closed",
}
UNPAID = frozenset({State.PAST_DUE, State.SUSPENDED, State.CLOSED})


def in_words(day: datetime) -> str:
    return f"{day:%-d %B %Y}"


@receiver(state_changed)
def tell_the_owners(sender, retailer: Retailer, before: str, action: str, **kwargs) -> None:
    """In the transaction that changes the state, so that neither comes without the other.

    Whoever suspends, resumes or reopens by hand tells them personally why.
    """
    kind = LETTERS.get(retailer.state)
    if retailer.state == State.ACTIVE and before in UNPAID and action == "billing":
        kind = "account_active"
    if kind is None or retailer.hold == Hold.SUSPENDED:
        return
    context: dict[str, object] = {}
    if kind == "account_past_due":
        context["until"] = in_words(pay_until(retailer))
    if kind == "account_suspended":
        context["grace_days"] = settings.SUSPENSION_GRACE_DAYS
        context["is_trial"] = before == State.TRIAL
    if kind == "account_closed":
        context["delete_on"] = in_words(retailer.delete_at)
        context["may_buy"] = not retailer.hold
    with tenant_context(retailer):
        mail.mail_owners(kind, context)


@receiver(state_changed)
def stop_charging(sender, retailer: Retailer, **kwargs) -> None:
    """Whom a person closes pays nothing more. The hourly look asks again if this is lost."""
    if retailer.state == State.CLOSED and retailer.hold == Hold.CLOSED:
        from .tasks import ring_to_cancel

        transaction.on_commit(lambda: ring_to_cancel(retailer.pk))


def pay_until(retailer: Retailer) -> datetime:
    """The day on which an unpaid bill suspends."""
    oldest = next(iter(open_invoices(retailer)), None)
    since = moment(oldest["created"]) if oldest else retailer.state_since
    return since + timedelta(days=settings.PAST_DUE_DAYS)


def closes_at(retailer: Retailer) -> datetime:
    """When a retailer that is suspended over money is closed by itself."""
    return retailer.state_since + timedelta(days=settings.SUSPENDED_DAYS)


def remind(retailer: Retailer) -> None:
    """What the calendar brings: reminders, and the end of a long suspension.

    In the public schema; any number of times.
    """
    if retailer.state == State.TRIAL:
        remind_of_trial(retailer)
    elif retailer.state == State.PAST_DUE:
        remind_of_bill(retailer)
    elif retailer.state == State.SUSPENDED and not retailer.hold:
        remind_of_closing(retailer)


def days_of_trial(retailer: Retailer) -> int:
    """The day of the end counts."""
    return (overrides.trial_ends(retailer) - timezone.now()).days + 1


def remind_of_trial(retailer: Retailer) -> None:
    """Who has subscribed already needs no word about the trial's end."""
    if subscription_of(retailer) is not None:
        return
    left = days_of_trial(retailer)
    due = [days for days in TRIAL_DAYS if 0 < left <= days]
    if due:
        once = f"{TRIAL_ENDING}:{overrides.trial_ends(retailer):%Y-%m-%d}:{min(due)}"
        with tenant_context(retailer):
            mail.mail_owners(TRIAL_ENDING, {"days": left}, once=once)


def remind_of_bill(retailer: Retailer) -> None:
    oldest = next(iter(open_invoices(retailer)), None)
    if oldest is None:
        return
    passed = (timezone.now() - moment(oldest["created"])).days
    due = [days for days in REMIND_AFTER if passed >= days]
    if due:
        context = {"days": passed, "until": in_words(pay_until(retailer))}
        with tenant_context(retailer):
            mail.mail_owners(REMINDER, context, once=f"{REMINDER}:{oldest['id']}:{max(due)}")


def remind_of_closing(retailer: Retailer) -> None:
    ends, now = closes_at(retailer), timezone.now()
    if now >= ends - timedelta(days=CLOSING_DAYS):
        once = f"{CLOSING}:{retailer.state_since:%Y-%m-%d}"
        # Its week counts from the mail on, should it come late.
        with tenant_context(retailer):
            mail.mail_owners(CLOSING, {"day": in_words(max(ends, now))}, once=once)
    if now >= ends:
        why = f"suspended for {settings.SUSPENDED_DAYS} days"
        lifecycle.act(retailer, "close", why=why, by="system")
