"""A pytest plugin (`-p customerinfo.tests.services`): real PostgreSQL and Redis for the whole run.

A plugin, because settings are read before any conftest. DATABASE_URL and REDIS_URL from outside
(GitLab's services) are used as they are; else both are started here, from wheels. Workers of xdist
inherit the environment of the run that started them.
"""

import os
from pathlib import Path

from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parents[3]
# Kept from run to run: the migrated database is copied from there (customerinfo.tests.databases).
FOLDER = Path(os.environ.get("CUSTOMERINFO_TEST_FOLDER") or ROOT / "var" / "test")

_running = []


def start() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")
    os.environ.setdefault("SECRET_KEY", "only for tests")
    os.environ.setdefault("ENCRYPTION_KEYS", Fernet.generate_key().decode())
    os.environ.setdefault("BASE_URL", "http://shops.test")
    os.environ.setdefault("OPERATOR_HOST", "console.shops.test")
    os.environ.setdefault("DEMO", "1")  # connectors may call the tests' own servers on loopback
    os.environ.setdefault("MEDIA_ROOT", str(FOLDER / "media"))
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    # Playwright's loop runs in the main thread; Django would take every query for asynchronous.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    if not os.environ.get("DATABASE_URL"):
        from customerinfo.demo.services import start_postgres

        postgres = start_postgres(FOLDER / "postgres", durable=False)
        _running.append(postgres)
        os.environ["DATABASE_URL"] = postgres.url("postgres")
        os.environ["PG_DUMP"] = str(postgres.bin_dir / "pg_dump")
    else:  # the image in which GitLab runs this has no pg_dump, or an older one than the server
        from customerinfo.demo.rootless import package_folder

        dump = package_folder() / "pginstall" / "bin" / "pg_dump"
        os.environ.setdefault("PG_DUMP", str(dump))
    if not os.environ.get("REDIS_URL"):
        from customerinfo.demo.services import start_redis

        redis = start_redis(FOLDER / "redis", persistent=False)
        _running.append(redis)
        os.environ["REDIS_URL"] = redis.url
    # Each worker of xdist has a Redis database of its own: tests empty it.
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        number = int(worker.removeprefix("gw")) + 1
        os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rsplit('/', 1)[0]}/{number}"


def pytest_unconfigure(config) -> None:
    while _running:
        _running.pop().stop()


start()
