"""One process at a time for each customer of Stripe.

A session's advisory lock, as for deliveries (integrations/locks.py says why): freed by PostgreSQL
when its holder dies, and no transaction is open while Stripe is asked.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def lock_number(subject: str) -> int:
    """A signed 64-bit number, the same in every process."""
    digest = hashlib.blake2b(f"stripe:{subject}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


@contextmanager
def subject_lock(subject: str) -> Iterator[bool]:
    """Yields whether this process now holds the lock. Never waits."""
    number = lock_number(subject)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        held = cursor.fetchone()[0]
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
