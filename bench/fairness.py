"""Does one connection with 5,000 waiting delay another's sign-ups?

One worker with two slots, as on the smallest server. A shopper signs up at another retailer
every now and then; the time until the CRM holds the contact is measured, first with nothing else to
do, then while the large connection works through its backlog.
"""

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from django.http import QueryDict
from django_tenants.utils import tenant_context

from bench import servers
from bench.rounds import Line
from bench.servers import BenchFailed
from bench.world import ROOT, World

BACKLOG = 5_000
SLOTS = 2  # worker processes: one may be busy with the backlog, the other is everybody's
SHOPPERS = 60  # a round
EVERY = 0.25  # seconds between two shoppers
LATENCY = "0.25"  # seconds the CRM takes for a call
PATIENCE = 60.0  # seconds for one sign-up


def fairness(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    from integrations.models import Delivery
    from tenants.provisioning import onboard

    small = onboard("Small", "small", "owner@small.test").retailer
    with servers.crm_of({"bench": "key-large", "small": "key-small"}, world.folder, LATENCY) as crm:
        with tenant_context(world.retailer):
            large = connect(crm.url, "key-large")
        with tenant_context(small):
            other = connect(crm.url, "key-small")
        with worker(world):
            shoppers(small, other, 5)  # warms up
            idle = shoppers(small, other, SHOPPERS)
            with tenant_context(world.retailer):
                backlog(large, BACKLOG)
                ring(world.retailer, large)
            busy = shoppers(small, other, SHOPPERS)
            with tenant_context(world.retailer):
                left = Delivery.objects.filter(connection=large, state="due").count()
    if not left:
        raise BenchFailed("The backlog was gone before the last shopper: nothing was measured.")
    figures = {name: p95(times) for name, times in (("idle", idle), ("busy", busy))}
    say(f"{left:,} of {BACKLOG:,} were still waiting at the end")
    for name, times in (("idle", idle), ("beside the backlog", busy)):
        say(
            f"{name:>18}: median {1000 * statistics.median(times):.0f} ms,"
            f" p95 {1000 * p95(times):.0f} ms, slowest {1000 * max(times):.0f} ms"
        )
    if figures["busy"] > 2 * figures["idle"]:
        fail("fairness: a neighbour's backlog more than doubles the p95.")
    return [
        Line(
            f"p95 beside {BACKLOG:,} waiting",
            "ms",
            [1000 * figures["busy"]],
            [1000 * figures["idle"]],
            "≤ 2 × idle",
        )
    ]


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def connect(url: str, key: str):
    from customerinfo.tests.chaos import connect as connected
    from integrations.models import Connection

    Connection.objects.update(state=Connection.State.OFF)
    return connected(url, key)


def backlog(connection, number: int) -> None:
    from bench.deliveries import sign_up

    sign_up(connection, 0, number)


def ring(retailer, connection) -> None:
    from integrations import doorbell

    doorbell.ring(retailer.schema_name, [connection.pk])


def shoppers(retailer, connection, number: int) -> list[float]:
    """Seconds from each sign-up to its delivery."""
    from forms_app import intake
    from forms_app.models import FormVersion
    from integrations.models import Delivery

    sent = {}
    with tenant_context(retailer):
        version = FormVersion.objects.latest("number")
        email = next(one["key"] for one in version.fields if one["kind"] == "email")
        pause = threading.Event()
        for _ in range(number):
            signup_id = str(uuid.uuid4())
            data = {email: f"{signup_id}@example.com", "signup_id": signup_id}
            started = time.time()
            sent[intake.take(version, QueryDict(urlencode(data)))] = started
            pause.wait(EVERY)
        ends = time.monotonic() + PATIENCE
        done = Delivery.objects.filter(connection=connection, signup_id__in=sent)
        while done.filter(delivered_at=None).exists():
            if time.monotonic() > ends:
                raise BenchFailed(f"Not all were delivered within {PATIENCE:.0f} s.")
            pause.wait(0.05)
        return [
            moment.timestamp() - sent[signup_id]
            for signup_id, moment in done.values_list("signup_id", "delivered_at")
        ]


class worker:
    """A Celery worker as in production, with SLOTS processes."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __enter__(self) -> None:
        from django.conf import settings

        command = "celery --quiet -A customerinfo worker --without-mingle --without-gossip"
        with (self.world.folder / "fairness-worker.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command.split(), "-c", str(SLOTS)],
                env={
                    **os.environ,
                    **self.world.web_env(),
                    "DEMO": "1",
                    "REDIS_URL": settings.REDIS_URL,
                },
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __exit__(self, *_) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)
