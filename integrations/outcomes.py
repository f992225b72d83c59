"""Writes what became of each delivery of a batch: one function per state of the taxonomy."""

import random
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from .connectors.base import Delivered, NeedsAttention, Record, RetryLater
from .models import Attempt, Connection, Delivery, RemoteLink

GIVE_UP = timedelta(hours=72)
FIRST_GAP = 10.0  # seconds; doubled with each try
LONGEST_GAP = 3600.0
MAX_WAIT = 24 * 3600.0  # a Retry-After beyond this is taken for a mistake


def gap(attempts: int) -> float:
    """Seconds until the next try: growing, and jittered, so that a crowd spreads out."""
    longest = min(FIRST_GAP * 2 ** max(0, attempts - 1), LONGEST_GAP)
    return random.uniform(longest / 2, longest)


def write(connection: Connection, batch, records: dict[str, Record]) -> None:
    """One transaction for the whole batch. Only deliveries that are still ours are written."""
    with transaction.atomic():
        ours = Delivery.objects.select_for_update().filter(
            claim=batch.claim, state=Delivery.State.SENDING
        )
        still_ours = set(ours.values_list("id", flat=True))
        deliveries, attempts, links = [], [], {}
        for ref, delivery in batch.deliveries.items():
            if delivery.id not in still_ours:
                continue
            attempt = settle(delivery, batch.outcomes.get(ref), batch)
            attempt.duration_ms = batch.duration_ms
            attempts.append(attempt)
            deliveries.append(delivery)
            if delivery.state == Delivery.State.DELIVERED and ref in records:
                identity = records[ref].identity
                links[f"{identity.kind}:{identity.value}"] = delivery.remote_id
        # An upsert of rows that we hold locked: bulk_update writes a CASE for each of its values.
        Delivery.objects.bulk_create(
            deliveries, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN
        )
        Attempt.objects.bulk_create(attempts)
        RemoteLink.objects.bulk_create(
            [
                RemoteLink(connection=connection, identity=identity, remote_id=remote_id)
                for identity, remote_id in links.items()
                if remote_id
            ],
            update_conflicts=True,
            unique_fields=["connection", "identity"],
            update_fields=["remote_id"],
        )
        hold(connection, batch)


WRITTEN = [
    "state", "due_at", "attempts", "claim", "remote_id", "remote_url", "error_code", "error",
    "delivered_at",
]  # fmt: skip


def settle(delivery: Delivery, outcome, batch) -> Attempt:
    """Put the outcome into the delivery (unsaved) and return the line for the log."""
    delivery.claim = None
    if isinstance(outcome, Delivered):
        return delivered(delivery, outcome)
    if isinstance(outcome, NeedsAttention):
        return needs_attention(delivery, outcome)
    if batch.paused is not None:
        return waits(delivery, batch.paused)
    if isinstance(outcome, RetryLater):
        return retry(delivery, outcome)
    if batch.wait is not None:
        return retry(delivery, RetryLater(batch.wait.code, batch.wait.message, batch.wait.after))
    return retry(delivery, RetryLater("no_answer", "The CRM didn't say what became of it."))


def delivered(delivery: Delivery, outcome: Delivered) -> Attempt:
    delivery.state = Delivery.State.DELIVERED
    delivery.delivered_at = timezone.now()
    delivery.remote_id = outcome.remote_id
    delivery.remote_url = outcome.url
    delivery.error_code = delivery.error = ""
    return Attempt(delivery=delivery, outcome="delivered")


def retry(delivery: Delivery, outcome: RetryLater) -> Attempt:
    if timezone.now() - delivery.created_at > GIVE_UP:
        return needs_attention(delivery, NeedsAttention(outcome.code, outcome.message))
    wait = gap(delivery.attempts) if outcome.after is None else min(outcome.after, MAX_WAIT)
    delivery.state = Delivery.State.DUE
    delivery.due_at = timezone.now() + timedelta(seconds=wait)
    return fault(delivery, "retry", outcome.code, outcome.message)


def needs_attention(delivery: Delivery, outcome: NeedsAttention) -> Attempt:
    delivery.state = Delivery.State.NEEDS_ATTENTION
    return fault(delivery, "needs_attention", outcome.code, outcome.message)


def waits(delivery: Delivery, refused) -> Attempt:
    """The connection is paused: nothing is wrong with the sign-up, so the try doesn't count."""
    delivery.state = Delivery.State.DUE
    delivery.attempts = max(0, delivery.attempts - 1)
    return fault(delivery, "paused", refused.code, refused.message)


def fault(delivery: Delivery, outcome: str, code: str, message: str) -> Attempt:
    delivery.error_code = code[:60]
    delivery.error = message[:500]
    return Attempt(
        delivery=delivery, outcome=outcome, code=delivery.error_code, message=delivery.error
    )


def hold(connection: Connection, batch) -> None:
    """Pause the connection, or keep everybody away from it for a while."""
    if batch.paused is not None:
        connection.state = Connection.State.PAUSED
        connection.state_reason = f"{batch.paused.message}"[:500]
        connection.save(update_fields=["state", "state_reason"])
    elif batch.wait is not None:
        attempts = max(delivery.attempts for delivery in batch.deliveries.values())
        wait = gap(attempts) if batch.wait.after is None else min(batch.wait.after, MAX_WAIT)
        connection.not_before = timezone.now() + timedelta(seconds=wait)
        connection.save(update_fields=["not_before"])
