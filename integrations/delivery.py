"""The drain: takes a connection's due deliveries and sends them, a batch at a time.

    claim a batch → map it → the connector's upsert → write each outcome → again

Each step is a transaction of its own; none is open during HTTP. What a worker had claimed when it
died is found in the state `sending` by the next drain that gets the connection's lock.
"""

import logging
import time
import uuid
from dataclasses import dataclass, field, replace

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from . import circuit, doorbell, outcomes, pauses, tokens
from .connectors.base import (
    Connector,
    CredentialsRefused,
    NeedsAttention,
    Outcome,
    Record,
    RetryLater,
    TryLater,
)
from .exchange import Call, Recorder
from .http import Http
from .locks import connection_lock
from .mapping import MappingError, map_signup
from .models import Attempt, Connection, Delivery, RemoteLink
from .order import as_if_in_order, moment, rules_of
from .traces import places

log = logging.getLogger(__name__)

TIME_BOX = 2.0  # seconds; then the drain goes to the end of the queue, which is the fairness
MAX_CRASHES = 3  # a sign-up that took so many workers with it is set aside
FEW = 5  # that were in the hands of a worker that died, in one batch
ALONE_AFTER = 3  # tries; then it goes alone, as it may be the reason why its batches fail
NO_ANSWER = RetryLater("no_answer", "The CRM didn't say what became of it.")


@dataclass
class Batch:
    """What was claimed: the deliveries, and what the connector said."""

    claim: uuid.UUID
    deliveries: dict[str, Delivery]  # sign-up id → delivery, in the order of the sign-ups
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)  # what was sent
    calls: list[Call] = field(default_factory=list)
    paused: CredentialsRefused | None = None
    wait: TryLater | None = None
    duration_ms: int = 0

    @property
    def outcomes_of_calls(self) -> dict[str, Outcome]:
        """What the CRM said of each record that was sent, if the call went through."""
        if self.paused is not None or self.wait is not None:
            return {ref: self.outcomes[ref] for ref in self.records if ref in self.outcomes}
        return {ref: self.outcomes.get(ref, NO_ANSWER) for ref in self.records}


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
            Attempt(
                delivery=delivery,
                outcome="crashed",
                code="worker_died",
                message="What was sending it stopped in the middle.",
            )
            for delivery in rows
        )


def claim(connection_id: int, size: int) -> Batch:
    """Up to `size` due deliveries, oldest first, set to `sending` with the try counted.

    One that was in a worker's hands when it died goes with a FEW like it when it comes to the head
    of the queue; one that was there twice, or that failed a few times, goes alone: so it can't take
    others along.
    """
    due = (
        Delivery.objects.filter(
            connection_id=connection_id, state=Delivery.State.DUE, due_at__lte=timezone.now()
        )
        .order_by("due_at", "id")
        .values_list("id", "crashes", "attempts")
    )
    token = uuid.uuid4()
    with transaction.atomic():
        found = list(due.select_for_update(skip_locked=True)[:size])
        chosen = company(found)
        Delivery.objects.filter(id__in=chosen).update(
            state=Delivery.State.SENDING, claim=token, attempts=F("attempts") + 1
        )
    deliveries = (
        Delivery.objects.filter(id__in=chosen)
        .select_related("signup__form_version", "signup__store")
        .prefetch_related("signup__consents")
    )
    in_order = sorted(deliveries, key=lambda delivery: moment(delivery.signup))
    return Batch(token, {str(delivery.signup_id): delivery for delivery in in_order})


def company(found: list[tuple[int, int, int]]) -> list[int]:
    """Who goes with the first of these (id, crashes, tries)."""
    if not found:
        return []
    first, crashes, tries = found[0]
    if crashes > 1 or tries >= ALONE_AFTER:
        return [first]
    alike = [id for id, c, t in found if c == crashes and t < ALONE_AFTER]
    return alike[:FEW] if crashes else alike


def send_batch(connection: Connection, http: Http) -> bool:
    """Claim, map, send and write one batch; False if nothing was due or it is time to wait."""
    size = 1 if circuit.is_open(connection) else connection.connector_class.batch_size
    batch = claim(connection.pk, size)
    if not batch.deliveries:
        return False
    records = map_batch(connection, batch)
    if records:
        batch.records = {record.ref: record for record in records}
        call(connection, http, batch)
    return outcomes.write(connection, batch)


def map_batch(connection: Connection, batch: Batch) -> list[Record]:
    """The records to send; a sign-up that can't be mapped gets its outcome here."""
    records = []
    try:
        rules = rules_of(connection)
    except MappingError as error:
        batch.paused = CredentialsRefused(pauses.MAPPING, f"The mapping can't be read: {error}")
        return []
    for ref, delivery in batch.deliveries.items():
        try:
            records.append(map_signup(delivery.signup.as_data(), *rules))
        except MappingError as error:
            batch.outcomes[ref] = NeedsAttention("mapping", str(error))
        except Exception as error:
            # One odd sign-up must not hold up the others, nor hide.
            log.error("A sign-up can't be mapped: %s", places(error))
            batch.outcomes[ref] = NeedsAttention(
                "mapping_error", f"What goes where can't be worked out ({type(error).__name__})."
            )
    return with_remote_ids(connection, as_if_in_order(connection, batch.deliveries, records))


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


def upsert(connection: Connection, http: Recorder, records: list[Record]) -> dict[str, Outcome]:
    """With an access token that is good; with a new one where the CRM says that it isn't."""
    try:
        return with_token(connection, http, "").upsert(records)
    except CredentialsRefused as refused:
        used = connection.secrets.get("access_token", "")
        if not used or tokens.fresh(connection, http, used).get("access_token") == used:
            raise
        left = [record for record in records if record.ref not in refused.outcomes]
        return refused.outcomes | with_token(connection, http, used).upsert(left)


def with_token(connection: Connection, http: Recorder, refused: str) -> Connector:
    secrets = tokens.fresh(connection, http, refused)
    return connection.connector_class({**connection.config, **secrets}, http)


def call(connection: Connection, http: Http, batch: Batch) -> None:
    """The HTTP part. Every way in which it can end is an outcome in `batch`."""
    recorder, started = Recorder(http), time.monotonic()
    records = list(batch.records.values())
    try:
        batch.outcomes |= upsert(connection, recorder, records)
    except CredentialsRefused as refused:
        batch.outcomes |= refused.outcomes
        batch.paused = refused
    except TryLater as later:
        batch.outcomes |= later.outcomes
        batch.wait = later
    except Exception as error:
        # A defect in a connector must not stop the connection, nor hide: the retailer sees the
        # outcome, the operator where it happened.
        log.error("The connector %s failed: %s", connection.kind, places(error))
        for record in records:
            batch.outcomes.setdefault(
                record.ref, RetryLater("connector_error", type(error).__name__)
            )
    batch.calls = recorder.calls
    batch.duration_ms = int((time.monotonic() - started) * 1000)
