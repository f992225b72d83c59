"""What both ways of connecting end with: a connection that is saved, and mapped if it is new."""

from django.db import transaction
from wagtail.log_actions import log

from integrations import drift
from integrations.connectors.base import Account
from integrations.locks import connection_lock
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Connection, RemoteLink
from integrations.sources import our_fields

from .probe import Probed
from .states import change, hurry, stopped_by_the_crm

WRITTEN = ["name", "config", "secrets", "account_name", "account_detail", "attributes", "drift"]


def store(connection: Connection, probed: Probed) -> Connection:
    """`connection` with name, config and secrets as they were tried out just now. What the old
    credentials or address had stopped goes on by itself."""
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
    with connection_lock(connection.pk, wait=True), transaction.atomic():
        # Locked, because a delivery may write the connection's state at the same time.
        before = Connection.objects.select_for_update().get(pk=connection.pk)
        if _may_be_another(before, connection, probed.account):
            # Its numbers are other people's there. Everybody is found by their address again.
            RemoteLink.objects.filter(connection=connection).delete()
        connection.save(update_fields=WRITTEN)
        log(instance=connection, action="wagtail.edit")
        _go_on(connection)
    return connection


def _may_be_another(before: Connection, now: Connection, account: Account) -> bool:
    if where(before) == where(now) and before.secrets == now.secrets:
        return False
    return not account.certain or whose(before) != whose(now)


def whose(connection: Connection) -> list:
    """Whose account it reaches, as JSON; any part of the address may lead to another one."""
    return [connection.account_name, connection.account_detail, where(connection)]


def where(connection: Connection) -> dict[str, str]:
    return {name: value for name, value in connection.config.items() if value}


def _go_on(connection: Connection) -> None:
    connection.refresh_from_db(fields=["state", "state_reason", "paused_by"])
    if stopped_by_the_crm(connection):
        change(connection, "resume")
    elif connection.state == Connection.State.ACTIVE:
        hurry(connection)
