"""A deploy: the next release migrates while this one goes on serving, and nobody notices."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django_tenants.utils import tenant_context

from forms_app.models import Signup, Store
from forms_app.tests.shop import Shop, field
from tenants import schemas
from tenants.fleet import migrate_fleet
from tenants.models import Retailer

from . import next_release
from .worlds import sql

ROOT = Path(__file__).parents[2]


@pytest.mark.live
def test_the_release_before_serves_while_the_next_one_migrates(committed_world, tmp_path):
    connection.set_schema_to_public()
    retailers = list(Retailer.objects.filter(slug__in=("acorn", "birch")).order_by("slug"))
    shops = [Shop(retailer) for retailer in retailers]
    for shop in shops:
        shop.open(field("email"))
    output = (tmp_path / "migrate.log").open("w")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "migrate_fleet", "--workers", "2"],
        env=next_release.environment(tmp_path),
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    rounds = 0
    try:
        while process.poll() is None or rounds < 3:
            for shop in shops:
                number = rounds
                assert shop.send({"email": f"robin{number}@example.com"}).status_code == 201
                with tenant_context(shop.retailer):
                    Store.objects.create(name=f"Store {number}")
                assert Client(headers={"host": shop.retailer.host}).get("/join/").status_code == 200
            rounds += 1
    finally:
        process.kill()
        process.wait()
        output.close()
    said = (tmp_path / "migrate.log").read_text()
    assert process.returncode == 0 and "2 retailers, 2 migrated, 0 with a problem" in said, said
    for retailer in retailers:
        assert next_release.FIELD in columns(retailer.schema_name)
        with tenant_context(retailer):
            # This release wrote before, meanwhile and after.
            assert Store.objects.count() == rounds
            assert Signup.objects.count() == rounds
            assert Store.objects.create(name="After").pk
    # Going back: the release before finds nothing to do, and serves.
    assert migrate_fleet(lambda line: None) == []
    assert schemas.problems([retailer.schema_name for retailer in retailers]) == {}


def columns(schema: str) -> set[str]:
    rows = sql(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = 'forms_app_store'",
        schema,
    )
    return {name for (name,) in rows}
