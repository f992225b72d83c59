"""What the console shows of each retailer on a page of its list, in one query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

SILENT = timedelta(minutes=15)  # a tablet that was heard of within that time is online

FIGURES = """
SELECT '{schema}',
  (SELECT count(*) FROM {quoted}.forms_app_signup WHERE received_at > %(month)s),
  (SELECT min(due_at) FROM {quoted}.integrations_delivery WHERE state IN ('due', 'sending')),
  (SELECT count(*) FROM {quoted}.forms_app_tablet
    WHERE revoked_at IS NULL AND (last_contact_at IS NULL OR last_contact_at < %(silent)s)),
  (SELECT count(*) FROM {quoted}.forms_app_tablet WHERE revoked_at IS NULL),
  (SELECT string_agg(DISTINCT kind || ' ' || state, ', ')
     FROM {quoted}.integrations_connection WHERE state <> 'off')
"""


@dataclass(frozen=True)
class Figures:
    """`oldest` is when the delivery that waits longest was due; `crm` names kinds and states."""

    signups: int  # in 30 days
    oldest: datetime | None
    tablets_silent: int
    tablets: int
    crm: str


def figures(schemas: Iterable[str]) -> dict[str, Figures]:
    """For up to a few hundred schemas that are complete."""
    parts = [
        FIGURES.format(schema=schema, quoted=connection.ops.quote_name(schema))
        for schema in schemas
    ]
    if not parts:
        return {}
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(parts),
            {"month": now - timedelta(days=30), "silent": now - SILENT},
        )
        return {
            schema: Figures(signups, oldest, silent, tablets, crm or "")
            for schema, signups, oldest, silent, tablets, crm in cursor.fetchall()
        }
