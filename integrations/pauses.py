"""The delivery pauses a connection where the CRM refuses us: everything waits, its owners are told.

Once for each pause: what comes back to life and is refused again is a new pause. Then once a week,
also where the nightly look finds the CRM open again and no sign-up gets through all the same.
"""

from datetime import timedelta

from django.utils import timezone
from wagtail.models import ModelLogEntry

from . import mail
from .models import Connection, Mail

WEEK = timedelta(days=7)
LET_IN = "let_in"  # see admin.states.TRANSITIONS

# Connection.paused_by where no CRM has said a code:
BY_HAND = "hand"  # a person asked for it
MAPPING = "mapping"  # what goes where can't be read


def pause(connection: Connection, code: str, reason: str) -> bool:
    """In the caller's transaction. False if it isn't active any more: a person was faster."""
    now = timezone.now()
    changed = Connection.objects.filter(pk=connection.pk, state=Connection.State.ACTIVE).update(
        state=Connection.State.PAUSED, state_reason=reason[:500], paused_by=code[:60]
    )
    if changed and not (_let_in_for_nothing(connection) and _told_lately(connection)):
        _tell(connection, code, reason, now.isoformat(timespec="microseconds"))
    return bool(changed)


def remind(connection: Connection) -> None:
    """It is still paused, as the CRM or the mapping has it."""
    if mail.owners_can_act() and not _told_lately(connection):
        today = timezone.now().date().isoformat()
        _tell(connection, connection.paused_by, connection.state_reason, today)


def _let_in_for_nothing(connection: Connection) -> bool:
    """Whether the nightly look was the last to touch it, and nothing has arrived since."""
    last = ModelLogEntry.objects.for_instance(connection).order_by("-timestamp", "-pk").first()
    if last is None or last.action != f"crm.{LET_IN}":
        return False
    return not connection.deliveries.filter(delivered_at__gte=last.timestamp).exists()


def _told_lately(connection: Connection) -> bool:
    letters = Mail.objects.filter(kind="connection_paused", context__connection_id=connection.pk)
    return letters.filter(created_at__gt=timezone.now() - WEEK).exists()


def _tell(connection: Connection, code: str, reason: str, when: str) -> None:
    mail.mail_owners(
        "connection_paused",
        {
            "connection": connection.name,
            "connection_id": connection.pk,
            "code": code,
            "reason": reason,
        },
        once=f"connection:{connection.pk}:paused:{when}",
    )
