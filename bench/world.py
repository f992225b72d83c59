"""Where the benches run: own PostgreSQL and Redis, a database of its own, one retailer with a page.

PostgreSQL is as durable as in production (the tests' isn't): a commit waits for the disk, in our
program and in its limit.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from customerinfo.demo.services import PostgresServer, RedisServer, start_postgres, start_redis

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "bench"  # kept from run to run: the migrated database is copied from there
CONSENTS = (
    ("consent", {"purpose": "marketing"}),
    ("consent", {"label": "I accept the terms.", "purpose": "terms", "required": True}),
)
FIELDS = (("first_name", {}), ("last_name", {}), ("email", {}), ("birthday", {}), *CONSENTS)


@dataclass(frozen=True)
class World:
    retailer: "tenants.models.Retailer"  # noqa: F821  (Django isn't set up yet)
    postgres: PostgresServer
    redis: RedisServer
    folder: Path
    dsn: str

    def web_env(self) -> dict[str, str]:
        """The product's web process as on a server: not the demo, static files collected."""
        from django.conf import settings

        url = self.postgres.url(settings.DATABASES["default"]["NAME"])
        return {
            "DEMO": "0",
            "EMAIL_URL": "console://",
            "DATABASE_URL": url,
            "STATIC_ROOT": str(self.folder / "static"),
            "LOG_LEVEL": "INFO",  # the bench itself only warns
            "DJANGO_SETTINGS_MODULE": "customerinfo.settings",
        }


@contextmanager
def world() -> Iterator[World]:
    """A platform with one retailer."""
    with platform() as (postgres, redis, name):
        yield World(make_retailer(), postgres, redis, FOLDER, dsn(postgres, name))


@contextmanager
def platform(durable: bool = True) -> Iterator[tuple[PostgresServer, RedisServer, str]]:
    """Everything up, with Django on a database of its own, whose name comes last; stopped and
    dropped afterwards."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        start_postgres(FOLDER / "postgres", durable=durable) as postgres,
        start_redis(FOLDER / "redis", persistent=False) as redis,
    ):
        os.environ |= {
            "DEMO": "1",  # deliveries go to a CRM on this machine
            "DATABASE_URL": postgres.url("postgres"),
            "REDIS_URL": redis.url,
            "PG_DUMP": str(postgres.bin_dir / "pg_dump"),
            "SECRET_KEY": "only for the benches",
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "BASE_URL": "http://localhost",  # a browser trusts it like https
            "OPERATOR_HOST": "console.localhost",
            "MEDIA_ROOT": str(FOLDER / "media"),
            "LOG_LEVEL": "WARNING",
            "CUSTOMERINFO_TEST_FOLDER": str(FOLDER),
            "DJANGO_SETTINGS_MODULE": "customerinfo.settings",
        }
        import django

        django.setup()
        # Only now: importing it reads the environment.
        from customerinfo.tests import databases

        with databases.fresh_copy(databases.migrated()) as name, databases.pointed_at(name):
            yield postgres, redis, name


def dsn(postgres: PostgresServer, name: str) -> str:
    """For psycopg2 without Django."""
    return postgres.url(name)


def make_retailer():
    from forms_app.starter import Starter
    from tenants.provisioning import onboard

    return onboard("Bench", "bench", "owner@bench.test", Starter(fields=FIELDS)).retailer
