"""Scheduled publishing: pages that go live, or offline, at a time that a retailer has set."""

from collections.abc import Iterable

from django.core.management import call_command
from django.utils import timezone

from integrations import over_schemas

DUE = """
SELECT '{schema}' WHERE EXISTS (
    SELECT FROM {quoted}.wagtailcore_revision WHERE approved_go_live_at < %(now)s
) OR EXISTS (
    SELECT FROM {quoted}.wagtailcore_page WHERE live AND expire_at < %(now)s
)
"""


def due_schemas(schemas: Iterable[str]) -> list[str]:
    """Those of these schemas in which a page's time has come."""
    return [schema for (schema,) in over_schemas.ask(DUE, schemas, now=timezone.now())]


def publish_due() -> None:
    """Wagtail's own command, in the schema that is active."""
    call_command("publish_scheduled")
