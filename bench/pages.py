"""GET of the warm sign-up page and POST of a sign-up, in the real web server."""

import http.client
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import psycopg2
from django_tenants.utils import tenant_context

from bench import load, servers
from bench.limits import insert
from bench.rounds import Line, alternate, compare
from bench.servers import BenchFailed, Server
from bench.statements import logged, split
from bench.world import ROOT, World

MOST_STATEMENTS = {"GET": 0, "POST": 7}  # without BEGIN and COMMIT
WARM = 40  # requests until each process and thread has answered
COUNTED = 10


def get(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    request = load.Request("/join/", world.retailer.host)
    with (
        product(world) as ours,
        servers.gunicorn("hello", "bench.limits.hello", {}, world.folder) as hello,
    ):
        count(world, ours, "GET", lambda number: request, say, fail)
        rounds = alternate(
            {
                "ours": lambda: load.load(ours, request),
                "limit": lambda: load.load(hello, load.Request("/", "localhost")),
            }
        )
    return [
        compare("GET sign-up page, warm", "rate", "req/s", rounds, aim="≥ 0.75"),
        compare("  CPU of the web server", "cpu", "ms", rounds),
    ]


def post(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    request = load.Request("/join/", world.retailer.host, form(world))
    link = psycopg2.connect(world.dsn)
    with link, link.cursor() as cursor:
        cursor.execute(insert.TABLE)
    link.close()
    env = {"BENCH_DSN": world.dsn}
    with (
        product(world) as ours,
        servers.gunicorn("insert", "bench.limits.insert", env, world.folder) as one_insert,
    ):
        prefix = load.id_prefix()

        def numbered(number: int) -> load.Request:
            body = request.body.replace(load.ID, f"{prefix}-{number:012x}")
            return load.Request(request.path, request.host, body)

        count(world, ours, "POST", numbered, say, fail)
        before = stored(world)
        rounds = alternate(
            {
                "ours": lambda: load.load(ours, request),
                "limit": lambda: load.load(one_insert, request),
            }
        )
        check_stored(stored(world) - before, rounds["ours"])
    return [
        compare("POST, 2 consents, 2 connections", "rate", "req/s", rounds, aim="≥ 0.50"),
        compare("  CPU of the web server", "cpu", "ms", rounds),
    ]


@contextmanager
def product(world: World) -> Iterator[Server]:
    env = world.web_env()
    collect(env)
    with servers.web(env, world.folder) as server:
        yield server


def collect(env: dict[str, str]) -> None:
    """Static files, each time: what is there may be of another version of the code."""
    command = [sys.executable, str(ROOT / "manage.py"), "collectstatic", "--noinput", "-v", "0"]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode:
        raise BenchFailed(f"collectstatic failed:\n{done.stderr[-2000:]}")


def form(world: World) -> str:
    """A filled-in form, with `load.ID` for the sign-up's id. Makes the two connections."""
    from integrations.models import Connection

    with tenant_context(world.retailer):
        for name in ("One", "Two"):
            Connection.objects.get_or_create(name=name, kind="sandbox")
    return filled(world.retailer)


def filled(retailer) -> str:
    """The body of a sign-up on the retailer's page, with `load.ID` for its id."""
    from forms_app.models import FormVersion

    typed = {"first_name": "Robin", "last_name": "de Vries", "email": f"r.{load.ID}@example.com"}
    with tenant_context(retailer):
        version = FormVersion.objects.get(page__slug="join")
    data = {"form_version": str(version.pk), "signup_id": load.ID}
    for field in version.fields:
        if field["kind"] == "birthday":
            data |= {f"{field['key']}-day": "17", f"{field['key']}-month": "5"}
        else:
            data[field["key"]] = typed.get(field["kind"], "yes")
    return urlencode(data)


def stored(world: World) -> int:
    from forms_app.models import Signup

    with tenant_context(world.retailer):
        return Signup.objects.count()


def check_stored(rows: int, rounds: list) -> None:
    """Fast, and did it do the work? The rounds' requests, the warm-up round's on top."""
    answered = sum(figures["rate"] for figures in rounds) * load.SECONDS
    if rows < answered * 0.95:
        raise BenchFailed(f"About {answered:.0f} sign-ups were answered, {rows} are stored.")


def count(
    world: World,
    server: Server,
    method: str,
    request: Callable[[int], load.Request],
    say: Callable[[str], None],
    fail: Callable[[str], None],
) -> None:
    """Statements of one request when warm, as PostgreSQL saw them; too many fail the bench."""
    for number in range(WARM):
        ask(server, method, request(number))
    with logged(world.postgres) as log:
        seen = []
        for number in range(WARM, WARM + COUNTED):
            log.new()
            ask(server, method, request(number))
            seen.append(split(log.new()))
    counts = [len(statements) for statements, _ in seen]
    borders = max(len(found) for _, found in seen)
    say(
        f"{method}: {statistics.median(counts):.0f} statements (at most {max(counts)} of"
        f" {COUNTED} requests; {MOST_STATEMENTS[method]} allowed) and {borders} BEGIN or COMMIT"
    )
    statements, borders = max(seen, key=lambda one: len(one[0]))
    for statement in statements:
        say(f"    {statement[:110]}")
    if max(counts) > MOST_STATEMENTS[method]:
        fail(f"A warm {method} takes {max(counts)} statements.")


def ask(server: Server, method: str, request: load.Request) -> None:
    """One request on a connection of its own, so that every process gets some."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Host": request.host, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request(method, request.path, request.body or None, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status not in (200, 303):
            raise BenchFailed(f"{method} {request.path} answered {answer.status}.")
    finally:
        connection.close()
