"""What PostgreSQL itself says about schemas: tables, applied migrations, the template's SQL."""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable

from django.apps import apps
from django.conf import settings
from django.db import connection, router, transaction
from django_tenants.utils import schema_context
from psycopg2.extensions import make_dsn

from .migrating import migrations_of_this_code
from .models import Retailer, SchemaTemplate

# Stands in the SQL wherever the schema is meant, so it must be a name that nothing else has.
TEMPLATE_SCHEMA = "retailer_template_schema"

SCHEMA_NAME = re.compile(r"\Ar_[a-z0-9_]{1,60}\Z")


class StaleTemplate(Exception):
    """The template schema lacks migrations of this code: run `manage.py migrate_fleet`."""


class IncompleteSchema(Exception):
    """A schema's tables aren't the expected ones."""


def applied_migrations(schemas: Iterable[str]) -> dict[str, set[tuple[str, str]]]:
    """schema → applied (app, name), in one statement for a few hundred schemas each.

    A schema without the table of migrations maps to an empty set.
    """
    schemas = list(schemas)
    applied: dict[str, set[tuple[str, str]]] = {schema: set() for schema in schemas}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relname = 'django_migrations' AND n.nspname = ANY(%s)",
            [schemas],
        )
        present = [name for (name,) in cursor.fetchall()]
        for start in range(0, len(present), 200):
            cursor.execute(
                " UNION ALL ".join(
                    f"SELECT '{name}', app, name"
                    f" FROM {connection.ops.quote_name(name)}.django_migrations"
                    for name in present[start : start + 200]
                )
            )
            for schema, app, name in cursor.fetchall():
                applied[schema].add((app, name))
    return applied


SCHEMAS_A_QUERY = 200
# How many of this code's migrations a schema has; compared in the database, which has them all.
CURRENT = """
SELECT '{schema}', (SELECT count(DISTINCT code.name) FROM {quoted}.django_migrations m
                      JOIN code ON code.name = m.app || '.' || m.name)
"""


def behind(schemas: Iterable[str], code: set[tuple[str, str]]) -> list[str]:
    """Which of these lack a migration of `code`, one without the table of migrations included."""
    schemas, wanted = list(schemas), [f"{app}.{name}" for app, name in code]
    lacking = set(schemas)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relname = 'django_migrations' AND n.nspname = ANY(%s)",
            [schemas],
        )
        present = [name for (name,) in cursor.fetchall()]
        for start in range(0, len(present), SCHEMAS_A_QUERY):
            parts = " UNION ALL ".join(
                CURRENT.format(schema=name, quoted=connection.ops.quote_name(name))
                for name in present[start : start + SCHEMAS_A_QUERY]
            )
            cursor.execute(
                f"WITH code AS MATERIALIZED (SELECT unnest(%s::text[]) AS name) {parts}", [wanted]
            )
            lacking -= {schema for schema, number in cursor.fetchall() if number == len(wanted)}
    return [schema for schema in schemas if schema in lacking]


def fingerprint(applied: Iterable[tuple[str, str]]) -> str:
    """A name for a set of applied migrations."""
    lines = "\n".join(f"{app}.{name}" for app, name in sorted(applied))
    return hashlib.sha256(lines.encode()).hexdigest()


def expected_tables() -> set[str]:
    """The tables that a retailer's schema must have, from the models of this code."""
    with schema_context(TEMPLATE_SCHEMA):  # the router answers for the connection's schema
        return {
            model._meta.db_table
            for model in apps.get_models(include_auto_created=True)
            if router.allow_migrate_model("default", model) and model._meta.managed
        } | {"django_migrations"}


def tables(schemas: Iterable[str]) -> dict[str, set[str]]:
    """schema → names of its tables, in one statement."""
    found: dict[str, set[str]] = {schema: set() for schema in schemas}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY(%s)",
            [list(found)],
        )
        for schema, table in cursor.fetchall():
            found[schema].add(table)
    return found


def problems(schemas: Iterable[str]) -> dict[str, str]:
    """schema → what is wrong with it, for those with a problem.

    A query for a table that is missing would fall through to the public schema, so such a schema
    must not be served. Tables that are left over are a contract step not yet taken, and harmless.
    """
    expected = expected_tables()
    found = {}
    for schema, present in tables(incomplete(schemas, expected)).items():
        if missing := expected - present:
            found[schema] = f"Tables are missing: {', '.join(sorted(missing))}."
    return found


