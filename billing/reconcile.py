"""Looks at Stripe without being rung: what a lost webhook missed, and trials whose time is up."""

from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import mail
from tenants.models import Retailer

from . import customers, letters, plans, state, syncing
from .locks import subject_lock

REMIND_DAYS = (7, 1)  # before the end of the trial


def reconcile(retailer: Retailer) -> bool:
    """Bring mirror and state up to what Stripe says now; whether the state changed.

    Call it in the public schema. Raises `stripe.StripeError`, `state.UnknownStatus`,
    `stripe_api.BillingOff`.
    """
    customer = customers.known_customer(retailer)
    if customer is not None:
        with subject_lock(customer.id) as held:
            if not held:
                return False  # an event about it is being answered at this moment
            syncing.sync_customer(customer.id)
    changed = state.refresh(retailer, why="the hourly look at Stripe")
    remind(retailer)
    return changed


def remind(retailer: Retailer) -> None:
    """Say once that the trial ends in a week, and once that it ends tomorrow."""
    if retailer.state != Retailer.State.TRIAL:
        return
    left = (plans.trial_ends(retailer) - timezone.now()).days + 1  # the day of the end counts
    due = [days for days in REMIND_DAYS if 0 < left <= days]
    if due:
        days = min(due)
        with tenant_context(retailer):
            mail.mail_owners(
                letters.TRIAL_ENDING, {"days": left}, once=f"{letters.TRIAL_ENDING}:{days}"
            )
