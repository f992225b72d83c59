"""One process at a time for each customer of Stripe, by the same locks as for deliveries.

Freed by PostgreSQL when the holder dies, and no transaction is open while Stripe is asked.
"""

from contextlib import AbstractContextManager

from integrations.locks import advisory_lock


def subject_lock(subject: str) -> AbstractContextManager[bool]:
    """Yields whether this process now holds the lock. Never waits."""
    return advisory_lock(f"stripe:{subject}")
