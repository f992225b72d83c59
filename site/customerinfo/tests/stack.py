"""The product's own processes for tests: web, worker, beat, and the sandbox CRM, as in the demo.

Everything is really there: PostgreSQL (a database of its own), Redis (a server of its own, so that
a test may stop it), HTTP on loopback. Tests look at it from outside only.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from customerinfo.demo.crm.tests.process import running as crm_running
from customerinfo.demo.ports import unused_port
from customerinfo.demo.services import start_redis

from . import databases, log_file
from .services import ROOT

SHOPS = ("fern-and-fig", "volt-cycles")


def eventually(check: Callable[[], object], seconds: float = 60) -> object:
    """The first true answer of `check`; fails when the time is over."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if answer := check():
            return answer
        threading.Event().wait(0.1)
    raise AssertionError(f"Not within {seconds} seconds: {check}")


def database_url(name: str = "") -> str:
    """Of the tests' server; `name` is the database that Django is pointed at, if not given."""
    link = settings.DATABASES["default"]
    query = urllib.parse.urlencode({"host": link["HOST"], "port": link["PORT"] or 5432})
    user = urllib.parse.quote(link["USER"])
    password = f":{urllib.parse.quote(link['PASSWORD'])}" if link["PASSWORD"] else ""
    return f"postgres://{user}{password}@/{name or link['NAME']}?{query}"


class Stack:
    """`crm` is the CRM's process, `redis` the Redis server; `web`, `worker`, `beat` are Popens."""

    def __init__(self, folder: Path, database: str, crm, redis):
        self.folder, self.crm, self.redis = folder, crm, redis
        self.port = unused_port()
        self.metrics_ports = {name: unused_port() for name in ("web", "worker", "beat")}
        self.processes: dict[str, subprocess.Popen] = {}
        self.env = {
            **os.environ,
            "DATABASE_URL": database_url(database),
            "REDIS_URL": redis.url,
            "BASE_URL": f"http://localhost:{self.port}",
            "OPERATOR_HOST": "console.localhost",
            "MEDIA_ROOT": str(folder / "media"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "site"), str(ROOT)]),
            "DEMO_CRM_URL": crm.url,
            "DEMO_CRM_KEYS": json.dumps({shop: f"key-{shop}" for shop in SHOPS}),
            "LOG_LEVEL": "INFO",
            "EMAIL_SERVICE": "test",  # nobody's letters in the log
        }
        self.env.pop("PYTEST_XDIST_WORKER", None)

    def url(self, host: str, path: str = "/") -> str:
        return f"http://{host}.localhost:{self.port}{path}"

    def manage(self, *words: str) -> str:
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        done = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        celery = ["celery", "--quiet", "-A", "customerinfo"]
        command = {
            "web": "gunicorn --config python:customerinfo.web --workers 2"
            f" --bind 127.0.0.1:{self.port}".split(),
            "worker": [*celery, "worker", "-c", "2", "--without-mingle", "--without-gossip"],
            "beat": [*celery, "beat", "--schedule", str(self.folder / "beat")],
        }[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.env | {"METRICS_PORT": str(self.metrics_ports[name])},
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """Ends a process and its children by a signal."""
        process = self.processes.pop(name)
        os.killpg(process.pid, number)
        process.wait(30)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def is_ready(self) -> bool:
        try:
            return self.get("127.0.0.1", "/readyz") == "ok"
        except (urllib.error.URLError, OSError):
            return False

    def get(self, host: str, path: str) -> str:
        return self.open(host, path).read().decode()

    def open(self, host: str, path: str, data: dict | None = None):
        """An answer for this Host, whatever the resolver knows; 4xx and 5xx raise HTTPError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=urllib.parse.urlencode(data).encode() if data is not None else None,
            headers={"Host": f"{host}.localhost:{self.port}"},
        )
        return urllib.request.build_opener(NoRedirect).open(request, timeout=20)

    def sign_up(self, shop: str, email: str, first_name: str = "Ada") -> int:
        """POST the shop's form as a browser without JavaScript would; the HTTP status."""
        html = self.get(shop, "/join/")
        data = {"form_version": re.search(r'name="form_version" value="([^"]+)"', html)[1]}
        for kind, value in (("first_name", first_name), ("email", email)):
            data[key_of(html, kind)] = value
        for name in re.findall(r'type="checkbox"[^>]*name="([^"]+)"', html):
            data[name] = "yes"
        try:
            return self.open(shop, "/join/", data).status
        except urllib.error.HTTPError as error:
            return error.code

    def metrics(self, name: str) -> dict[str, float]:
        """What a process shows Prometheus: series → value. Raises OSError while it doesn't."""
        url = f"http://127.0.0.1:{self.metrics_ports[name]}/metrics"
        with urllib.request.build_opener().open(url, timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        rows = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {series: float(value) for series, _, value in rows}

    def contacts(self, shop: str, email: str) -> list[dict]:
        query = urllib.parse.urlencode({"email": email})
        return self.crm.api("GET", f"/contacts?{query}", key=f"key-{shop}")[1]["contacts"]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


def key_of(html: str, kind: str) -> str:
    """The name of the input of the demo's field of this kind, whatever a test has called it."""
    if kind == "email":
        return re.search(r'<label[^>]*for="f-([0-9a-f-]+)"[^>]*>\s*E-mail', html)[1]
    return re.search(r'<label[^>]*for="f-([0-9a-f-]+)"', html)[1]  # the first name comes first


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    """The whole product with the demo's two shops, on a fresh database."""
    accounts = [word for shop in SHOPS for word in ("--account", f"{shop}=key-{shop}")]
    redis = start_redis(folder / "redis", persistent=True)
    try:
        with (
            crm_running(folder / "crm", *accounts, "--rate", "off") as crm,
            databases.fresh_copy(databases.migrated()) as database,
        ):
            stack = Stack(folder, database, crm, redis)
            stack.manage("seed_demo")
            try:
                for name in ("web", "worker", "beat"):
                    stack.start(name)
                eventually(stack.is_ready)
                yield stack
            finally:
                for name in list(stack.processes):
                    stack.stop(name, signal.SIGKILL)
                log_file.keep(folder)
    finally:
        redis.stop()
