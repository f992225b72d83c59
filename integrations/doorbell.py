"""Tells a worker that a connection has work. Losing a ring costs seconds, never data.

The work stands in PostgreSQL; the sweep rings again for whatever nobody came for.
"""

import logging
import time
from collections.abc import Iterable

from django.core.cache import cache
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

# One ring is enough until a drain has started: it takes all that is due.
RUNG_SECONDS = 5
# With Redis down, only one shopper in this many seconds waits for a refused connection.
QUIET_SECONDS = 5

_quiet_until = 0.0


def ring(schema: str, connections: Iterable[int]) -> None:
    """Ask for a drain of each connection, in the schema that is active."""
    global _quiet_until
    from .tasks import drain_connection

    if time.monotonic() < _quiet_until:
        return
    for connection_id in connections:
        if not cache.add(key(connection_id), 1, RUNG_SECONDS):
            continue
        try:
            drain_connection.delay(schema=schema, connection_id=connection_id)
        except OperationalError as error:
            _quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("The broker can't be reached, the sweep will find the work: %s", error)
            return


def heard(connection_id: int) -> None:
    """A drain starts: later sign-ups ring for themselves again."""
    cache.delete(key(connection_id))


def key(connection_id: int) -> str:
    return f"rung:{connection_id}"
