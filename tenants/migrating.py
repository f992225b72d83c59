"""Runs the migrations of one schema: only those of the apps that live there.

Django's own command takes all apps or one. Here that would make every retailer's schema render the
states of dj-stripe's hundreds of migrations, none of which does anything there: minutes of CPU.
"""

import itertools
from collections.abc import Callable

from django.apps import apps
from django.conf import settings
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RemoveField
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

Migration = tuple[str, str]  # app label, name


def app_labels(schema: str) -> set[str]:
    """The apps whose tables stand in this schema."""
    names = settings.SHARED_APPS if schema == "public" else settings.TENANT_APPS
    return {config.label for config in apps.get_app_configs() if config.name in names}


def targets(loader: MigrationLoader, schema: str) -> list[Migration]:
    labels = app_labels(schema)
    return [node for node in loader.graph.leaf_nodes() if node[0] in labels]


def migrations_of_this_code(schema: str) -> set[Migration]:
    """What this code brings along for the schema, with what that depends on."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return {
        migration
        for target in targets(loader, schema)
        for migration in loader.graph.forwards_plan(target)
    }


def migrate_schema(schema: str, say: Callable[[str], None] = lambda line: None) -> None:
    """Bring one schema to this code's migrations, and the connection back to the public one."""
    try:
        # Without `public` in the path, or the public schema's table of migrations would be found
        # and nothing would seem left to do.
        connection.set_schema(schema, include_public=False)
        MigrationRecorder(connection).ensure_schema()
        connection.set_schema(schema)
        run(schema, say)
    finally:
        connection.set_schema_to_public()


def run(schema: str, say: Callable[[str], None]) -> None:
    """What `manage.py migrate` does, for our targets (Django 5.2, commands/migrate.py)."""
    done = 0

    def progress(action, migration=None, fake=False):
        nonlocal done
        if action == "apply_success":
            done += 1
            if done % 10 == 0 or done == len(plan):
                say(f"  {schema}: {done} of {len(plan)} migrations")

    executor = MigrationExecutor(connection, progress)
    executor.loader.check_consistent_history(connection)
    wanted = targets(executor.loader, schema)
    plan = executor.migration_plan(wanted)
    for migration, _ in plan:
        migration.operations = grouped(migration.operations)
    state = executor._create_project_state(with_applied_migrations=True)
    emit_pre_migrate_signal(0, False, "default", apps=state.apps, plan=plan)
    state = executor.migrate(wanted, plan=plan, state=state.clone())
    emit_post_migrate_signal(0, False, "default", apps=final_apps(state), plan=plan)


class RemoveFields(Operation):
    """Fields removed one after the other, with the models rendered anew once instead of each time.

    dj-stripe removes 522 fields from tables that all point at each other: 100 s of CPU for a new
    database when each is rendered by itself, 2 s this way. The SQL is the same.
    """

    def __init__(self, operations: list[RemoveField]):
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)  # not rendered: then a removal costs nothing
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)


def grouped(operations: list[Operation]) -> list[Operation]:
    """The same operations, with runs of removals put together."""
    together: list[Operation] = []
    for is_removal, run_of in itertools.groupby(operations, lambda o: type(o) is RemoveField):
        removals = list(run_of)
        together += [RemoveFields(removals)] if is_removal and len(removals) > 1 else removals
    return together


def final_apps(state: ProjectState):
    """The state's apps, with every relationship rendered."""
    state.clear_delayed_apps_cache()
    with state.apps.bulk_update():
        keys = [(model.app_label, model.name_lower) for model in state.apps.real_models]
        for key in keys:
            state.apps.unregister_model(*key)
    state.apps.render_multiple([ModelState.from_model(apps.get_model(*key)) for key in keys])
    return state.apps
