"""Databases for tests: migrated once for a state of the code, then copied in a second.

    migrated_<hash of all migrations>  →  world_<hash of our code>  →  a copy for each test process

The world holds two retailers, Acorn and Birch: every test that touches data has both.
"""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from django.conf import settings
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django_tenants.utils import tenant_context

from .services import FOLDER, ROOT

# What makes a retailer: a change there makes a new world.
WORLD_SOURCES = ("tenants", "forms_app", "integrations", "billing", "site/customerinfo/users")


def execute(statement: str) -> list[tuple]:
    """Run one statement in the maintenance database, outside any transaction."""
    database = settings.DATABASES["default"]
    link = psycopg2.connect(
        dbname="postgres",
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"] or None,
    )
    try:
        link.autocommit = True
        with link.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        link.close()


def exists(name: str) -> bool:
    return bool(execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))


def drop(name: str) -> None:
    execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def copy(source: str, target: str) -> None:
    execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}" STRATEGY FILE_COPY')


@contextmanager
def pointed_at(name: str) -> Iterator[None]:
    """Django's connection talks to this database."""
    before = connection.settings_dict["NAME"]
    connections.close_all()
    connection.settings_dict["NAME"] = name
    settings.DATABASES["default"]["NAME"] = name
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = before
        settings.DATABASES["default"]["NAME"] = before


@contextmanager
def one_at_a_time() -> Iterator[None]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(prefix: str, digest: str, source: str | None, fill) -> str:
    """The database <prefix>_<digest>, made by `fill` if it isn't there; older ones are dropped."""
    name = f"{prefix}_{digest[:16]}"
    if exists(name):
        return name
    for (old,) in execute(f"SELECT datname FROM pg_database WHERE datname LIKE '{prefix}\\_%'"):
        drop(old)
    unfinished = f"making_{name}"
    drop(unfinished)
    if source:
        copy(source, unfinished)
    else:
        execute(f'CREATE DATABASE "{unfinished}"')
    with pointed_at(unfinished):
        fill()
    execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    return name


def digest_of_migrations() -> str:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    digest = hashlib.sha256(repr(sorted(loader.disk_migrations)).encode())
    for folder in WORLD_SOURCES:
        for file in sorted((ROOT / folder).rglob("migrations/*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def digest_of_code() -> str:
    digest = hashlib.sha256()
    for folder in WORLD_SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "tests" not in file.parts:
                digest.update(file.read_bytes())
    return digest.hexdigest()


def fill_migrated() -> None:
    from tenants.fleet import migrate_fleet

    migrate_fleet(say=lambda line: None)


def fill_world() -> None:
    from integrations.models import Mail
    from tenants.provisioning import onboard

    for name in ("Acorn", "Birch"):
        made = onboard(name, name.lower(), f"owner@{name.lower()}.test")
        with tenant_context(made.retailer):
            Mail.objects.all().delete()  # no test begins with letters that wait


def migrated() -> str:
    """The name of a database with every migration and no retailer."""
    with one_at_a_time():
        return build("migrated", digest_of_migrations(), None, fill_migrated)


def world() -> str:
    """The name of a database with both retailers."""
    source = migrated()
    with one_at_a_time():
        both = hashlib.sha256((source + digest_of_code()).encode()).hexdigest()
        return build("world", both, source, fill_world)


@contextmanager
def fresh_copy(source: str) -> Iterator[str]:
    """A copy of the database `source`, gone afterwards."""
    name = f"copy_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with one_at_a_time():  # PostgreSQL refuses to copy a database that is being copied
        copy(source, name)
    try:
        yield name
    finally:
        drop(name)
