"""How the deliveries of all retailers are doing, in a handful of queries. No personal data.

The questions go by the partial index of open deliveries and the index of attempts by time: what was
delivered long ago costs nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django_tenants.utils import get_tenant_model, schema_context

from . import mail
from .over_schemas import ask
from .sweep import served_schemas

CONNECTIONS = """
SELECT '{schema}' AS schema, c.id, c.name, c.kind, c.state, c.paused_by, c.failures, c.not_before,
       open.waiting, open.oldest
  FROM {quoted}.integrations_connection c
  LEFT JOIN LATERAL (
    SELECT count(*) AS waiting, min(d.due_at) AS oldest
      FROM {quoted}.integrations_delivery d
     WHERE d.connection_id = c.id AND d.state IN ('due', 'sending')) open ON true
 WHERE c.state <> 'off'
"""
ATTEMPTS = """
SELECT '{schema}' AS schema, d.connection_id, c.kind, a.outcome, a.code, count(*) AS number,
       sum(a.duration_ms)::float / count(*) AS milliseconds
  FROM {quoted}.integrations_attempt a
  JOIN {quoted}.integrations_delivery d ON d.id = a.delivery_id
  JOIN {quoted}.integrations_connection c ON c.id = d.connection_id
 WHERE a.at > %(since)s
 GROUP BY 2, 3, 4, 5
"""
MAILS = """
SELECT '{schema}' AS schema, count(*) AS unsent, min(created_at) AS oldest
  FROM {quoted}.integrations_mail
 WHERE sent_at IS NULL AND created_at > %(oldest_mail)s
"""


@dataclass(frozen=True)
class ConnectionRow:
    schema: str
    id: int
    name: str
    kind: str
    state: str
    paused_by: str
    failures: int
    not_before: datetime
    waiting: int
    oldest: datetime | None

    def waited(self, now: datetime) -> float:
        """Seconds since the oldest delivery was due; 0 if none is."""
        return max(0.0, (now - self.oldest).total_seconds()) if self.oldest else 0.0

    def overdue(self, now: datetime) -> float:
        """Seconds for which a worker could have sent the oldest and hasn't: none is called for
        before `not_before`, when a CRM has asked us to wait or doesn't answer.
        """
        return min(self.waited(now), max(0.0, (now - self.not_before).total_seconds()))


@dataclass(frozen=True)
class AttemptRow:
    schema: str
    connection_id: int
    kind: str
    outcome: str
    code: str
    number: int
    milliseconds: float


@dataclass(frozen=True)
class MailRow:
    schema: str
    unsent: int
    oldest: datetime | None


@dataclass(frozen=True)
class Fleet:
    """All that is asked at one moment; `attempts` are those since `since`."""

    now: datetime
    since: datetime
    retailers: dict[str, str]  # schema → name
    connections: list[ConnectionRow]
    attempts: list[AttemptRow]
    mails: list[MailRow]


def look(period: timedelta = timedelta(hours=24)) -> Fleet:
    now = timezone.now()
    since, oldest = now - period, now - mail.GIVE_UP
    with schema_context("public"):
        schemas = served_schemas()
        names = get_tenant_model().objects.filter(schema_name__in=schemas)
        return Fleet(
            now=now,
            since=since,
            retailers=dict(names.values_list("schema_name", "name")),
            connections=[ConnectionRow(*row) for row in ask(CONNECTIONS, schemas)],
            attempts=[AttemptRow(*row) for row in ask(ATTEMPTS, schemas, since=since)],
            mails=[MailRow(*row) for row in ask(MAILS, schemas, oldest_mail=oldest) if row[1]],
        )
