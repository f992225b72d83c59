"""The drain: takes a connection's due deliveries and sends them, a batch at a time.

    claim a batch → map it → the connector's upsert → write each outcome → again

Each step is a transaction of its own; none is open during HTTP. What a worker had claimed when it
died is found in the state `sending` by the next drain that gets the connection's lock.
"""

import logging
import time
import uuid
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from . import doorbell, outcomes
from .connectors.base import (
    Connector,
    CredentialsRefused,
    NeedsAttention,
    Outcome,
    Record,
    RetryLater,
    TryLater,
)
from .http import Http
from .locks import connection_lock
from .mapping import MappingError, map_signup
from .models import Attempt, Connection, Delivery, RemoteLink

log = logging.getLogger(__name__)

TIME_BOX = 20.0  # seconds; then the drain goes to the end of the queue, which is the fairness
MAX_CRASHES = 3  # a sign-up that took so many workers with it is set aside


@dataclass
class Batch:
    """What was claimed: the deliveries, and what the connector said."""

    claim: uuid.UUID
    deliveries: dict[str, Delivery]  # sign-up id → delivery
    outcomes: dict[str, Outcome]
    paused: CredentialsRefused | None = None
    wait: TryLater | None = None
    duration_ms: int = 0


def drain(connection_id: int, http: Http) -> bool:
    """Send what is due on this connection; True if there is more to do right now.

    Leaves at once if another drain has the connection: that one will see the work too, because it
    looks once more after it has let go.
    """
    doorbell.heard(connection_id)
    ends = time.monotonic() + TIME_BOX
    with connection_lock(connection_id) as held:
        if not held:
            return False
        recover(connection_id)
        while time.monotonic() < ends:
            connection = ready(connection_id)
            if connection is None or not send_batch(connection, http):
                break
    return has_due(connection_id)


def ready(connection_id: int) -> Connection | None:
    """The connection, if it may be called now."""
    return Connection.objects.filter(
        pk=connection_id, state=Connection.State.ACTIVE, not_before__lte=timezone.now()
    ).first()


def has_due(connection_id: int) -> bool:
    return (
        ready(connection_id) is not None
        and Delivery.objects.filter(
            connection_id=connection_id, state=Delivery.State.DUE, due_at__lte=timezone.now()
        ).exists()
    )


def recover(connection_id: int) -> None:
    """Take over what a dead worker left. We hold the lock, so nobody is sending it."""
    left = Delivery.objects.filter(connection_id=connection_id, state=Delivery.State.SENDING)
    with transaction.atomic():
        rows = list(left.select_for_update())
        for delivery in rows:
            delivery.crashes += 1
            delivery.claim = None
            if delivery.crashes >= MAX_CRASHES:
                outcomes.needs_attention(
                    delivery, NeedsAttention("worker_died", "Sending it failed again and again.")
                )
            else:
                delivery.state = Delivery.State.DUE
        Delivery.objects.bulk_update(rows, ["crashes", "claim", "state", "error_code", "error"])
        Attempt.objects.bulk_create(
            Attempt(delivery=delivery, outcome="crashed", code="worker_died") for delivery in rows
        )


def claim(connection_id: int, size: int) -> Batch:
    """Up to `size` due deliveries, oldest first, set to `sending` with the try counted.

    One that was in a worker's hands when it died goes alone, so that it can't take others along.
    """
    due = (
        Delivery.objects.filter(
            connection_id=connection_id, state=Delivery.State.DUE, due_at__lte=timezone.now()
        )
        .order_by("due_at", "id")
        .values_list("id", "crashes")
    )
    token = uuid.uuid4()
    with transaction.atomic():
        found = list(due.select_for_update(skip_locked=True)[:size])
        suspects = [id for id, crashes in found if crashes]
        chosen = suspects[:1] or [id for id, _ in found]
        Delivery.objects.filter(id__in=chosen).update(
            state=Delivery.State.SENDING, claim=token, attempts=F("attempts") + 1
        )
    deliveries = (
        Delivery.objects.filter(id__in=chosen)
        .select_related("signup__form_version")
        .prefetch_related("signup__consents")
        .order_by("due_at", "id")
    )
    return Batch(token, {str(delivery.signup_id): delivery for delivery in deliveries}, {})


def send_batch(connection: Connection, http: Http) -> bool:
    """Claim, map, send and write one batch; False if nothing was due."""
    batch = claim(connection.pk, connection.connector_class.batch_size)
    if not batch.deliveries:
        return False
    records = map_batch(connection, batch)
    if records:
        call(connection.connector(http), records, batch)
    outcomes.write(connection, batch, {record.ref: record for record in records})
    return batch.paused is None and batch.wait is None


def map_batch(connection: Connection, batch: Batch) -> list[Record]:
    """The records to send; a sign-up that can't be mapped gets its outcome here."""
    records = []
    try:
        rows, described = connection.rows, connection.described
    except MappingError as error:
        batch.paused = CredentialsRefused("mapping", f"The mapping can't be read: {error}")
        return []
    for ref, delivery in batch.deliveries.items():
        try:
            records.append(map_signup(delivery.signup.as_data(), rows, described))
        except MappingError as error:
            batch.outcomes[ref] = NeedsAttention("mapping", str(error))
    return with_remote_ids(connection, records)


def with_remote_ids(connection: Connection, records: list[Record]) -> list[Record]:
    """Fill in the record's id where an earlier delivery for this person learned it."""
    wanted = {identity_key(record): record for record in records}
    known = dict(
        RemoteLink.objects.filter(connection=connection, identity__in=wanted).values_list(
            "identity", "remote_id"
        )
    )
    return [replace(record, remote_id=known.get(identity_key(record), "")) for record in records]


def identity_key(record: Record) -> str:
    return f"{record.identity.kind}:{record.identity.value}"


def call(connector: Connector, records: list[Record], batch: Batch) -> None:
    """The HTTP part. Every way in which it can end is an outcome in `batch`."""
    started = time.monotonic()
    try:
        batch.outcomes |= connector.upsert(records)
    except CredentialsRefused as refused:
        batch.outcomes |= refused.outcomes
        batch.paused = refused
    except TryLater as later:
        batch.outcomes |= later.outcomes
        batch.wait = later
    except Exception as error:
        # A defect in a connector must not stop the connection, nor hide: the retailer sees the
        # outcome, the operator the traceback.
        log.exception("The connector failed")
        for record in records:
            batch.outcomes.setdefault(
                record.ref, RetryLater("connector_error", type(error).__name__)
            )
    batch.duration_ms = int((time.monotonic() - started) * 1000)
