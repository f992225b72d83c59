"""Puts a sign-up on its way: one delivery per connection, in the sign-up's transaction."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from .models import Connection, Delivery

# Earlier sign-ups go in portions, so that today's shopper doesn't wait behind all of last year's.
PORTION = 500
PAUSE = timedelta(seconds=10)  # between two portions


def add(signup) -> list[int]:
    """Write the deliveries of a new sign-up; returns the connections that can start now.

    Call it inside the transaction that writes the sign-up, and ring the doorbell after it.
    """
    connections = list(
        Connection.objects.exclude(state=Connection.State.OFF).values_list("id", "state")
    )
    Delivery.objects.bulk_create(
        Delivery(connection_id=connection_id, signup_id=signup.pk)
        for connection_id, _ in connections
    )
    return [id for id, state in connections if state == Connection.State.ACTIVE]


def resend(deliveries) -> set[int]:
    """Set these deliveries due again, as if they were new; returns their connections.

    Those that are being sent right now are left alone: they'll have an outcome in a moment.
    """
    again = deliveries.exclude(state=Delivery.State.SENDING)
    connections = set(again.values_list("connection_id", flat=True))
    now = timezone.now()
    again.update(
        state=Delivery.State.DUE,
        due_at=now,
        created_at=now,  # from which the three days of tries are counted
        attempts=0,
        crashes=0,
        error_code="",
        error="",
    )
    return connections


def earlier(connection: Connection, since: datetime | None = None) -> QuerySet:
    """Sign-ups that this connection never got, and that may go there: their marketing consent was
    given, nothing is wrong with them, and they are no tests. `since` is when they came in."""
    signups = Delivery._meta.get_field("signup").related_model.objects
    deliveries = Delivery.objects.filter(connection=connection, signup=OuterRef("pk"))
    consents = signups.model._meta.get_field("consents").related_model
    boxes = consents.objects.filter(signup=OuterRef("pk"), purpose="marketing")
    found = signups.filter(
        Exists(boxes.filter(given=True)),
        # Several boxes of one purpose: never claim more than was given.
        ~Exists(boxes.filter(given=False)),
        ~Exists(deliveries),
        problem="",
        is_test=False,
    )
    return found.filter(received_at__gte=since) if since else found


def backfill(connection: Connection, since: datetime | None = None) -> int:
    """Put them on their way, the oldest first; how many. Call it in a transaction."""
    now, number = timezone.now(), 0
    waiting = earlier(connection, since).order_by("submitted_at", "pk").values_list("pk", flat=True)
    deliveries: list[Delivery] = []
    for number, signup_id in enumerate(waiting.iterator(chunk_size=2_000), start=1):
        due_at = now + PAUSE * ((number - 1) // PORTION)
        deliveries.append(Delivery(connection=connection, signup_id=signup_id, due_at=due_at))
    # What another request put on its way in between is there already.
    Delivery.objects.bulk_create(deliveries, batch_size=2_000, ignore_conflicts=True)
    return number
