"""Finds due, stuck and waiting work over all schemas, and rings for it: deliveries and mails."""

from collections.abc import Iterable

from django.utils import timezone
from django_tenants.utils import get_public_schema_name, get_tenant_model, schema_context

from . import doorbell, mail, over_schemas

# `sending` is either in a worker's hands (then the drain that we ring for leaves at once) or was in
# the hands of one that died. Served by the partial index delivery_open.
WORK = """
SELECT DISTINCT '{schema}', d.connection_id
  FROM {quoted}.integrations_delivery d
  JOIN {quoted}.integrations_connection c ON c.id = d.connection_id
 WHERE d.state IN ('due', 'sending') AND d.due_at <= %(now)s
   AND c.state = 'active' AND c.not_before <= %(now)s
UNION ALL
SELECT '{schema}', NULL WHERE EXISTS (
    SELECT FROM {quoted}.integrations_mail
     WHERE sent_at IS NULL AND due_at <= %(now)s AND created_at > %(oldest_mail)s)
"""


def served_schemas() -> list[str]:
    retailers = get_tenant_model().objects.exclude(state="template").filter(schema_problem="")
    return list(retailers.values_list("schema_name", flat=True))


def find_work(schemas: Iterable[str]) -> list[tuple[str, int | None]]:
    """(schema, connection id) of every connection with something to do now; None for mails."""
    now = timezone.now()
    return over_schemas.ask(WORK, schemas, now=now, oldest_mail=now - mail.GIVE_UP)


def sweep() -> int:
    """Ring for all work that nobody came for; returns how often."""
    with schema_context("public"):
        work = find_work(served_schemas())
        if mail.due().exists():
            work.append((get_public_schema_name(), None))
    for schema, connection_id in work:
        with schema_context(schema):  # the doorbell's key belongs to the schema
            if connection_id is None:
                mail.ring()
            else:
                doorbell.ring(schema, [connection_id])
    return len(work)
