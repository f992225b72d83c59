"""A backup of one retailer: all that is needed to have it back, and nothing of anybody else.

One encrypted file, a tar.gz inside age (https://age-encryption.org): the server holds only the
public key, so who steals a backup, or the server, can't read it. In the tar, in this order:

    manifest.json     the retailer's public rows, migrations, content types, tables with their rows
    schema.sql        what builds the schema, with a stand-in for its name
    data/<table>      PostgreSQL's COPY text, one for each table, all of one moment
    media/<path>      uploaded files
    checksums.json    SHA-256 of each of the above
"""

import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import BinaryIO

import pyrage
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import connection, transaction
from django.utils import timezone

from . import files, schemas
from .models import AuditEntry, Domain, Retailer

FORMAT = 1
PLATFORM = "platform"  # the folder of tenants.platform_backup; retailers' are their schemas, r_…
STAND_IN = "the_schema_of_this_backup"
IN_MEMORY = 8_000_000  # bytes of a table; larger ones go through a file that is never written out
KEEP_NAME = "%Y%m%dT%H%M%SZ"


class NoKey(Exception):
    """BACKUP_RECIPIENT isn't set: nothing is written that anybody could read."""


def storage() -> Storage:
    """Where backups are kept: a folder, or S3-compatible storage; see BACKUP_URL."""
    return storages["backups"]


def recipient() -> pyrage.x25519.Recipient:
    if not settings.BACKUP_RECIPIENT:
        raise NoKey("Set BACKUP_RECIPIENT to an age public key (age1…).")
    return pyrage.x25519.Recipient.from_str(settings.BACKUP_RECIPIENT)


def backup(retailer: Retailer) -> str:
    """Write a backup; returns its name in the storage. Call it in the public schema.

    Raises `NoKey`, `subprocess.CalledProcessError` (pg_dump), and what the storage raises.
    """
    name = f"{retailer.schema_name}/{timezone.now():{KEEP_NAME}}.tar.gz.age"
    return keep(name, lambda plain: write(plain, retailer))


def keep(name: str, write: Callable[[BinaryIO], object]) -> str:
    """Store what `write` writes, encrypted, with its checksum; returns its name in the storage.

    Raises `NoKey`, and what `write` and the storage raise.
    """
    to = recipient()
    with tempfile.TemporaryFile() as sealed:
        with sealing(sealed, to) as plain:
            write(plain)
        digest = sha256_of(sealed)
        saved = storage().save(name, File(sealed))
    # Written last: a backup without it was cut short.
    storage().save(f"{saved}.sha256", File(io.BytesIO(digest.encode())))
    return saved


@contextmanager
def sealing(target: BinaryIO, to: pyrage.x25519.Recipient) -> Iterator[BinaryIO]:
    """What is written to the file that this gives stands encrypted in `target`, and nowhere plain.

    Raises what encrypting raised.
    """
    read, write = os.pipe()
    failed: list[BaseException] = []

    def encrypt() -> None:
        try:
            with open(read, "rb") as plain:
                pyrage.encrypt_io(plain, target, [to])
        except BaseException as error:  # told in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=encrypt)
    thread.start()
    try:
        with open(write, "wb") as plain:
            yield plain
    finally:
        thread.join()
    if failed:
        raise failed[0]


def write(plain: BinaryIO, retailer: Retailer) -> None:
    checksums: dict[str, str] = {}
    taken_at = timezone.now()  # before the moment that the tables are of: see restore.erased_since
    with tarfile.open(fileobj=plain, mode="w|gz") as tar:

        def add(name: str, content: BinaryIO) -> None:
            checksums[name] = sha256_of(content)
            member = tarfile.TarInfo(name)
            member.size = content.seek(0, io.SEEK_END)
            content.seek(0)
            tar.addfile(member, content)

        # One moment for all tables: a sign-up never comes without its consents.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            tables = tables_of(retailer.schema_name)
            add("manifest.json", as_json(manifest(retailer, tables, taken_at)))
            add("schema.sql", io.BytesIO(ddl(retailer.schema_name).encode()))
            for table in tables:
                with tempfile.SpooledTemporaryFile(IN_MEMORY) as copied:
                    source = f"{quoted(retailer.schema_name)}.{quoted(table)}"
                    cursor.copy_expert(f"COPY {source} TO STDOUT", copied)
                    add(f"data/{table}", copied)
        for name in files.names(retailer.schema_name):
            with suppress(FileNotFoundError):  # somebody deleted it meanwhile
                with files.opened(retailer.schema_name, name) as content:
                    add(f"media/{name}", content)
        add("checksums.json", as_json(checksums))


