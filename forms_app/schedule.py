"""Scheduled publishing: pages that go live, or offline, at a time that a retailer has set."""

from collections.abc import Iterable, Iterator

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

SCHEMAS_A_QUERY = 200

DUE = """
SELECT '{schema}' WHERE EXISTS (
    SELECT FROM {quoted}.wagtailcore_revision WHERE approved_go_live_at < %(now)s
) OR EXISTS (
    SELECT FROM {quoted}.wagtailcore_page WHERE live AND expire_at < %(now)s
)
"""


def due_schemas(schemas: Iterable[str]) -> Iterator[str]:
    """Those of these schemas in which a page's time has come."""
    schemas = list(schemas)
    for start in range(0, len(schemas), SCHEMAS_A_QUERY):
        parts = [
            DUE.format(schema=schema, quoted=connection.ops.quote_name(schema))
            for schema in schemas[start : start + SCHEMAS_A_QUERY]
        ]
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), {"now": timezone.now()})
            yield from (schema for (schema,) in cursor.fetchall())


def publish_due() -> None:
    """Wagtail's own command, in the schema that is active."""
    call_command("publish_scheduled")
