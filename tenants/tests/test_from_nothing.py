"""The server is gone: a new database, the platform's own tables from their dump, then retailers."""

import os
import subprocess

import psycopg2
import pyrage
import pytest
from django.core.management import call_command
from django.db import connections
from django_tenants.utils import tenant_context

from customerinfo.tests import databases
from customerinfo.tests.stack import database_url
from forms_app.models import Signup
from tenants import backup, restore
from tenants.models import Retailer

KEY = pyrage.x25519.Identity.generate()
NEW = "from_nothing"


@pytest.fixture
def new_database():
    databases.drop(NEW)
    databases.execute(f'CREATE DATABASE "{NEW}" TEMPLATE template0')
    yield database_url(NEW)
    databases.drop(NEW)


def dumped() -> str:
    """The platform's own tables, as the guide for one server dumps them (rows as INSERTs, because
    psql may not be here to load COPY).
    """
    command = [os.environ["PG_DUMP"], "--schema=public", "--inserts", database_url()]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # psql's own words, and what a new client tells an old server.
    lines = (line for line in text.splitlines() if not line.startswith("\\"))
    return "\n".join(lines)


@pytest.mark.live
def test_everything_comes_back_from_two_kinds_of_backups(
    committed_world, new_database, sign_up, settings, tmp_path
):
    settings.BACKUP_RECIPIENT, settings.BACKUP_IDENTITY = str(KEY.to_public()), str(KEY)
    folder = {"location": str(tmp_path / "vault")}
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": folder}
    settings.STORAGES = {**settings.STORAGES, "backups": kept}
    retailers = Retailer.objects.filter(slug__in=["acorn", "birch"])
    names = []
    for retailer in retailers:
        sign_up(retailer, f"shopper@{retailer.slug}.example", first_name="Ada")
        names.append(backup.backup(retailer))
    text = dumped()
    connections.close_all()

    link = psycopg2.connect(new_database)
    with link, link.cursor() as cursor:
        cursor.execute("DROP SCHEMA public")
        cursor.execute(text)
    link.close()
    with databases.pointed_at(NEW):
        for name in names:
            restore.restore(name, replace=True, by="test")
        call_command("migrate_fleet", verbosity=0)
        back = list(Retailer.objects.exclude(state="template"))
        assert {retailer.slug for retailer in back} == {"acorn", "birch"}
        for retailer in back:
            assert retailer.schema_problem == ""
            with tenant_context(retailer):
                (signup,) = Signup.objects.all()
                assert signup.email == f"shopper@{retailer.slug}.example"
