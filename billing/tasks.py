"""Doorbells for events that wait in PostgreSQL. Losing a ring costs a minute, never an event."""

import logging
from datetime import timedelta

import stripe
from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context
from kombu.exceptions import OperationalError

from tenants.models import Retailer

from . import customers, processing, reconcile, secrecy, usage
from .models import Drift, ReceivedEvent

log = logging.getLogger(__name__)

AT_ONCE = 500
KEEP_DRIFT = timedelta(days=400)
STRIPE_IS_SILENT, LEAVE_ALONE = "stripe-is-silent", 600  # seconds
# Stripe repeats an event for three days. What couldn't be answered stays longer, for a person.
KEEP_EVENTS, KEEP_UNANSWERED = timedelta(days=60), timedelta(days=400)


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
        secrecy.forget_keys()
        forget_old()
        numbers = all_retailers()
    for number in numbers:
        reconcile_one.delay(number)
    return len(numbers)


def forget_old() -> None:
    now = timezone.now()
    Drift.objects.filter(at__lt=now - KEEP_DRIFT).delete()
    old = ReceivedEvent.objects.filter(received_at__lt=now - KEEP_EVENTS)
    (
        old.filter(processed_at__isnull=False) | old.filter(received_at__lt=now - KEEP_UNANSWERED)
    ).delete()


def all_retailers() -> list[int]:
    """Those that have a schema that can be counted in."""
    retailers = Retailer.objects.exclude(state=Retailer.State.TEMPLATE).filter(schema_problem="")
    return list(retailers.order_by("pk").values_list("pk", flat=True))


@shared_task
def reconcile_one(number: int) -> None:
    with schema_context(get_public_schema_name()):
        retailer = Retailer.objects.filter(pk=number).first()
        if retailer is None:
            return
        # A minute for each of a hundred retailers would hold up everybody's deliveries.
        if cache.get(STRIPE_IS_SILENT) and customers.known_customer(retailer):
            return
        try:
            reconcile.reconcile(retailer)
        except stripe.APIConnectionError:
            cache.set(STRIPE_IS_SILENT, True, LEAVE_ALONE)
            raise


@shared_task(autoretry_for=(stripe.StripeError,), retry_backoff=30, max_retries=5)
def cancel_subscriptions(number: int) -> None:
    """Of a retailer that a person closed. After the last try the hourly look goes on."""
    with schema_context(get_public_schema_name()):
        retailer = Retailer.objects.filter(pk=number, hold=Retailer.Hold.CLOSED).first()
        if retailer is not None and settings.STRIPE_SECRET_KEY:
            reconcile.cancel_all(retailer)


@shared_task(autoretry_for=(stripe.StripeError,), retry_backoff=30, max_retries=5)
def push_customer(number: int) -> None:
    with schema_context(get_public_schema_name()):
        retailer = Retailer.objects.filter(pk=number).first()
        if retailer is not None and settings.STRIPE_SECRET_KEY:
            customers.push(retailer)


@shared_task
def compare_usage_all() -> int:
    """For beat, on the second of each month: last month beside Stripe's meter."""
    if not settings.STRIPE_SECRET_KEY:
        return 0
    with schema_context(get_public_schema_name()):
        numbers = all_retailers()
    for number in numbers:
        compare_usage.delay(number)
    return len(numbers)


@shared_task
def compare_usage(number: int) -> int:
    """Returns on how many days Stripe counted otherwise."""
    this_month = usage.today().replace(day=1)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    with schema_context(get_public_schema_name()):
        retailer = Retailer.objects.filter(pk=number).first()
        return len(usage.compare(retailer, last_month, this_month)) if retailer else 0


def ring_to_cancel(number: int) -> None:
    """The broker may be down: the hourly look cancels, too."""
    try:
        cancel_subscriptions.delay(number)
    except OperationalError as error:
        log.warning("The broker can't be reached, the hourly look will cancel: %s", error)


def ring(event_id: str) -> bool:
    """Ask a worker to process the event; False if the broker can't be reached."""
    try:
        process_event.delay(event_id)
    except OperationalError as error:
        log.warning("The broker can't be reached, process_waiting will find the event: %s", error)
        return False
    return True
