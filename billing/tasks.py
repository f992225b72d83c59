"""Doorbells for events that wait in PostgreSQL. Losing a ring costs a minute, never an event."""

import logging

from celery import shared_task
from django.conf import settings
from django_tenants.utils import get_public_schema_name, schema_context
from kombu.exceptions import OperationalError

from tenants.models import Retailer

from . import processing, reconcile
from .models import ReceivedEvent

log = logging.getLogger(__name__)

AT_ONCE = 500


@shared_task
def process_event(event_id: str) -> None:
    with schema_context(get_public_schema_name()):
        processing.process(event_id)


@shared_task
def process_waiting() -> int:
    """For beat, every minute: ring again for what nobody came for. Returns how many customers."""
    with schema_context(get_public_schema_name()):
        due = ReceivedEvent.objects.due().order_by("next_try_at")[:AT_ONCE]
        subjects = {event.subject: event.pk for event in due}  # one ring answers all of a subject
    for rung, event_id in enumerate(subjects.values()):
        if not ring(event_id):
            return rung
    return len(subjects)


@shared_task
def reconcile_all() -> int:
    """For beat, every hour: one task for each retailer. Returns how many."""
    if not settings.STRIPE_SECRET_KEY:
        return 0
    with schema_context(get_public_schema_name()):
        retailers = Retailer.objects.exclude(state=Retailer.State.TEMPLATE)
        numbers = list(retailers.order_by("pk").values_list("pk", flat=True))
    for number in numbers:
        reconcile_one.delay(number)
    return len(numbers)


@shared_task
def reconcile_one(number: int) -> None:
    with schema_context(get_public_schema_name()):
        if retailer := Retailer.objects.filter(pk=number).first():
            reconcile.reconcile(retailer)


def ring(event_id: str) -> bool:
    """Ask a worker to process the event; False if the broker can't be reached."""
    try:
        process_event.delay(event_id)
    except OperationalError as error:
        log.warning("The broker can't be reached, process_waiting will find the event: %s", error)
        return False
    return True
