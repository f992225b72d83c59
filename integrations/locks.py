"""One drain per connection at a time, so one per person too.

A session's advisory lock: PostgreSQL frees it when the worker that holds it dies, whatever way,
and it needs no transaction to stay open during HTTP. (That's why there may be no transaction-mode
pooler in between.)
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import connection

STEP = 0.1  # seconds between two tries for a lock


def lock_number(name: str) -> int:
    """A signed 64-bit number, the same in every process."""
    digest = hashlib.blake2b(name.encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


@contextmanager
def advisory_lock(name: str, wait: float = 0) -> Iterator[bool]:
    """Yields whether this process now holds the lock of this name, about `wait` seconds later."""
    number, again = lock_number(name), round(wait / STEP)
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
            held = cursor.fetchone()[0]
            if held or not again:
                break
            again -= 1
            time.sleep(STEP)
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def connection_lock(connection_id: int, wait: float = 0) -> AbstractContextManager[bool]:
    """The lock of one connection of the retailer whose schema is active."""
    return advisory_lock(f"{connection.schema_name}:connection:{connection_id}", wait)
