"""How much memory the product takes on a small server: five retailers, after some work.

Web and worker as the image starts them, with beat in the worker, as is right where there is one
only; PostgreSQL and Redis as the benches do. PSS shares out what processes have in common, so it
adds up; RSS counts that in each. Linux only.
"""

import itertools
import re
import time
from collections.abc import Callable
from contextlib import ExitStack

import psutil
from django_tenants.utils import tenant_context

from bench import load, pages, servers
from bench.servers import BenchFailed, Server
from bench.world import FIELDS, ROOT, World

RETAILERS, PAGES, SIGNUPS, SECONDS = 5, 500, 200, 60
LIMIT = 400  # MB of web, worker and beat together
OURS = ("web", "worker")  # beat is a child of the only worker, and shares its memory
CELERY = ["celery", "--quiet", "--app", "customerinfo"]


class Background(Server):
    """A process that listens nowhere."""

    def _wait(self) -> None:
        time.sleep(5)
        if self.process.poll() is not None:
            raise BenchFailed(f"{self.name} didn't start:\n{self.log.read_text()[-2000:]}")


def footprint(here: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list:
    from customerinfo.tests.chaos import connect

    retailers = shops(here)
    keys = {retailer.slug: f"key-{retailer.slug}" for retailer in retailers}
    say(f"{RETAILERS} retailers, {PAGES} pages, {SIGNUPS} sign-ups, {SECONDS} s of beat")
    with servers.crm_of(keys, here.folder, "0") as crm:
        for retailer in retailers:
            with tenant_context(retailer):
                connect(crm.url, keys[retailer.slug])
        for processes in (2, 1):
            total = measured(here, retailers, processes, say)
            say(f"{' and '.join(OURS)}: {total:.0f} MB PSS, at most {LIMIT} wanted")
    if total > LIMIT:
        fail(f"footprint: at the least it takes {total:.0f} MB, more than {LIMIT}.")
    return []


def measured(
    here: World, retailers: list, processes: int, say: Callable[[str], None]
) -> float:
    """MB of ours after some work, with so many web workers and as many children of Celery."""
    before = sum(map(delivered, retailers))
    with ExitStack() as stack:
        ours = {server.name: server for server in started(here, stack, processes)}
        work(ours["web"], retailers)
        time.sleep(SECONDS)
        arrived = sum(map(delivered, retailers)) - before
        if arrived != SIGNUPS:
            raise BenchFailed(f"{arrived} of {SIGNUPS} sign-ups were delivered.")
        pids = {name: server.process.pid for name, server in ours.items()}
        pids |= {"PostgreSQL": here.postgres.pid, "Redis": here.redis.pid}
        sizes = {name: memory(pid) for name, pid in pids.items()}
    say(f"{processes} web workers and children of Celery")
    say(f"{'':16} processes   PSS MB   RSS MB")
    for name, (count, pss, rss) in sizes.items():
        say(f"{name:16} {count:9} {pss:8.0f} {rss:8.0f}")
    return sum(sizes[name][1] for name in OURS)


def shops(here: World) -> list:
    from forms_app.starter import Starter
    from tenants.provisioning import onboard

    slugs = [f"shop-{number}" for number in range(1, RETAILERS)]
    others = [
        onboard(slug, slug, f"owner@{slug}.test", Starter(fields=FIELDS)).retailer for slug in slugs
    ]
    return [here.retailer, *others]


def started(here: World, stack: ExitStack, processes: int) -> list[Server]:
    """Web and worker with the image's environment."""
    image = (ROOT / "Dockerfile").read_text()
    env = {**here.web_env(), "WEB_CONCURRENCY": str(processes)}
    env |= dict(re.findall(r"\b(MALLOC_\w+)=(\S+)", image))
    # The CRM is on this machine.
    loopback = {**env, "DEMO": "1"}
    pages.collect(env)
    folder = here.folder
    worker = ["worker", f"--concurrency={processes}", "--beat", "--schedule", str(folder / "beat")]
    made = [
        servers.web(env, folder),
        Background("worker", [*CELERY, *worker], loopback, folder),
    ]
    return [stack.enter_context(server) for server in made]


def work(web: Server, retailers: list) -> None:
    """Pages and sign-ups, in turn over all retailers."""
    bodies = {retailer.pk: pages.filled(retailer) for retailer in retailers}
    turns = itertools.cycle(retailers)
    for _ in range(PAGES):
        pages.ask(web, "GET", load.Request("/join/", next(turns).host))
    prefix = load.id_prefix()
    for number in range(SIGNUPS):
        retailer = next(turns)
        body = bodies[retailer.pk].replace(load.ID, f"{prefix}-{number:012x}")
        pages.ask(web, "POST", load.Request("/join/", retailer.host, body))


def delivered(retailer) -> int:
    from integrations.models import Delivery

    with tenant_context(retailer):
        return Delivery.objects.filter(state=Delivery.State.DELIVERED).count()


def memory(pid: int) -> tuple[int, float, float]:
    """(processes, PSS, RSS) of the process and its children, in MB."""
    first = psutil.Process(pid)
    infos = [one.memory_full_info() for one in (first, *first.children(recursive=True))]
    return len(infos), sum(i.pss for i in infos) / 1e6, sum(i.rss for i in infos) / 1e6
