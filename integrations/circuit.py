"""A circuit per connection: a CRM that is down costs one probe now and then, not a thousand calls.

    closed  --OPEN_AFTER calls in a row failed as a whole-->  open
    open    one delivery at a time probes, after growing gaps
    open    --the CRM says something about a record-->        closed, and all that waits goes, as
                                                              does what had been given up meanwhile

`Connection.failures` is all its state. A failed call is one that raised TryLater before anything
was settled, or in which every one of several records failed for now: one record alone may itself be
the reason.
"""

from datetime import timedelta

from django.utils import timezone

from . import gaps
from .connectors.base import RetryLater
from .models import Connection, Delivery

OPEN_AFTER = 3
A_MONTH = timedelta(days=30)
GAVE_UP = "gave_up"  # the error code of what was tried for three days
LONGEST_GAP = 300.0  # seconds between two probes: a CRM that is back is noticed soon


def is_open(connection: Connection) -> bool:
    return connection.failures >= OPEN_AFTER


def note(connection: Connection, batch) -> bool:
    """Count this batch, in the transaction that writes its outcomes; whether to go on now."""
    said = batch.outcomes_of_calls.values()
    if any(not isinstance(outcome, RetryLater) for outcome in said):
        _success(connection)
    elif batch.wait is not None or _all_failed(connection, batch):
        connection.failures += 1
        _write(connection, failures=connection.failures)
    else:
        return True
    if batch.wait is None and not is_open(connection):
        return True
    wish = batch.wait.after if batch.wait is not None else None
    tries = max(1, connection.failures)
    wait = gaps.growing(tries, LONGEST_GAP) if wish is None else gaps.asked(wish)
    _write(connection, not_before=timezone.now() + timedelta(seconds=wait))
    return False


def _all_failed(connection: Connection, batch) -> bool:
    """Whether the records' own failures say something about the CRM."""
    return len(batch.records) > 1 or (len(batch.records) == 1 and is_open(connection))


def _success(connection: Connection) -> None:
    if is_open(connection):
        now = timezone.now()
        waiting = Delivery.objects.filter(connection=connection, state=Delivery.State.DUE)
        waiting.filter(due_at__gt=now).update(due_at=now)
        revive(connection)
    if connection.failures:
        connection.failures = 0
        _write(connection, failures=0)


def revive(connection: Connection) -> int:
    """The CRM answers: what was given up goes again. How many; the caller rings.

    One that its CRM will never take is tried so for a month, and then left to its owner.
    """
    now = timezone.now()
    given_up = Delivery.objects.filter(
        connection=connection,
        state=Delivery.State.NEEDS_ATTENTION,
        error_code=GAVE_UP,
        signup__received_at__gt=now - A_MONTH,
    )
    return given_up.update(state=Delivery.State.DUE, due_at=now, created_at=now, attempts=0)


def _write(connection: Connection, **values) -> None:
    Connection.objects.filter(pk=connection.pk).update(**values)
