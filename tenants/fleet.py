"""Bring the public schema, the template and every retailer's schema to this code's migrations."""

import logging
from collections.abc import Callable, Iterable

from django.db import connection

from . import schemas
from .migrating import migrate_schema, migrations_of_this_code
from .models import Retailer, SchemaTemplate

log = logging.getLogger(__name__)
LOCK = 0x43494D47  # one migration run at a time, whatever starts it


def migrate_fleet(say: Callable[[str], None]) -> list[str]:
    """Migrate what is behind, check every schema's tables, and return the schemas with a problem.

    Can be run again at any time: what is current is skipped. A retailer whose migration fails is
    recorded (`Retailer.schema_problem`), isn't served, and doesn't stop the others.
    """
    connection.set_schema_to_public()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        return _migrate(say)
    finally:
        connection.set_schema_to_public()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _migrate(say: Callable[[str], None]) -> list[str]:
    shared = migrations_of_this_code("public")
    if shared - schemas.applied_migrations(["public"])["public"]:
        say("Migrating the public schema")
        migrate_schema("public", say)
    template = schemas.template_row()
    code = migrations_of_this_code(template.schema_name)
    if code - schemas.applied_migrations([template.schema_name])[template.schema_name]:
        say("Migrating the template schema")
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schemas.TEMPLATE_SCHEMA}")
        migrate_schema(template.schema_name, say)
    if not is_kept(template.schema_name):
        say("Keeping the template's SQL")
        schemas.refresh_template()

    retailers = Retailer.objects.exclude(pk=template.pk).order_by("schema_name")
    names = list(retailers.values_list("schema_name", flat=True))
    applied = schemas.applied_migrations(names)
    behind = [name for name in names if code - applied[name]]
    failed = dict(migrate_each(behind, say))
    failed = {**schemas.problems(names), **failed}
    for retailer in retailers.all():
        problem = failed.get(retailer.schema_name, "")
        if retailer.schema_problem != problem:
            retailer.schema_problem = problem
            retailer.save(update_fields=["schema_problem"])
    if wrong := schemas.problems([template.schema_name]):
        raise schemas.IncompleteSchema(wrong[template.schema_name])
    say(f"{len(names)} retailers, {len(behind)} migrated, {len(failed)} with a problem")
    return sorted(failed)


def is_kept(schema: str) -> bool:
    """Is the template's SQL stored for the migrations that the template schema has?"""
    applied = schemas.applied_migrations([schema])[schema]
    return SchemaTemplate.objects.filter(fingerprint=schemas.fingerprint(applied)).exists()


def migrate_each(names: Iterable[str], say: Callable[[str], None]) -> Iterable[tuple[str, str]]:
    """Migrate one schema after the other; yields (schema, error) for those that fail."""
    names = list(names)
    for number, name in enumerate(names, start=1):
        say(f"Migrating {name} ({number} of {len(names)})")
        try:
            migrate_schema(name)
        except Exception as error:  # whatever a migration raises: it is recorded, others go on
            log.exception("Migrating %s failed", name)
            yield name, f"Its migration failed: {error}"