TASK = "tenants.backup"  # its name on the page of periodic work
# Rows in the public schema that can't be worked out again, beside domains and audit.
BELONGINGS = ("tenants.DomainClaim", "billing.Override", "billing.UsageDay")


def manifest(retailer: Retailer, tables: list[str], taken_at: datetime) -> dict:
    entries = AuditEntry.objects.filter(retailer=retailer)
    schema = retailer.schema_name
    return {
        "format": FORMAT,
        "schema": schema,
        "taken_at": taken_at.isoformat(),
        "migrations": sorted(map(list, schemas.applied_migrations([schema])[schema])),
        "retailer": serialized([Retailer.objects.get(pk=retailer.pk)])[0],
        "domains": serialized(Domain.objects.filter(tenant=retailer)),
        "audit": serialized(entries),
        "belongings": [
            row
            for name in BELONGINGS
            for row in serialized(apps.get_model(name).objects.filter(retailer=retailer))
        ],
        "content_types": {
            str(pk): f"{app}.{model}"
            for pk, app, model in ContentType.objects.values_list("pk", "app_label", "model")
        },
        "sequences": sequences_of(schema),
        "tables": tables,
    }


def serialized(rows) -> list[dict]:
    return json.loads(serializers.serialize("json", rows))


def tables_of(schema: str) -> list[str]:
    return sorted(schemas.tables([schema])[schema])


def sequences_of(schema: str) -> dict[str, list]:
    """name → [last value, whether it was given out]."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = %s", [schema])
        names = sorted(name for (name,) in cursor.fetchall())
        found = {}
        for name in names:
            cursor.execute(f"SELECT last_value, is_called FROM {quoted(schema)}.{quoted(name)}")
            found[name] = list(cursor.fetchone())
    return found


def ddl(schema: str) -> str:
    """What builds the schema, without its rows; STAND_IN where its name stands."""
    dumped = schemas.dump(schema, "--schema-only")
    return re.sub(rf"\b{re.escape(schema)}\b", STAND_IN, dumped)


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def as_json(value) -> io.BytesIO:
    return io.BytesIO(json.dumps(value, indent=1).encode())


def sha256_of(content: BinaryIO) -> str:
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256").hexdigest()
    content.seek(0)
    return digest


def backups_of(schema: str) -> list[str]:
    """Complete ones in this folder, the oldest first."""
    try:
        _, names = storage().listdir(schema)
    except FileNotFoundError:
        return []
    complete = {name.removesuffix(".sha256") for name in names if name.endswith(".sha256")}
    return [f"{schema}/{name}" for name in sorted(names) if name in complete]


def prune() -> int:
    """Delete backups older than BACKUP_DAYS; whoever lives keeps the newest, the platform too."""
    oldest = f"{timezone.now() - timedelta(days=settings.BACKUP_DAYS):{KEEP_NAME}}"
    living = {PLATFORM, *Retailer.objects.values_list("schema_name", flat=True)}
    deleted = 0
    try:
        folders, _ = storage().listdir("")
    except FileNotFoundError:
        return 0
    for schema in folders:
        kept = backups_of(schema)[-1:] if schema in living else []
        _, names = storage().listdir(schema)
        for name in names:
            path = f"{schema}/{name}"
            if name < oldest and path.removesuffix(".sha256") not in kept:
                storage().delete(path)
                deleted += 1
    return deleted
