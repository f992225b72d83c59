"""The states of a connection: how they change by hand or at night, and how they read."""

from dataclasses import dataclass
from functools import partial

from django.db import connection as database, transaction
from django.utils import timezone
from django.utils.formats import date_format
from wagtail.log_actions import log

from integrations import circuit, doorbell, pauses
from integrations.connectors.base import GONE
from integrations.models import Connection, Delivery

ACTIVE, PAUSED, OFF = Connection.State.ACTIVE, Connection.State.PAUSED, Connection.State.OFF
BY_HAND = "Paused by hand."

# What is done → (from which states, to which one, the reason that is shown, what paused it).
TRANSITIONS = {
    "pause": ((ACTIVE,), PAUSED, BY_HAND, pauses.BY_HAND),
    "resume": ((PAUSED, OFF), ACTIVE, "", ""),
    pauses.LET_IN: ((PAUSED,), ACTIVE, "", ""),
    "switch_off": ((ACTIVE, PAUSED), OFF, "", ""),
}


@dataclass(frozen=True)
class StateWords:
    """`tone` is good, busy, stopped or off; it only colours what the words say."""

    label: str
    tone: str
    reason: str = ""


def change(connection: Connection, what: str) -> bool:
    """Do one of TRANSITIONS; False if somebody else was faster and it no longer applies."""
    before, after, reason, paused_by = TRANSITIONS[what]
    with transaction.atomic():
        changed = Connection.objects.filter(pk=connection.pk, state__in=before).update(
            state=after, state_reason=reason, paused_by=paused_by
        )
        if changed:
            log(instance=connection, action=f"crm.{what}")
            if after == ACTIVE:
                hurry(connection)
    connection.refresh_from_db(fields=["state", "state_reason", "paused_by", "not_before"])
    return bool(changed)


def hurry(connection: Connection) -> None:
    """What waits goes now, whatever it was waiting for, and has three days of tries before it.

    Rings once the transaction is through.
    """
    now = timezone.now()
    Connection.objects.filter(pk=connection.pk).update(not_before=now, failures=0)
    waiting = Delivery.objects.filter(connection=connection, state=Delivery.State.DUE)
    waiting.update(due_at=now, created_at=now)
    circuit.revive(connection)
    transaction.on_commit(partial(doorbell.ring, database.schema_name, [connection.pk]))


def stopped_by_the_crm(connection: Connection) -> bool:
    """Paused because of what the CRM said, so it can go on once that is mended."""
    return connection.state == PAUSED and connection.paused_by != pauses.BY_HAND


def refused(connection: Connection) -> bool:
    """Paused because the CRM didn't let us in: it may do so again without anybody's doing."""
    others = ("", pauses.BY_HAND, pauses.MAPPING, GONE)
    return connection.state == PAUSED and connection.paused_by not in others


def let_in_again(connection: Connection) -> bool:
    """Resume it, as the CRM refused us and answers now. False if that isn't why it is paused."""
    with transaction.atomic():
        # Locked: while the CRM was asked, a person may have paused it, or switched it off.
        stored = Connection.objects.select_for_update().get(pk=connection.pk)
        return refused(stored) and change(stored, pauses.LET_IN)


def in_words(connection: Connection) -> StateWords:
    if connection.state == PAUSED:
        tone = "stopped" if stopped_by_the_crm(connection) else "busy"
        return StateWords("Paused", tone, connection.state_reason)
    if connection.state == OFF:
        return StateWords("Off", "off", "New sign-ups aren't sent.")
    if connection.not_before > timezone.now():
        until = date_format(timezone.localtime(connection.not_before), "H:i")
        if circuit.is_open(connection):
            words = f"The CRM doesn't answer. Nothing is lost: we try again at {until}."
            return StateWords("Not answering", "stopped", words)
        return StateWords("Waiting", "busy", f"The CRM can't take more now. Next try at {until}.")
    return StateWords("Active", "good")
