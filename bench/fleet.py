"""A thousand retailers: what a deploy, the console and the sweep cost with them.

RETAILERS=100 makes fewer.
"""

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.rounds import Line
from bench.servers import BenchFailed
from bench.world import ROOT, World

RETAILERS = int(os.environ.get("RETAILERS", "1000"))
WORKERS = 2
OTHERS = 5  # schemas that django-tenants' own command migrates, to compare
QUICK, LISTED, SWEPT = 3.0, 0.3, 1.0  # seconds: the aims


def fleet(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    told: list[tuple[str, str]] = []

    def tell(what: str, figure: str) -> None:
        told.append((what, figure))
        say(f"{what}: {figure}")

    made = make(say)
    tell(f"{RETAILERS} retailers made, {WORKERS} at once", f"{RETAILERS / made:.2f} a second")
    tell("database", size())
    settle()

    env = os.environ | env_of_this_release()
    starting = run([sys.executable, "-c", "import django; django.setup()"], env)
    seconds = run(migrate(), env)
    words = f"{seconds:.2f} s, of which {starting:.2f} s to start Python"
    tell("migrate_fleet with nothing to do, whole process", words)
    if seconds > QUICK:
        fail(f"fleet: nothing to do took {seconds:.1f} s")
    add_field(world, tell, fail)
    console(tell, fail)
    sweeping(tell, fail)
    width = max(len(what) for what, _ in told)
    say("")
    for what, figure in told:
        say(f"{what:<{width}}  {figure}")
    return []


def make(say: Callable[[str], None]) -> float:
    """Seconds for all of them."""
    from django.db import connection

    from tenants.provisioning import onboard

    def one(number: int) -> None:
        try:
            onboard(f"Fleet {number}", f"fleet-{number}", f"owner@fleet-{number}.test")
        finally:
            connection.close()

    started = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        for number, _ in enumerate(pool.map(one, range(RETAILERS)), start=1):
            if number % 100 == 0:
                say(f"{number} made, {time.perf_counter() - started:.0f} s")
    return time.perf_counter() - started


def settle() -> None:
    """As if a worker had sent the invitations: what is measured is a fleet with nothing to do."""
    from django.utils import timezone
    from django_tenants.utils import schema_context

    from integrations.models import Mail
    from tenants.tests.worlds import sql

    for (schema,) in sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'r\\_%%'"):
        with schema_context(schema):
            Mail.objects.update(sent_at=timezone.now())
    sql("ANALYZE")


def size() -> str:
    from tenants.tests.worlds import sql

    return sql("SELECT pg_size_pretty(pg_database_size(current_database()))")[0][0]


def env_of_this_release() -> dict[str, str]:
    from tenants.tests.worlds import database_url

    return {"DATABASE_URL": database_url()}


def migrate(*words: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "migrate_fleet", *words]


def run(command: list[str], env, log: Path | None = None) -> float:
    """Seconds that it took. Raises `BenchFailed` if it fails."""
    started = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if log:
        log.write_text(done.stdout + done.stderr)
    if done.returncode:
        raise BenchFailed(f"{' '.join(command[2:])}: {done.stderr[-500:]}")
    return time.perf_counter() - started


def add_field(world: World, tell, fail) -> None:
    """One AddField over all of them, killed with -9 and run again; and django-tenants' own."""
    from tenants.models import Retailer
    from tenants.tests import next_release

    folder = world.folder / "next"
    folder.mkdir(exist_ok=True)
    env = next_release.environment(folder)
    names = list(
        Retailer.objects.filter(slug__startswith="fleet-").values_list("schema_name", flat=True)
    )
    theirs = names[:OTHERS]
    command = [sys.executable, "-c", THEIR_WAY.format(names=theirs)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise BenchFailed(f"django-tenants: {done.stderr[-500:]}")
    per_schema = float(re.search(r"took ([\d.]+)", done.stdout)[1]) / len(theirs)
    tell("AddField by django-tenants' migrate_schemas", f"{1 / per_schema:.2f} schemas a second")

    started = time.perf_counter()
    process = subprocess.Popen(
        migrate("--workers", str(WORKERS)), env=env, stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if re.match(rf"Migrated {max(25, RETAILERS // 3 // 25 * 25)} of", line):
            break
    process.kill()
    process.wait()
    process.stdout.close()
    first = time.perf_counter() - started
    between = with_field(names)
    if not OTHERS < between < len(names):
        fail(f"fleet: killed at {between} of {len(names)}, which shows nothing")
    second = run(migrate("--workers", str(WORKERS)), env, folder / "second.log")
    rate = (len(names) - OTHERS) / (first + second)
    tell("AddField by migrate_fleet, killed once with -9", f"{rate:.1f} schemas a second")
    tell("  killed when so many had it; then resumed", f"{between} of {len(names)}")
    tell("  beside django-tenants", f"{rate * per_schema:.0f} times as many")
    if with_field(names) != len(names):
        fail(f"fleet: {len(names) - with_field(names)} were left behind")


# Its standard executor, for a few schemas: what it does for each is the same for all.
THEIR_WAY = """
import time, django
django.setup()
from django_tenants.migration_executors.standard import StandardExecutor
from django.core.management import CommandError
options = dict(verbosity=0, interactive=False, fake=False, fake_initial=False, plan=False,
    check=False, check_unapplied=False, run_syncdb=False, prune=False, database="default",
    skip_checks=True, app_label=None, migration_name=None, traceback=False, settings=None,
    no_color=True, force_color=False, stdout=None, stderr=None)
from tenants.tests import next_release
started = time.perf_counter()
StandardExecutor([], options).run_migrations(tenants={names!r})
print("took", time.perf_counter() - started)
"""


def with_field(names: list[str]) -> int:
    from tenants.tests import next_release
    from tenants.tests.worlds import sql

    return sql(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'forms_app_store'"
        " AND column_name = %s AND table_schema = ANY(%s)",
        next_release.FIELD,
        names,
    )[0][0]


def console(tell, fail) -> None:
    """The operator's pages, in this process: what the code and the database take."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from tenants import tasks

    started = time.perf_counter()
    tasks.count_figures()
    tell("figures of all counted (every five minutes)", f"{time.perf_counter() - started:.2f} s")
    user = get_user_model().objects.create_superuser("bench@operator.test", "x")
    client = Client(headers={"host": settings.OPERATOR_HOST})
    client.force_login(user)
    for what, path in (
        ("console, list", "/admin/tenants/retailer/"),
        ("console, list by sign-ups, page 3", "/admin/tenants/retailer/?o=-6&p=3"),
        ("console, search", "/admin/tenants/retailer/?q=fleet-77"),
        ("console, what needs a person", "/admin/"),
    ):
        took = []
        for _ in range(6):
            with CaptureQueriesContext(connection) as queries:
                started = time.perf_counter()
                answer = client.get(path)
                took.append(time.perf_counter() - started)
            if answer.status_code != 200:
                raise BenchFailed(f"{path} answered {answer.status_code}")
        median = statistics.median(took[1:])
        tell(what, f"{1000 * median:.0f} ms, {len(queries)} queries")
        if median > LISTED:
            fail(f"fleet: {what} took {1000 * median:.0f} ms")


def sweeping(tell, fail) -> None:
    from integrations.sweep import sweep

    took = []
    for _ in range(4):
        started = time.perf_counter()
        sweep()
        took.append(time.perf_counter() - started)
    median = statistics.median(took[1:])
    tell("sweep of all", f"{median:.2f} s")
    if median > SWEPT:
        fail(f"fleet: a sweep took {median:.1f} s")
