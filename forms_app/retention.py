"""Deletes sign-ups that are older than the retailer wants to keep."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from integrations.models import Delivery

from .removal import remove
from .shop_settings import Retention
from .signups import Signup

log = logging.getLogger(__name__)

BATCH = 500  # a transaction each, so that a first clean-up of years holds nobody up


def overdue():
    """The sign-ups whose time is over. One that is still on its way to a CRM waits for that."""
    days = Retention.load().days
    if days is None:
        return Signup.objects.none()
    old = Signup.objects.filter(received_at__lt=timezone.now() - timedelta(days=days))
    return old.exclude(deliveries__state__in=Delivery.OPEN)


def apply() -> int:
    """Delete what is overdue in the schema that is active; returns how many sign-ups."""
    total = 0
    while True:
        with transaction.atomic():
            ids = list(overdue().order_by("received_at").values_list("pk", flat=True)[:BATCH])
            remove(ids)
        total += len(ids)
        if len(ids) < BATCH:
            break
    if total:
        log.info("%s sign-ups were deleted by the retention setting", total)
    return total
