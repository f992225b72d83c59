"""Puts a sign-up on its way: one delivery per connection, in the sign-up's transaction."""

from django.utils import timezone

from .models import Connection, Delivery


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
    again.update(
        state=Delivery.State.DUE,
        due_at=timezone.now(),
        attempts=0,
        crashes=0,
        error_code="",
        error="",
    )
    return connections
