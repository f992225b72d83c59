"""What both ways of connecting end with: a connection that is saved, and mapped if it is new."""

from collections.abc import Collection

from django.db import connection as database, transaction
from wagtail.log_actions import log

from integrations import doorbell, drift
from integrations.connectors.base import Account
from integrations.locks import connection_lock
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Connection, RemoteLink
from integrations.sources import our_fields

from .probe import Probed
from .states import change, hurry, stopped_by_the_crm

PATIENCE = 10  # seconds that somebody waits for a drain; a web thread is held meanwhile
WRITTEN = ["name", "config", "secrets", "account_name", "account_detail", "attributes", "drift"]


BUSY = "Sign-ups are being sent at this moment. Please try again in a minute."


class Busy(Exception):
    """Sign-ups are being sent at this moment, and it takes long."""


def store(connection: Connection, probed: Probed, kept: Collection[str] = ()) -> Connection:
    """`connection` with name, config and secrets as they were tried out just now. What the old
    credentials or address had stopped goes on by itself. `kept`: secrets that stay as they are,
    which may have been renewed meanwhile. Raises `Busy`, with nothing saved."""
    connection.account_name = probed.account.name[:200]
    connection.account_detail = probed.account.detail[:300]
    drift.take_over(connection, probed.attributes)
    if connection.pk is None:
        hints = connection.connector_class.hints
        rows = default_rows(probed.attributes, hints, our_fields())
        connection.mapping = rows_to_json(rows)
        with transaction.atomic():
            connection.save()
            log(instance=connection, action="wagtail.create")
        return connection
    # A drain under way would bring ids of the old account to the new one, or learn them after us.
    with connection_lock(connection.pk, PATIENCE) as held, transaction.atomic():
        if not held:
            raise Busy
        # Locked, because a delivery may write the connection's state at the same time.
        before = Connection.objects.select_for_update().get(pk=connection.pk)
        for name in set(kept) & set(before.secrets):
            connection.secrets[name] = before.secrets[name]
        if _may_be_another(before, connection, probed.account):
            # Its numbers are other people's there. Everybody is found by their address again.
            RemoteLink.objects.filter(connection=connection).delete()
        connection.save(update_fields=WRITTEN)
        log(instance=connection, action="wagtail.edit")
        _go_on(connection)
    if connection.state == Connection.State.ACTIVE:
        # The ring of `hurry` may have been heard while we had the lock.
        doorbell.ring(database.schema_name, [connection.pk])
    return connection


def _may_be_another(before: Connection, now: Connection, account: Account) -> bool:
    if where(before) == where(now) and before.secrets == now.secrets:
        return False
    return not account.certain or whose(before) != whose(now)


def whose(connection: Connection) -> list:
    """Whose account it reaches, as JSON; any part of the address may lead to another one."""
    return [connection.account_name, connection.account_detail, where(connection)]


def where(connection: Connection) -> dict[str, str]:
    fields = connection.connector_class.config_fields
    same = {field.name for field in fields if not field.leads_elsewhere}
    return {name: value for name, value in connection.config.items() if value and name not in same}


def _go_on(connection: Connection) -> None:
    connection.refresh_from_db(fields=["state", "state_reason", "paused_by"])
    if stopped_by_the_crm(connection):
        change(connection, "resume")
    elif connection.state == Connection.State.ACTIVE:
        hurry(connection)
