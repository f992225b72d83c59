"""A backup of the platform's own tables: operators, the list of retailers, what Stripe said.

No retailer's backup holds them. It is pg_dump's own format inside age, and kept beside theirs.

A server that is lost comes back from it and theirs, in this order: theirs refer to content types by
the numbers that stand here.
"""

import subprocess
import tempfile
from pathlib import Path

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.utils import InternalError, ProgrammingError
from django.utils import timezone

from . import backup, schemas
from .models import Retailer
from .restore import InTheWay, decrypt


def back_up() -> str:
    """Write a backup; returns its name in the storage.

    Raises `backup.NoKey`, `subprocess.CalledProcessError` (pg_dump), and what the storage raises.
    """
    command = [settings.PG_DUMP, f"--dbname={schemas.conninfo()}"]
    command += ["--schema=public", "--format=custom"]
    command += ["--no-owner", "--no-privileges"]

    def dump(plain) -> None:
        subprocess.run(command, env=schemas.libpq_environment(), stdout=plain, check=True)

    return backup.keep(f"{backup.PLATFORM}/{timezone.now():{backup.KEEP_NAME}}.dump.age", dump)


def restore(name: str) -> None:
    """Bring it back into a database that holds nothing yet.

    Raises `InTheWay`, `Damaged`, `pyrage.DecryptError`, and `subprocess.CalledProcessError` of
    pg_restore, which then has brought nothing: it can be tried again.
    """
    with tempfile.NamedTemporaryFile() as plain:
        decrypt(name, plain)
        clear()
        # It stands beside pg_dump, and is of its version.
        command = [Path(settings.PG_DUMP).with_name("pg_restore"), f"--dbname={schemas.conninfo()}"]
        command += ["--exit-on-error", "--single-transaction", "--no-owner", plain.name]
        subprocess.run(command, env=schemas.libpq_environment(), check=True)
    ContentType.objects.clear_cache()
    # Without a schema of its own, one would be answered from the platform's tables.
    retailers = Retailer.objects.exclude(state=Retailer.State.TEMPLATE)
    retailers.update(schema_problem="Not restored yet.")


def clear() -> None:
    """Drop the schema `public`, which the backup brings; raises `InTheWay` unless it is empty."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS public RESTRICT")
    except (InternalError, ProgrammingError) as error:  # something depends on it; it isn't ours
        raise InTheWay(f"The database must be empty and our own. {error}") from error
