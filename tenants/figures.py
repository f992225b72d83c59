"""What the console knows of each retailer without asking its schema: counted every few minutes.

No personal data.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import models
from django.utils import timezone

from integrations import over_schemas

from .migrating import migrations_of_this_code

SILENT = timedelta(minutes=15)  # a tablet that was heard of within that time is online
A_MONTH = timedelta(days=30)

FIGURES = """
SELECT '{schema}',
  (SELECT count(*) FROM {quoted}.forms_app_signup
    WHERE received_at > %(month)s AND NOT is_test),
  (SELECT min(d.created_at) FROM {quoted}.integrations_delivery d
     JOIN {quoted}.integrations_connection c ON c.id = d.connection_id AND c.state <> 'off'
    WHERE d.state IN ('due', 'sending')),
  (SELECT count(*) FROM {quoted}.forms_app_tablet WHERE revoked_at IS NULL),
  (SELECT count(*) FROM {quoted}.forms_app_tablet
    WHERE revoked_at IS NULL AND (last_contact_at IS NULL OR last_contact_at < %(silent)s)),
  (SELECT string_agg(DISTINCT kind || ' ' || state, ', ')
     FROM {quoted}.integrations_connection WHERE state <> 'off'),
  (SELECT count(*) FROM {quoted}.integrations_connection
    WHERE state = 'paused' AND paused_by NOT IN ('', 'hand')),
  (SELECT min(created_at) FROM {quoted}.integrations_mail
    WHERE sent_at IS NULL AND attempts > 1),
  (SELECT count(DISTINCT code.name) FROM {quoted}.django_migrations m
     JOIN code ON code.name = m.app || '.' || m.name)
"""
CODE = "WITH code AS MATERIALIZED (SELECT unnest(%(code)s::text[]) AS name) "


class RetailerFigures(models.Model):
    """The last known of one retailer, so that the list can be sorted and filtered by them."""

    retailer = models.OneToOneField(
        "tenants.Retailer", on_delete=models.CASCADE, primary_key=True, related_name="counted"
    )
    signups_30_days = models.PositiveIntegerField(default=0)
    oldest_undelivered_at = models.DateTimeField(null=True)
    tablets = models.PositiveIntegerField(default=0)
    tablets_offline = models.PositiveIntegerField(default=0)
    crm_state = models.CharField(max_length=200, blank=True, help_text="kinds and states")
    crm_refused = models.PositiveIntegerField(default=0, help_text="connections a CRM stopped")
    mails_failing_since = models.DateTimeField(null=True)
    migrations_lacking = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.retailer_id}: {self.signups_30_days} sign-ups"


class Row(NamedTuple):
    schema: str
    signups_30_days: int
    oldest_undelivered_at: datetime | None
    tablets: int
    tablets_offline: int
    crm_state: str | None
    crm_refused: int
    mails_failing_since: datetime | None
    migrations: int


def count(retailers: dict[str, int]) -> int:
    """Count for these (schema → id of the retailer, each complete); returns for how many."""
    code = sorted(f"{app}.{name}" for app, name in migrations_of_this_code("r_any"))
    now = timezone.now()
    made = [
        RetailerFigures(
            retailer_id=retailers[row.schema],
            signups_30_days=row.signups_30_days,
            oldest_undelivered_at=row.oldest_undelivered_at,
            tablets=row.tablets,
            tablets_offline=row.tablets_offline,
            crm_state=(row.crm_state or "")[:200],
            crm_refused=row.crm_refused,
            mails_failing_since=row.mails_failing_since,
            migrations_lacking=len(code) - row.migrations,
            counted_at=now,
        )
        for row in look(sorted(retailers), now, code)
    ]
    fields = [each.name for each in RetailerFigures._meta.fields if not each.primary_key]
    RetailerFigures.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["retailer"], update_fields=fields
    )
    return len(made)


def look(names: list[str], now: datetime, code: list[str]) -> list[Row]:
    values = {"month": now - A_MONTH, "silent": now - SILENT, "code": code}
    return [Row(*row) for row in over_schemas.ask(FIGURES, names, before=CODE, **values)]


def count_all() -> int:
    """Every retailer that is served; call it in the public schema."""
    from .models import Retailer

    served = Retailer.objects.exclude(state=Retailer.State.TEMPLATE).filter(schema_problem="")
    return count(dict(served.values_list("schema_name", "pk")))
