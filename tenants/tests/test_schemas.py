"""A retailer's schema is the template's, to the names of its constraints."""

import re
import subprocess

import pytest
from django.conf import settings
from django.db import connection

from tenants import schemas
from tenants.models import SchemaTemplate
from tenants.provisioning import onboard

from .worlds import database_url, sql


def definition(schema: str) -> list[str]:
    """The statements that build a schema, in an order that doesn't depend on its name."""
    dumped = subprocess.run(
        [
            *(settings.PG_DUMP, "--schema-only", "--no-owner", f"--schema={schema}"),
            database_url(),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [
        line for line in dumped.splitlines() if line and not line.startswith(("--", "\\", "SET "))
    ]
    text = re.sub(rf"\b{schema}\b", "the_schema", "\n".join(lines))
    return sorted(without_casts(statement) for statement in text.split(";\n"))


def without_casts(statement: str) -> str:
    """PostgreSQL writes `state IN (…)` with other casts once it has read its own text back."""
    if "::character varying" not in statement:
        return statement
    return re.sub(r"::(character varying|text)(\[\])?|[()]", "", statement)


def test_a_retailers_schema_is_the_templates(retailers):
    template = definition(schemas.TEMPLATE_SCHEMA)
    assert len(template) > 200
    for retailer in retailers:
        assert definition(retailer.schema_name) == template


def test_constraints_and_indexes_keep_their_names(retailers):
    def names(schema: str) -> set[tuple]:
        return set(
            sql(
                "SELECT conrelid::regclass::text LIKE '%%.%%', conname, contype::text"
                " FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace"
                " WHERE n.nspname = %s",
                schema,
            )
            + sql("SELECT true, indexname, tablename FROM pg_indexes WHERE schemaname = %s", schema)
        )

    template = names(schemas.TEMPLATE_SCHEMA)
    assert "form_version_page_number" in {name for _, name, _ in template}
    for retailer in retailers:
        assert names(retailer.schema_name) == template


def test_no_foreign_key_leads_out_of_a_retailers_schema_but_to_content_types(retailers):
    leading_out = sql(
        "SELECT DISTINCT c.conrelid::regclass::text, f.relname FROM pg_constraint c"
        " JOIN pg_class f ON f.oid = c.confrelid"
        " JOIN pg_namespace n ON n.oid = c.connamespace"
        " WHERE c.contype = 'f' AND n.nspname LIKE 'r\\_%%' AND f.relnamespace <> n.oid"
    )
    assert leading_out
    assert {table for _, table in leading_out} == {"django_content_type"}


def test_the_template_holds_no_user_and_no_session(retailers):
    for table in ("users_user", "django_session", "auth_group_permissions"):
        rows = sql(f"SELECT count(*) FROM {schemas.TEMPLATE_SCHEMA}.{table}")[0][0]
        assert rows == 0 or table == "auth_group_permissions"


@pytest.mark.parametrize(
    "name", ["public", schemas.TEMPLATE_SCHEMA, "acorn", "r_", "r_a; DROP", 'r_a"', "r_A", "r_a\n"]
)
def test_nothing_is_replayed_into_a_schema_that_is_no_retailers(retailers, name):
    with pytest.raises(ValueError):
        schemas.replay(SchemaTemplate(sql="SELECT 1"), name)


def test_a_schema_that_does_not_exist_has_no_migrations_and_lacks_every_table(retailers):
    applied = schemas.applied_migrations(["r_nobody", "r_acorn", "r_birch"])
    assert applied["r_nobody"] == set()
    assert applied["r_acorn"] == applied["r_birch"] != set()
    assert set(schemas.problems(["r_nobody", "r_acorn", "r_birch"])) == {"r_nobody"}


def test_many_schemas_are_compared_in_a_few_statements(retailers, django_assert_max_num_queries):
    names = ["r_acorn", "r_birch", *(f"r_nobody_{number}" for number in range(500))]
    with django_assert_max_num_queries(6):
        schemas.applied_migrations(names)
        schemas.tables(names)


def test_a_pg_dump_that_fails_is_not_taken_for_a_template(retailers, settings):
    kept = SchemaTemplate.objects.get()
    settings.PG_DUMP = "false"
    with pytest.raises(subprocess.CalledProcessError):
        schemas.refresh_template()
    again = SchemaTemplate.objects.get()
    assert (again.pk, again.sql) == (kept.pk, kept.sql)


def test_a_pg_dump_connects_as_database_url_says(retailers, monkeypatch):
    for retailer in retailers:
        assert "CREATE TABLE" in schemas.dump(retailer.schema_name, "--schema-only")
    asked = {**connection.settings_dict["OPTIONS"], "service": "nobody-has-this"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", asked)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        schemas.dump(retailers[0].schema_name)
    assert "nobody-has-this" in failed.value.stderr


def test_a_new_schema_is_the_template_line_by_line(committed_world, settings):
    schemas.refresh_template()
    made = onboard("Cedar", "cedar", "owner@cedar.test").retailer

    def dumped(schema: str) -> list[str]:
        """What pg_dump says of it, the schema's own name taken out."""
        told = subprocess.run(
            [settings.PG_DUMP, "-s", "--no-owner", "-n", schema, database_url()],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        # psql's guard words are drawn anew for each dump.
        lines = re.sub(rf"\b{schema}\b", "the_schema", told).splitlines()
        return sorted(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))

    wanted = dumped(schemas.TEMPLATE_SCHEMA)
    assert len(wanted) > 1000
    assert dumped(made.schema_name) == wanted
    schemas.refresh_template()  # a deploy later, they still are
    assert dumped(schemas.TEMPLATE_SCHEMA) == wanted


def test_older_templates_are_forgotten_when_a_new_one_is_kept(retailers):
    SchemaTemplate.objects.create(fingerprint="of older code", sql="SELECT 1")
    kept = schemas.refresh_template()
    assert [template.pk for template in SchemaTemplate.objects.all()] == [kept.pk]
    assert str(kept) == kept.fingerprint[:12]
    onboard("Cedar", "cedar", "owner@cedar.test")
    assert connection.schema_name == "public"
    assert schemas.problems(["r_acorn", "r_birch", "r_cedar"]) == {}


def test_replaying_leaves_the_settings_of_the_session_as_they_were(retailers):
    def session() -> dict:
        return {
            name: value
            for name, value, _ in sql("SHOW ALL")
            if name not in ("search_path", "transaction_isolation")
        }

    before = session()
    onboard("Cedar", "cedar", "owner@cedar.test")
    assert session() == before
