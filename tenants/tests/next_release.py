"""A next release, as another checkout would have it: this code with one migration more.

It adds a field to the stores, as migrations of this project do: with a default in the database, so
that the release before can go on writing rows.
"""

import os
import shutil
from pathlib import Path

from forms_app import migrations

from .worlds import database_url

FIELD = "bench_note"
MIGRATION = f"""
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("forms_app", "{{last}}")]
    operations = [
        migrations.AddField(
            "store", "{FIELD}", models.CharField(max_length=50, default="", db_default="")
        )
    ]
"""
SETTINGS = """
from customerinfo.settings import *

MIGRATION_MODULES = {"forms_app": "next_forms_app"}
"""


def environment(folder: Path) -> dict[str, str]:
    """For a process of the next release on the database that is in use; it lives in `folder`."""
    package = folder / "next_forms_app"
    shutil.rmtree(package, ignore_errors=True)
    package.mkdir(parents=True)
    files = sorted(Path(migrations.__file__).parent.glob("*.py"))
    for file in files:
        shutil.copy(file, package)
    last = max(file.stem for file in files if file.stem[0].isdigit())
    (package / "9999_next.py").write_text(MIGRATION.format(last=last))
    (folder / "next_settings.py").write_text(SETTINGS)
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "next_settings",
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
    }
