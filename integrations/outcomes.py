"""Writes what became of each delivery of a batch: one function per state of the taxonomy."""

from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from . import circuit, gaps, metrics, pauses
from .connectors.base import Delivered, NeedsAttention, RetryLater
from .exchange import Log
from .models import Attempt, Connection, Delivery, RemoteLink

GIVE_UP = timedelta(hours=72)


def write(connection: Connection, batch) -> bool:
    """One transaction for the whole batch; whether to go on with this connection now.

    Only deliveries that are still ours are written.
    """
    log = Log(batch.calls, batch.records.values(), connection.secrets)
    with transaction.atomic():
        ours = Delivery.objects.select_for_update().filter(
            claim=batch.claim, state=Delivery.State.SENDING
        )
        still_ours = set(ours.values_list("id", flat=True))
        deliveries, attempts, links = [], [], {}
        for ref, delivery in batch.deliveries.items():
            if delivery.id not in still_ours:
                continue
            record = batch.records.get(ref)
            attempt = settle(delivery, batch.outcomes.get(ref), batch)
            attempt.duration_ms = batch.duration_ms
            attempt.request, attempt.response = log.request(record), log.response(record)
            if attempt.message:
                attempt.message = delivery.error = log.scrubbed(attempt.message, record)[:500]
            attempts.append(attempt)
            deliveries.append(delivery)
            if delivery.state == Delivery.State.DELIVERED and record is not None:
                identity = record.identity
                links[f"{identity.kind}:{identity.value}"] = delivery.remote_id
        # An upsert of rows that we hold locked: bulk_update writes a CASE for each of its values.
        Delivery.objects.bulk_create(
            deliveries, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN
        )
        Attempt.objects.bulk_create(attempts)
        transaction.on_commit(partial(metrics.note, connection.kind, attempts))
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
        if batch.paused is not None:
            pauses.pause(connection, batch.paused.code, log.scrubbed(batch.paused.message, None))
            return False
        go_on = circuit.note(connection, batch)
        if circuit.is_open(connection):
            give_up(connection)
        return go_on


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
        if batch.wait.after is not None:
            # The CRM is well and asked for time: that says nothing about this sign-up.
            delivery.attempts = max(0, delivery.attempts - 1)
        return retry(delivery, RetryLater(batch.wait.code, batch.wait.message, batch.wait.after))
    return retry(delivery, batch.outcomes_of_calls[str(delivery.signup_id)])


def delivered(delivery: Delivery, outcome: Delivered) -> Attempt:
    delivery.state = Delivery.State.DELIVERED
    delivery.delivered_at = timezone.now()
    delivery.remote_id = whole(outcome.remote_id, "remote_id")
    delivery.remote_url = whole(outcome.url, "remote_url")
    delivery.error_code = delivery.error = ""
    return Attempt(delivery=delivery, outcome="delivered")


def whole(text: str, name: str) -> str:
    """What the CRM said if it can be kept as it is: half an id or link would be a wrong one."""
    longest = Delivery._meta.get_field(name).max_length
    return text if len(text) <= longest and "\x00" not in text else ""


def retry(delivery: Delivery, outcome: RetryLater) -> Attempt:
    if timezone.now() - delivery.created_at > GIVE_UP:
        return needs_attention(delivery, NeedsAttention(circuit.GAVE_UP, outcome.message))
    wish = outcome.after
    wait = gaps.growing(delivery.attempts) if wish is None else gaps.asked(wish)
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
    delivery.error_code = code.replace("\x00", "")[:60]
    delivery.error = message.replace("\x00", "")[:500]
    return Attempt(
        delivery=delivery, outcome=outcome, code=delivery.error_code, message=delivery.error
    )


def give_up(connection: Connection) -> None:
    """While the circuit is open only one delivery is tried: the others' three days count too."""
    old = Delivery.objects.filter(
        connection=connection,
        state=Delivery.State.DUE,
        created_at__lt=timezone.now() - GIVE_UP,
    )
    aside = list(old.select_for_update(skip_locked=True))
    silent = NeedsAttention(circuit.GAVE_UP, "The CRM couldn't take anything for three days.")
    attempts = [needs_attention(delivery, silent) for delivery in aside]
    Delivery.objects.bulk_update(aside, ["state", "error_code", "error"], batch_size=1000)
    Attempt.objects.bulk_create(attempts, batch_size=1000)
