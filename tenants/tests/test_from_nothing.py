"""The server is gone: a new database, the platform's own tables from their backup, retailers."""

import pyrage
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django_tenants.utils import tenant_context

from customerinfo.tests import databases
from customerinfo.tests.stack import database_url
from forms_app.models import Signup
from tenants import platform_backup
from tenants.models import Retailer
from tenants.provisioning import onboard

KEY = pyrage.x25519.Identity.generate()
NEW = "from_nothing"


@pytest.fixture
def new_database():
    databases.drop(NEW)
    databases.execute(f'CREATE DATABASE "{NEW}" TEMPLATE template0')
    yield database_url(NEW)
    databases.drop(NEW)


@pytest.mark.live
def test_everything_comes_back_into_an_empty_database(
    committed_world, new_database, sign_up, settings, tmp_path, capsys
):
    settings.BACKUP_RECIPIENT, settings.BACKUP_IDENTITY = str(KEY.to_public()), str(KEY)
    folder = {"location": str(tmp_path / "vault")}
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": folder}
    settings.STORAGES = {**settings.STORAGES, "backups": kept}
    retailers = Retailer.objects.filter(slug__in=["acorn", "birch"])
    for retailer in retailers:
        sign_up(retailer, f"shopper@{retailer.slug}.example", first_name="Ada")
    schemas = [retailer.schema_name for retailer in retailers]
    call_command("backup_retailer")
    onboard("Cedar", "cedar", "owner@cedar.test")  # after the retailers' backups
    call_command("backup_retailer", "acorn", "birch")
    platform_backup.back_up()
    connections.close_all()

    with databases.pointed_at(NEW):
        settings.BACKUP_IDENTITY = str(pyrage.x25519.Identity.generate())
        with pytest.raises(CommandError, match="BACKUP_IDENTITY can't open it"):
            call_command("restore_platform", "latest")
        settings.BACKUP_IDENTITY = str(KEY)
        capsys.readouterr()
        call_command("restore_platform", "latest")
        _, *then = capsys.readouterr().out.splitlines()
        assert "# r_cedar has no backup" in then
        waiting = Retailer.objects.exclude(state="template")
        assert all(retailer.schema_problem for retailer in waiting)
        commands = [line.split() for line in then if line.startswith("manage.py ")]
        assert {words[2] for words in commands} == {*schemas}
        for _, *words in commands:
            call_command(*words)
        waiting.get(slug="cedar").delete()
        call_command("migrate_fleet", verbosity=0)
        back = list(Retailer.objects.exclude(state="template"))
        assert {retailer.slug for retailer in back} == {"acorn", "birch"}
        for retailer in back:
            assert retailer.schema_problem == ""
            with tenant_context(retailer):
                (signup,) = Signup.objects.all()
                assert signup.email == f"shopper@{retailer.slug}.example"
