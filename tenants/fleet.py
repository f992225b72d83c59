"""Bring the public schema, the template and every retailer's schema to this code's migrations."""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import DatabaseError, connection

from . import recorded, schemas
from .migrating import Migration, migrate_schema, migrations_of_this_code
from .models import Retailer, SchemaTemplate

log = logging.getLogger(__name__)
LOCK = 0x43494D47  # one migration run at a time, whatever starts it


def migrate_fleet(
    say: Callable[[str], None], *, workers: int = 1, only: Sequence[str] = ()
) -> list[str]:
    """Migrate what is behind, check every schema's tables, and return the schemas with a problem.

    Can be run again at any time: what is current is skipped. A retailer whose migration fails is
    recorded (`Retailer.schema_problem`), isn't served, and doesn't stop the others. `workers` are
    connections to the database; `only` names retailers by address or schema (all, if empty), and
    raises ValueError for one that isn't there.
    """
    connection.set_schema_to_public()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    try:
        return _migrate(say, workers, only)
    finally:
        connection.set_schema_to_public()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def plan(only: Sequence[str] = ()) -> dict[str, list[Migration]]:
    """schema → what it lacks, in this code's order of names; nothing is changed."""
    connection.set_schema_to_public()
    wanted = {"public": migrations_of_this_code("public")}
    code = migrations_of_this_code(schemas.TEMPLATE_SCHEMA)
    wanted |= {name: code for name in [schemas.TEMPLATE_SCHEMA, *chosen(only)]}
    applied = schemas.applied_migrations(wanted)
    return {
        name: sorted(code - applied[name]) for name, code in wanted.items() if code - applied[name]
    }


def chosen(only: Sequence[str]) -> list[str]:
    """The schemas of these retailers. Raises ValueError."""
    retailers = Retailer.objects.exclude(state=Retailer.State.TEMPLATE).order_by("schema_name")
    known = dict(retailers.values_list("schema_name", "slug"))
    names = [name for name, slug in known.items() if not only or {name, slug} & set(only)]
    if unknown := set(only) - set(known) - set(known.values()):
        raise ValueError(f"There is no retailer {', '.join(sorted(unknown))}.")
    return names


def _migrate(say: Callable[[str], None], workers: int, only: Sequence[str]) -> list[str]:
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

    # Only now: in a new database there is no table of retailers before, and who was made of the old
    # template meanwhile is among them.
    names = chosen(only)
    left = schemas.behind(names, code)
    groups = recorded.by_what_is_missing(code, schemas.applied_migrations(left), left)
    failed = {}
    for group in groups:
        failed |= migrate_group(group, say, workers)
    failed = {**schemas.problems(names), **failed}
    note(names, failed)
    if wrong := schemas.problems([template.schema_name]):
        raise schemas.IncompleteSchema(wrong[template.schema_name])
    say(f"{len(names)} retailers, {len(left)} migrated, {len(failed)} with a problem")
    return sorted(failed)


def note(names: Sequence[str], failed: dict[str, str]) -> None:
    """Write who has a problem now, and who has none any more."""
    for retailer in Retailer.objects.filter(schema_name__in=names):
        problem = failed.get(retailer.schema_name, "")
        if retailer.schema_problem != problem:
            retailer.schema_problem = problem
            retailer.save(update_fields=["schema_problem"])


def migrate_group(names: list[str], say: Callable[[str], None], workers: int = 1) -> dict[str, str]:
    """Migrate schemas that lack the same; schema → error for those that fail.

    The SQL is worked out once. Where that can't be, or where it fails, Django migrates.
    """
    try:
        sql = recorded.record(names[0]) if len(names) > 1 else None
    except Exception as error:  # a history that makes no sense: Django says so, for each schema
        log.warning("No SQL for the migrations of %s: %s", names[0], error)
        sql = None
    left = names if sql is None else replay_all(sql, names, say, workers)
    return dict(migrate_each(left, say))


def replay_all(
    sql: recorded.Recorded, names: list[str], say: Callable[[str], None], workers: int
) -> list[str]:
    """Run the SQL in each schema; returns those where it failed, untouched."""
    run = partial(replay_one, sql)
    left = []
    with ThreadPoolExecutor(workers) as pool:
        # One worker is this thread, with the caller's connection.
        done = map(run, names) if workers == 1 else pool.map(partial(and_close, run), names)
        for number, (name, error) in enumerate(zip(names, done), start=1):
            if error is not None:
                log.warning("The SQL of the migrations failed in %s: %s", name, error)
                left.append(name)
            elif number % 25 == 0 or number == len(names):
                say(f"Migrated {number} of {len(names)}")
    return left


def replay_one(sql: recorded.Recorded, name: str) -> Exception | None:
    try:
        recorded.replay(sql, name)
    except (DatabaseError, recorded.Differs) as error:
        return error
    return None


def and_close(run: Callable[[str], Exception | None], name: str) -> Exception | None:
    try:
        return run(name)
    finally:
        connection.close()  # this thread's


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
