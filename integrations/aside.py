"""Once a day a retailer's owners read which sign-ups were set aside: else nobody comes to look."""

from datetime import timedelta

from django.db.models import Count, Max, Q
from django.utils import timezone

from . import mail
from .models import Connection, Delivery, Mail

KIND = "set_aside"
A_WEEK = timedelta(days=7)
SET_ASIDE = ("needs_attention", "crashed")  # outcomes of the try after which it was

mail.declare(
    KIND,
    "Sign-ups that a CRM didn't take: once a day",
    connections=[{"id": 1, "name": "HubSpot", "new": 2, "number": 3}],
)


def tell() -> int:
    """In the schema that is active; returns how many mails were written."""
    now = timezone.now()
    if not mail.owners_can_act():
        return 0
    last = Mail.objects.filter(kind=KIND).aggregate(at=Max("created_at"))["at"]
    since = max(last, now - A_WEEK) if last else now - A_WEEK
    new = Q(deliveries__tries__outcome__in=SET_ASIDE, deliveries__tries__at__gt=since)
    found = (
        Connection.objects.exclude(state=Connection.State.OFF)
        .filter(deliveries__state=Delivery.State.NEEDS_ATTENTION)
        .annotate(
            number=Count("deliveries", distinct=True),
            new=Count("deliveries", filter=new, distinct=True),
        )
        .filter(new__gt=0)
        .order_by("name")
    )
    told = list(found.values("id", "name", "new", "number"))
    if not told:
        return 0
    return mail.mail_owners(KIND, {"connections": told}, once=f"{KIND}:{now:%Y-%m-%d}")
