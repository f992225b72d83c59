"""One drain per connection at a time, so one per person too.

A session's advisory lock: PostgreSQL frees it when the worker that holds it dies, whatever way,
and it needs no transaction to stay open during HTTP. (That's why there may be no transaction-mode
pooler in between.)
"""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import connection


def lock_number(name: str) -> int:
    """A signed 64-bit number, the same in every process."""
    digest = hashlib.blake2b(name.encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


@contextmanager
def advisory_lock(name: str, wait: bool = False) -> Iterator[bool]:
    """Yields whether this process now holds the lock of this name. Doesn't wait unless told to."""
    number = lock_number(name)
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
            held = True
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
            held = cursor.fetchone()[0]
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def connection_lock(connection_id: int, wait: bool = False) -> AbstractContextManager[bool]:
    """The lock of one connection of the retailer whose schema is active."""
    return advisory_lock(f"{connection.schema_name}:connection:{connection_id}", wait)
