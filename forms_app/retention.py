"""Deletes sign-ups that are older than the retailer wants to keep, and who is known by them."""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Substr
from django.utils import timezone

from integrations.models import Connection, Delivery, RemoteLink

from .removal import remove
from .shop_settings import Retention
from .signups import Signup

log = logging.getLogger(__name__)

# The kinds of a link's identity (integrations.mapping) and where a sign-up says it. One of the
# third kind, external, is the sign-up's own.
SAID = {"email": "email", "phone": "mobile"}
BATCH = 500  # a transaction each, so that a first clean-up of years holds nobody up


def overdue():
    """The sign-ups whose time is over. One that is still on its way to a CRM waits for that, unless
    the retailer has switched the connection off."""
    days = Retention.load().days
    if days is None:
        return Signup.objects.none()
    old = Signup.objects.filter(received_at__lt=timezone.now() - timedelta(days=days))
    on_its_way = Delivery.objects.filter(signup=OuterRef("pk"), state__in=Delivery.OPEN)
    return old.filter(~Exists(on_its_way.exclude(connection__state=Connection.State.OFF)))


def apply() -> int:
    """Delete what is overdue in the schema that is active; returns how many sign-ups."""
    total = 0
    while True:
        with transaction.atomic():
            ids = list(overdue().order_by("received_at").values_list("pk", flat=True)[:BATCH])
            remove(ids)
            own = [f"external:{id}" for id in ids]
            RemoteLink.objects.filter(identity__in=own).delete()
        total += len(ids)
        if len(ids) < BATCH:
            break
    if Retention.load().days is not None:
        forget_people()
    if total:
        log.info("%s sign-ups were deleted by the retention setting", total)
    return total


def forget_people() -> int:
    """Delete the links to CRM records of those of whom no sign-up is left: they hold an address or
    a number. Should such a person come again, the CRM finds them by that. Returns how many."""
    number = 0
    for kind, field in SAID.items():
        known = Signup.objects.filter(**{field: OuterRef("said")})
        links = RemoteLink.objects.filter(identity__startswith=f"{kind}:")
        links = links.annotate(said=Substr("identity", len(kind) + 2)).filter(~Exists(known))
        number += links.delete()[0]
    return number
