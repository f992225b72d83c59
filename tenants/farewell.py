"""The end of a retailer: its files, its schema, its row, and a look that all is gone.

Each step may be repeated: a worker that dies in between leaves work for the next run, never a
retailer that is half there but served, because a closed one isn't.
"""

import shutil
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from .audit import record
from .models import Domain, Retailer


class NotDue(Exception):
    """The retailer isn't closed, or may still come back."""


class StillThere(Exception):
    """Something of the retailer was found after it was deleted; `str` says what."""


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
        shutil.rmtree(media_folder(schema), ignore_errors=True)
        record(row, "deleted", f"closed since {row.state_since:%Y-%m-%d}", by=by)
        for domain in Domain.objects.filter(tenant=row):
            domain.delete()  # one by one: the look-ups of hosts are forgotten by signals
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {connection.ops.quote_name(schema)} CASCADE")
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
    if media_folder(schema).exists():
        found.append("files")
    if Retailer.objects.filter(schema_name=schema).exists():
        found.append("row")
    return found


def media_folder(schema: str) -> Path:
    if not schema or schema == "public" or "/" in schema or schema.startswith("."):
        raise ValueError(f"{schema!r} isn't a retailer's schema.")
    return Path(settings.MEDIA_ROOT) / schema