def incomplete(schemas: Iterable[str], expected: set[str]) -> list[str]:
    """Which of these haven't all of these tables: counted in the database, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.name FROM unnest(%s::text[]) AS wanted(name)"
            " LEFT JOIN pg_namespace n ON n.nspname = wanted.name"
            " LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')"
            " AND c.relname = ANY(%s::name[])"
            " GROUP BY wanted.name HAVING count(c.oid) < %s",
            [list(schemas), list(expected), len(expected)],
        )
        return [name for (name,) in cursor.fetchall()]


def dump_template() -> str:
    """SQL that builds the template schema with its data. Raises as `dump` does."""
    return dump(TEMPLATE_SCHEMA, "--rows-per-insert=500")


def dump(schema: str, *options: str) -> str:
    """What pg_dump says of a schema, without what would change the session that runs it.

    Raises `subprocess.CalledProcessError` if pg_dump fails (it must not be older than the server).
    """
    dumped = subprocess.run(
        [
            settings.PG_DUMP,
            f"--dbname={conninfo()}",
            f"--schema={schema}",
            "--no-owner",
            "--no-privileges",
            "--encoding=UTF8",
            *options,
        ],
        env=libpq_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Comments and psql's own commands (\restrict) out; the session settings of the preamble too:
    # they would outlive the transaction (search_path above all), and every name is qualified.
    lines = [
        line
        for line in dumped.splitlines()
        if line
        and not line.startswith(("--", "\\", "SET "))
        and "pg_catalog.set_config('search_path'" not in line
    ]
    return "\n".join(lines)


def libpq_environment() -> dict[str, str]:
    """The environment in which PostgreSQL's own programs find our database."""
    database = connection.settings_dict
    return {
        **os.environ,
        "PGHOST": str(database["HOST"]),
        "PGPORT": str(database["PORT"] or 5432),
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
    }


def conninfo() -> str:
    """What isn't in there, for a command line: the database, and DATABASE_URL's parameters."""
    database = connection.settings_dict
    return make_dsn(dbname=database["NAME"], **database["OPTIONS"])


def refresh_template() -> SchemaTemplate:
    """Keep the template's SQL under the fingerprint of its migrations, and drop older ones.

    The template is then built from that SQL itself: PostgreSQL writes some expressions in other
    words when it reads its own, and retailers should be the template's equals to the letter.
    """
    applied = applied_migrations([TEMPLATE_SCHEMA])[TEMPLATE_SCHEMA]
    if missing := migrations_of_this_code(TEMPLATE_SCHEMA) - applied:
        raise StaleTemplate(f"The template schema lacks {len(missing)} migrations.")
    sql = dump_template()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {TEMPLATE_SCHEMA} CASCADE")
            cursor.execute(sql)
        template, _ = SchemaTemplate.objects.update_or_create(
            fingerprint=fingerprint(applied), defaults={"sql": sql}
        )
        SchemaTemplate.objects.exclude(pk=template.pk).delete()
    return template


def current_template() -> SchemaTemplate:
    """The stored SQL, if it has every migration of this code; else `StaleTemplate`."""
    applied = applied_migrations([TEMPLATE_SCHEMA])[TEMPLATE_SCHEMA]
    template = SchemaTemplate.objects.filter(fingerprint=fingerprint(applied)).first()
    if template is None or migrations_of_this_code(TEMPLATE_SCHEMA) - applied:
        raise StaleTemplate("Run `manage.py migrate_fleet` first: the template schema is behind.")
    return template


def replay(template: SchemaTemplate, schema: str) -> None:
    """Build `schema` from the template's SQL, inside the transaction of the caller.

    Names of constraints and indexes stay the template's, so that later migrations find them.
    """
    if not SCHEMA_NAME.match(schema):
        raise ValueError(f"{schema!r} is no name for a retailer's schema.")
    with connection.cursor() as cursor:
        cursor.execute(template.sql.replace(TEMPLATE_SCHEMA, schema))


def template_row() -> Retailer:
    """The Retailer row of the template schema, made if it isn't there."""
    return Retailer.objects.get_or_create(
        schema_name=TEMPLATE_SCHEMA,
        defaults={"name": "Template of new retailers", "state": Retailer.State.TEMPLATE},
    )[0]
