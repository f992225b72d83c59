"""What several schemas lack is worked out once; the outcome is what Django itself would make."""

import functools
import io
import logging

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tenants import fleet, recorded, schemas
from tenants.fleet import migrate_fleet
from tenants.models import Retailer
from tenants.provisioning import onboard

from .test_schemas import definition
from .worlds import sql

BEFORE = [("forms_app", "0001_initial"), ("integrations", "0001_initial")]


@functools.cache
def backwards() -> str:
    """The SQL that takes a schema back to BEFORE. Worked out once: it takes seconds."""
    connection.set_schema("r_acorn")
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(BEFORE)
    full = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    undone = {(migration.app_label, migration.name) for migration, _ in plan}
    state = executor._create_project_state()
    states = {}
    for migration, _ in full:
        key = (migration.app_label, migration.name)
        if key in undone:
            states[key] = state.clone()
        state = migration.mutate_state(state, preserve=False)
    lines = []
    for migration, _ in plan:
        key = (migration.app_label, migration.name)
        with connection.schema_editor(collect_sql=True) as editor:
            migration.unapply(states[key], editor, collect_sql=True)
        lines += [
            *editor.collected_sql,
            "DELETE FROM django_migrations WHERE app = '%s' AND name = '%s';" % key,
        ]
    connection.set_schema_to_public()
    return "\n".join(line for line in lines if not line.startswith("--"))


def take_back(schema: str) -> None:
    """To the first migration of the two apps that have more."""
    statements = backwards()
    connection.set_schema(schema)
    with connection.cursor() as cursor:
        cursor.execute(statements)
    connection.set_schema_to_public()


def permissions(schema: str) -> set:
    return set(sql(f"SELECT content_type_id, codename FROM {schema}.auth_permission"))


def is_current(schema: str) -> bool:
    return not fleet.plan([schema]) and definition(schema) == definition(schemas.TEMPLATE_SCHEMA)


@pytest.fixture
def behind(committed_world):
    """Acorn, Birch and Cedar lack the same migrations, and the permissions of the new models."""
    onboard("Cedar", "cedar", "owner@cedar.test")
    names = ["r_acorn", "r_birch", "r_cedar"]
    for name in names:
        take_back(name)
        sql(
            f"DELETE FROM {name}.auth_group_permissions WHERE permission_id IN"
            f" (SELECT id FROM {name}.auth_permission WHERE codename LIKE '%%_store')"
        )
        sql(f"DELETE FROM {name}.auth_permission WHERE codename LIKE '%%_store'")
    return names


@pytest.mark.parametrize("workers", [1, 3])
def test_the_recorded_sql_makes_what_django_would_make(behind, workers, monkeypatch):
    by_django = []
    monkeypatch.setattr(fleet, "migrate_schema", lambda name, say=None: by_django.append(name))
    said: list[str] = []
    assert migrate_fleet(said.append, workers=workers) == []
    assert by_django == []
    assert "3 retailers, 3 migrated, 0 with a problem" in said
    for name in behind:
        assert is_current(name)
        assert permissions(name) == permissions(schemas.TEMPLATE_SCHEMA)
    assert connection.schema_name == "public"


def test_where_the_sql_fails_django_migrates_or_says_why_and_the_others_go_on(behind, caplog):
    caplog.set_level(logging.CRITICAL)
    sql("CREATE TABLE r_birch.forms_app_store (id integer)")
    assert migrate_fleet(lambda line: None, workers=2) == ["r_birch"]
    assert "forms_app_store" in Retailer.objects.get(slug="birch").schema_problem
    assert is_current("r_acorn") and is_current("r_cedar")
    sql("DROP TABLE r_birch.forms_app_store")
    assert migrate_fleet(lambda line: None) == []
    assert is_current("r_birch")


def test_only_those_that_are_named_are_migrated(behind):
    assert migrate_fleet(lambda line: None, only=["birch", "r_cedar"]) == []
    assert set(fleet.plan()) == {"r_acorn"}
    assert is_current("r_birch") and is_current("r_cedar")


def test_the_plan_names_what_is_missing_and_changes_nothing(behind):
    out = io.StringIO()
    call_command("migrate_fleet", "--plan", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == [*behind, "3"]
    assert "integrations.0002_mail_drift_circuit" in lines[0]
    assert set(fleet.plan()) == set(behind)


def test_a_name_that_nobody_has_is_refused_before_anything_happens(behind):
    with pytest.raises(CommandError, match="no retailer elm"):
        call_command("migrate_fleet", "--only", "elm", "birch", stdout=io.StringIO())
    assert set(fleet.plan()) == set(behind)


def test_a_migration_that_runs_python_is_left_to_django(behind, monkeypatch):
    from django.db.migrations import RunPython

    original = recorded.grouped
    python = RunPython(RunPython.noop)
    monkeypatch.setattr(recorded, "grouped", lambda operations: [*original(operations), python])
    assert recorded.record("r_acorn") is None
    monkeypatch.undo()
    assert recorded.record("r_acorn") is not None


def test_a_schema_that_somebody_migrated_meanwhile_is_left_alone(behind):
    kept = recorded.record("r_acorn")
    recorded.replay(kept, "r_acorn")
    with pytest.raises(recorded.Differs):
        recorded.replay(kept, "r_acorn")
    assert is_current("r_acorn")


def test_a_run_that_died_half_way_is_taken_up_where_it_stopped(behind):
    kept = recorded.record("r_acorn")
    recorded.replay(kept, "r_birch")
    said: list[str] = []
    assert migrate_fleet(said.append) == []
    assert "3 retailers, 2 migrated, 0 with a problem" in said
    assert all(is_current(name) for name in behind)
