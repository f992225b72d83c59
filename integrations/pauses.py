"""The delivery pauses a connection where the CRM refuses us: everything waits, its owners are told.

Once for each pause: what comes back to life and is refused again is a new pause.
"""

from django.utils import timezone

from . import mail
from .models import Connection

# Connection.paused_by where no CRM has said a code:
BY_HAND = "hand"  # a person asked for it
MAPPING = "mapping"  # what goes where can't be read


def pause(connection: Connection, code: str, reason: str) -> bool:
    """In the caller's transaction. False if it isn't active any more: a person was faster."""
    now = timezone.now()
    changed = Connection.objects.filter(pk=connection.pk, state=Connection.State.ACTIVE).update(
        state=Connection.State.PAUSED, state_reason=reason[:500], paused_by=code[:60]
    )
    if changed:
        mail.mail_owners(
            "connection_paused",
            {
                "connection": connection.name,
                "connection_id": connection.pk,
                "code": code,
                "reason": reason,
            },
            once=f"connection:{connection.pk}:paused:{now.isoformat(timespec='microseconds')}",
        )
    return bool(changed)
