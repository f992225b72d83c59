"""Answers received events: fetch what they are about, then set the retailer's state.

All events about one customer are answered together by one look at Stripe: what they tell had
happened before they were sent, so a look taken after they were received shows it.
"""

import logging

from django.utils import timezone

from . import letters, state, syncing
from .locks import subject_lock
from .models import ReceivedEvent, pause_after

log = logging.getLogger(__name__)


def process(event_id: str) -> None:
    """Answer this event and whatever waits about the same customer. Never raises for an answer
    that failed: that is stored with the event, and tried again later.
    """
    event = ReceivedEvent.objects.filter(pk=event_id).first()
    if event is None:
        return
    # Looked for again after the lock is free: a task that came meanwhile has left at once, and its
    # event must not lie until the next sweep. What failed isn't due, so this ends.
    while ReceivedEvent.objects.due().about(event).exists():
        with subject_lock(event.subject) as held:
            if not held:
                return
            answer(claim(event))


def claim(event: ReceivedEvent) -> list[ReceivedEvent]:
    """All that is due about the event's subject, tries counted before the attempt.

    Counted first, so that an event that kills its worker is set aside in the end.
    """
    events = list(ReceivedEvent.objects.due().about(event).order_by("received_at"))
    for each in events:
        each.attempts += 1
        each.next_try_at = timezone.now() + pause_after(each.attempts)
    ReceivedEvent.objects.bulk_update(events, ["attempts", "next_try_at"])
    return events


def answer(events: list[ReceivedEvent]) -> None:
    """All events are about one subject. The outcome is stored with them."""
    if not events:
        return
    rows = ReceivedEvent.objects.filter(pk__in=[event.pk for event in events])
    try:
        follow(events[-1])
    except Exception as error:  # whatever it was: stored, shown in the console, tried again
        log.exception("Events of Stripe couldn't be processed: %s", [str(e) for e in events])
        rows.update(error=f"{type(error).__name__}: {error}"[:2000])
    else:
        rows.update(processed_at=timezone.now(), error="")


def follow(event: ReceivedEvent) -> None:
    """Raises `stripe.StripeError`, `state.UnknownStatus` and what the database has to say."""
    if not event.customer:
        syncing.sync_catalogue(event.object_type, event.object_id)
        return
    retailer = syncing.sync_customer(event.customer)
    if retailer is not None:
        state.refresh(retailer, why=f"{event.type} ({event.id})")
        letters.remind(retailer)
