"""What both ways of connecting end with: a connection that is saved, and mapped if it is new."""

from django.db import transaction
from wagtail.log_actions import log

from integrations import drift
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Connection
from integrations.sources import our_fields

from .probe import Probed
from .states import change, hurry, stopped_by_the_crm


def store(connection: Connection, probed: Probed) -> Connection:
    """`connection` with name, config and secrets as they were tried out just now. What the old
    credentials or address had stopped goes on by itself."""
    is_new = connection.pk is None
    connection.account_name = probed.account.name[:200]
    connection.account_detail = probed.account.detail[:300]
    written = ["name", "config", "secrets", "account_name", "account_detail", "attributes", "drift"]
    drift.take_over(connection, probed.attributes)
    if is_new:
        hints = connection.connector_class.hints
        rows = default_rows(probed.attributes, hints, our_fields())
        connection.mapping = rows_to_json(rows)
    with transaction.atomic():
        # Named, because a delivery may write the connection's state at the same time.
        connection.save(update_fields=None if is_new else written)
        log(instance=connection, action="wagtail.create" if is_new else "wagtail.edit")
        if not is_new:
            _go_on(connection)
    return connection


def _go_on(connection: Connection) -> None:
    connection.refresh_from_db(fields=["state", "state_reason", "paused_by"])
    if stopped_by_the_crm(connection):
        change(connection, "resume")
    elif connection.state == Connection.State.ACTIVE:
        hurry(connection)
