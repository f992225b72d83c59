"""The end of a retailer: its files, its schema, its row, and a look that all is gone.

Each step may be repeated: a worker that dies in between leaves work for the next run, never a
retailer that is half there but served, because a closed one isn't.
"""

from datetime import timedelta

from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from integrations import mail

from . import files
from .audit import record
from .models import Domain, Retailer


class NotDue(Exception):
    """The retailer isn't closed, or may still come back."""


class StillThere(Exception):
    """Something of the retailer was found after it was deleted; `str` says what."""


DELETED, NEAR = "account_deleted", "deletion_near"
NEAR_DAYS = (7, 1)  # before everything is deleted
mail.declare(NEAR, "A closed account will be deleted: a week and a day before", day="24 December")
mail.declare(DELETED, "Everything of a closed account is deleted", shop="Fern & Fig")


def remind() -> int:
    """Tell the owners of closed retailers that the day is near; how many mails that makes."""
    written, now = 0, timezone.now()
    soon = now + timedelta(days=max(NEAR_DAYS))
    for retailer in Retailer.objects.filter(
        state=Retailer.State.CLOSED, delete_at__gt=now, delete_at__lte=soon, schema_problem=""
    ):
        left = (retailer.delete_at - now) / timedelta(days=1)
        stage = min(days for days in NEAR_DAYS if left <= days)
        context = {"day": f"{retailer.delete_at:%-d %B %Y}"}
        once = f"{NEAR}:{retailer.delete_at:%Y-%m-%d}:{stage}"
        with tenant_context(retailer):
            written += mail.mail_owners(NEAR, context, once=once)
    return written


def due() -> list[Retailer]:
    return list(
        Retailer.objects.filter(
            state=Retailer.State.CLOSED, delete_at__lte=timezone.now()
        ).order_by("delete_at")
    )


def delete(retailer: Retailer, *, by: str = "system") -> None:
    """Raises `NotDue` unless its time has come, `StillThere` if anything is left."""
    schema = retailer.schema_name
    with transaction.atomic():
        row = Retailer.objects.select_for_update().filter(pk=retailer.pk).first()
        if row is None:
            return  # another worker was faster
        if row.state != Retailer.State.CLOSED or row.delete_at > timezone.now():
            raise NotDue(f"{row} isn't due to be deleted.")
        # Before the commit, so that files never outlive the row that leads to them.
        files.delete_all(schema)
        record(row, "deleted", f"closed since {row.state_since:%Y-%m-%d}", by=by)
        for domain in Domain.objects.filter(tenant=row):
            domain.delete()  # one by one: the look-ups of hosts are forgotten by signals
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {connection.ops.quote_name(schema)} CASCADE")
        if row.owner_email:
            mail.write(DELETED, row.owner_email, {"shop": row.name})
        row.delete()
    with schema_context(schema):
        cache.delete_pattern("*")
    left = what_is_left(schema)
    if left:
        raise StillThere(f"{schema}: {', '.join(left)}")


def what_is_left(schema: str) -> list[str]:
    """Anything of the schema's data that can still be found; of a deleted retailer nothing is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
        found = ["schema"] if cursor.fetchone() else []
    if files.names(schema):
        found.append("files")
    if Retailer.objects.filter(schema_name=schema).exists():
        found.append("row")
    return found
