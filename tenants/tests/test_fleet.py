"""A migration run brings everybody along, or says who was left behind and serves the others."""

import io
import logging

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants import schemas
from tenants.fleet import migrate_fleet
from tenants.models import Retailer, SchemaTemplate
from tenants.provisioning import onboard

from .worlds import sql

SESSIONS = ("sessions", "0001_initial")


@pytest.fixture
def run(django_capture_on_commit_callbacks):
    """Runs it; answers with the schemas that have a problem, and with what it said."""

    def run_now() -> tuple[list[str], str]:
        lines: list[str] = []
        with django_capture_on_commit_callbacks(execute=True):
            return migrate_fleet(lines.append), "\n".join(lines)

    return run_now


def forget_sessions(schema: str, *, drop: bool = True) -> None:
    """As if the migration that makes the table of sessions hadn't run, or not been recorded."""
    sql(f"DELETE FROM {schema}.django_migrations WHERE app = 'sessions'")
    if drop:
        sql(f"DROP TABLE {schema}.django_session")


def has_sessions(schema: str) -> bool:
    recorded = SESSIONS in schemas.applied_migrations([schema])[schema]
    return recorded and "django_session" in schemas.tables([schema])[schema]


def problem_of(slug: str) -> str:
    return Retailer.objects.get(slug=slug).schema_problem


def test_with_nothing_to_do_it_is_a_few_queries_however_many_retailers(retailers, run):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            failed, said = run()
        assert failed == []
        assert "0 migrated, 0 with a problem" in said
        return len([q for q in captured if not q["sql"].startswith("SET search_path")])

    with_two = queries()
    onboard("Cedar", "cedar", "owner@cedar.test")
    onboard("Dogwood", "dogwood", "owner@dogwood.test")
    assert queries() == with_two <= 20


def test_a_second_run_says_so_and_changes_nothing(retailers):
    rows = sorted(Retailer.objects.values_list("pk", "schema_name", "schema_problem"))
    out = io.StringIO()
    call_command("migrate_fleet", stdout=out)
    assert "2 retailers, 0 migrated, 0 with a problem" in out.getvalue()
    assert rows == sorted(Retailer.objects.values_list("pk", "schema_name", "schema_problem"))
    assert connection.schema_name == "public"


def test_a_retailer_behind_is_brought_along(retailers, client, run):
    forget_sessions("r_birch")
    failed, said = run()
    assert failed == []
    assert "Migrating r_birch (1 of 1)" in said
    assert "Migrating r_acorn" not in said
    assert "2 retailers, 1 migrated" in said
    assert has_sessions("r_birch") and has_sessions("r_acorn")
    assert connection.schema_name == "public"
    for slug in ("acorn", "birch"):
        assert client.get("/admin/login/", HTTP_HOST=f"{slug}.shops.test").status_code == 200


def test_an_incomplete_schema_is_not_served_and_the_other_one_is(
    retailers, client, django_capture_on_commit_callbacks
):
    sql("DROP TABLE r_birch.forms_app_consent")
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(
        CommandError, match="r_birch"
    ):
        call_command("migrate_fleet", stdout=io.StringIO())
    assert problem_of("birch") == "Tables are missing: forms_app_consent."
    assert problem_of("acorn") == ""
    answer = client.get("/join/", HTTP_HOST="birch.shops.test")
    assert answer.status_code == 503
    assert "Acorn" not in answer.text and "consent" not in answer.text
    assert client.get("/join/", HTTP_HOST="acorn.shops.test").status_code == 200


def test_an_incomplete_schema_is_served_again_once_it_is_mended(retailers, client, run):
    sql("DROP TABLE r_birch.forms_app_consent")
    assert run()[0] == ["r_birch"]
    sql(
        "CREATE TABLE r_birch.forms_app_consent"
        f" (LIKE {schemas.TEMPLATE_SCHEMA}.forms_app_consent INCLUDING ALL)"
    )
    assert client.get("/join/", HTTP_HOST="birch.shops.test").status_code == 503
    assert run()[0] == []
    assert problem_of("birch") == ""
    assert client.get("/join/", HTTP_HOST="birch.shops.test").status_code == 200


def test_tables_left_over_are_harmless(retailers, run):
    sql("CREATE TABLE r_birch.forms_app_of_yesterday (id integer)")
    assert run()[0] == []


def test_a_migration_that_fails_is_recorded_and_the_others_go_on(retailers, client, run, caplog):
    caplog.set_level(logging.CRITICAL, logger="tenants.fleet")
    forget_sessions("r_acorn", drop=False)  # its table is in the way of the migration
    forget_sessions("r_birch")
    failed, said = run()
    assert failed == ["r_acorn"]
    assert problem_of("acorn").startswith("Its migration failed: ")
    assert "django_session" in problem_of("acorn")
    assert problem_of("birch") == "" and has_sessions("r_birch")
    assert connection.schema_name == "public"
    assert client.get("/join/", HTTP_HOST="acorn.shops.test").status_code == 503
    assert client.get("/join/", HTTP_HOST="birch.shops.test").status_code == 200

    sql("DROP TABLE r_acorn.django_session")
    assert run()[0] == []
    assert problem_of("acorn") == ""
    assert client.get("/join/", HTTP_HOST="acorn.shops.test").status_code == 200


def test_a_retailer_whose_history_makes_no_sense_does_not_stop_the_others(retailers, run, caplog):
    """What fails needn't be an error of the database: a data migration may raise anything."""
    caplog.set_level(logging.CRITICAL, logger="tenants.fleet")
    sql("DELETE FROM r_acorn.django_migrations WHERE app = 'wagtailcore' AND name LIKE '0001%%'")
    forget_sessions("r_birch")
    failed, said = run()
    assert failed == ["r_acorn"]
    assert problem_of("acorn").startswith("Its migration failed: ")
    assert has_sessions("r_birch")
    assert connection.schema_name == "public"


def test_the_public_schema_and_the_template_are_brought_along_too(committed_world, run):
    forget_sessions("public")
    forget_sessions(schemas.TEMPLATE_SCHEMA)
    SchemaTemplate.objects.all().delete()
    failed, said = run()
    assert failed == []
    assert "Migrating the public schema" in said
    assert "public: 1 of 1 migrations" in said
    assert "Migrating the template schema" in said
    assert "Keeping the template's SQL" in said
    assert has_sessions("public") and has_sessions(schemas.TEMPLATE_SCHEMA)
    onboard("Cedar", "cedar", "owner@cedar.test")
    assert has_sessions("r_cedar")


def test_an_incomplete_template_stops_onboarding_rather_than_being_copied(retailers, run):
    sql(f"DROP TABLE {schemas.TEMPLATE_SCHEMA}.forms_app_consent")
    with pytest.raises(schemas.IncompleteSchema, match="forms_app_consent"):
        run()
    assert problem_of("acorn") == problem_of("birch") == ""


def test_two_runs_at_once_take_turns(committed_world):
    """Two pods that start together must not both migrate one schema."""
    import threading

    forget_sessions("r_acorn")
    forget_sessions("r_birch")
    said: list[str] = []
    failed: list[str] = []
    together = threading.Barrier(2, timeout=30)

    def one():
        try:
            together.wait()
            failed.extend(migrate_fleet(said.append))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == []
    assert sorted(line for line in said if "retailers" in line) == [
        "2 retailers, 0 migrated, 0 with a problem",
        "2 retailers, 2 migrated, 0 with a problem",
    ]
    assert has_sessions("r_acorn") and has_sessions("r_birch")
