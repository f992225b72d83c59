"""Migrations of one schema: its own apps only, with the SQL that Django itself would run."""

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState
from django_tenants.utils import tenant_context

from tenants.migrating import RemoveFields, app_labels, grouped, migrations_of_this_code

FIELDS = ("one", "two", "three")


@pytest.fixture(params=[0, 1])
def inside(request, retailers):
    """The schema of one, then of the other."""
    with tenant_context(retailers[request.param]):
        yield


def state_of_two_models() -> ProjectState:
    """A retailer-sized model with columns, an index and a foreign key that go away."""
    state = ProjectState()
    key = ("id", models.BigAutoField(primary_key=True))
    state.add_model(ModelState("forms_app", "Town", [key]))
    state.add_model(
        ModelState(
            "forms_app",
            "Street",
            [
                key,
                ("one", models.CharField(max_length=10, db_index=True)),
                ("two", models.ForeignKey("forms_app.Town", models.CASCADE)),
                ("three", models.IntegerField(unique=True)),
                ("kept", models.IntegerField()),
            ],
        )
    )
    return state


def removals():
    return [migrations.RemoveField("Street", name) for name in FIELDS]


def run(operations) -> tuple[list[str], set[str]]:
    """(the SQL, the fields that the state has afterwards)."""
    migration = migrations.Migration("0002_less", "forms_app")
    migration.operations = operations
    with connection.schema_editor() as editor:
        for model in state_of_two_models().apps.get_models():
            editor.create_model(model)
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        after = migration.apply(state_of_two_models(), editor, collect_sql=True)
    statements = [line for line in editor.collected_sql if not line.startswith("--")]
    with connection.schema_editor() as editor:
        for model in reversed(list(state_of_two_models().apps.get_models())):
            editor.delete_model(model)
    return [line for line in statements if line], set(after.models["forms_app", "street"].fields)


def test_removals_put_together_give_the_same_sql(inside):
    together = grouped(removals())
    assert [type(operation) for operation in together] == [RemoveFields]
    assert run(together) == run(removals())
    statements, fields = run(grouped(removals()))
    assert fields == {"id", "kept"}
    assert len([line for line in statements if "DROP COLUMN" in line]) == 3


def test_removals_put_together_really_remove(inside):
    before = state_of_two_models()
    with connection.schema_editor() as editor:
        for model in before.apps.get_models():
            editor.create_model(model)
    migration = migrations.Migration("0002_less", "forms_app")
    migration.operations = grouped(removals())
    with connection.schema_editor() as editor:
        migration.apply(before, editor)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = 'forms_app_street'::regclass AND attnum > 0 AND NOT attisdropped"
        )
        assert {name for (name,) in cursor.fetchall()} == {"id", "kept"}


def test_a_single_removal_and_everything_else_stay_as_they_are():
    add = migrations.AddField("Street", "four", models.IntegerField(null=True))
    first, second, third = removals()
    assert grouped([first, add, second]) == [first, add, second]
    assert [type(o).__name__ for o in grouped([add, first, second, add, third])] == [
        *("AddField", "RemoveFields", "AddField", "RemoveField"),
    ]
    assert grouped([]) == []


def test_a_retailers_schema_gets_no_migration_of_a_shared_app():
    shared, own = app_labels("public"), app_labels("r_acorn")
    assert "djstripe" in shared and "djstripe" not in own
    assert "tenants" in shared and "tenants" not in own
    assert "forms_app" in own and "forms_app" not in shared
    apps = {app for app, _ in migrations_of_this_code("r_acorn")}
    assert "djstripe" not in apps and "forms_app" in apps
    assert migrations_of_this_code("r_acorn") == migrations_of_this_code("r_birch")
