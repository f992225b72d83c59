"""Migrations as SQL: worked out once, and run in every schema that lacks the same ones.

Rendering the models' states is what a migration costs (seconds), not its SQL (milliseconds). It is
the same for all retailers, since their schemas have the same tables, with the same names for
constraints and indexes (see tenants.provisioning).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from .migrating import Migration, grouped, targets
from .schemas import TEMPLATE_SCHEMA


class Differs(Exception):
    """Since the SQL was worked out, somebody else has migrated this schema."""


@dataclass(frozen=True)
class Recorded:
    """`sql` brings a schema that lacks exactly `migrations` along."""

    migrations: tuple[Migration, ...]
    sql: str


def record(schema: str) -> Recorded | None:
    """What this schema lacks, as SQL; None if only Django itself can migrate it: a migration runs
    Python, wants to be outside a transaction, or needs to see what an earlier one has changed.
    """
    try:
        connection.set_schema(schema)
        executor = MigrationExecutor(connection)
        executor.loader.check_consistent_history(connection)
        plan = executor.migration_plan(targets(executor.loader, schema))
        for migration, _ in plan:
            migration.operations = grouped(migration.operations)
            if not migration.atomic or migration.replaces:
                return None
            if not all(operation.reduces_to_sql for operation in migration.operations):
                return None
        state = executor._create_project_state(with_applied_migrations=True)
        lines: list[str] = []
        for migration, _ in plan:
            with connection.schema_editor(collect_sql=True) as editor:
                state = migration.apply(state, editor, collect_sql=True)
            lines += editor.collected_sql
        return Recorded(
            tuple((migration.app_label, migration.name) for migration, _ in plan),
            "\n".join(line for line in lines if not line.startswith("--")),
        )
    except ValueError:
        return None  # it looks for a constraint that an earlier migration of the plan makes
    finally:
        connection.set_schema_to_public()


def replay(recorded: Recorded, schema: str) -> None:
    """Bring `schema` along, in one transaction. Raises `Differs`, or what the database says."""
    try:
        connection.set_schema(schema)
        with transaction.atomic():
            with connection.cursor() as cursor:
                # Of two runs at once, the second waits here and then sees what the first has done.
                cursor.execute("LOCK TABLE django_migrations IN EXCLUSIVE MODE")
            recorder = MigrationRecorder(connection)
            rows = recorder.migration_qs.values_list("app", "name")
            if set(recorded.migrations) & set(rows):
                raise Differs(schema)
            with connection.cursor() as cursor:
                if recorded.sql.strip():
                    cursor.execute(recorded.sql)
                cursor.execute(PERMISSIONS)
            recorder.migration_qs.bulk_create(
                recorder.Migration(app=app, name=name) for app, name in recorded.migrations
            )
    finally:
        connection.set_schema_to_public()


# Django writes the permissions of new models after a migration. The template has them by then.
PERMISSIONS = f"""
INSERT INTO auth_permission (name, content_type_id, codename)
SELECT name, content_type_id, codename FROM {TEMPLATE_SCHEMA}.auth_permission
ON CONFLICT (content_type_id, codename) DO NOTHING
"""


def by_what_is_missing(
    code: set[Migration], applied: dict[str, set[Migration]], names: Iterable[str]
) -> list[list[str]]:
    """The schemas that are behind, those that lack the same migrations together."""
    groups: dict[frozenset[Migration], list[str]] = {}
    for name in names:
        if missing := code - applied[name]:
            groups.setdefault(frozenset(missing), []).append(name)
    return list(groups.values())
