"""What it is like at the end: pages, exports, sweep, disk, memory."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from bench.servers import BenchFailed
from forms_app.models import Signup
from integrations.models import Connection
from integrations.sweep import sweep
from tenants.tests.people import log_in

from .days import OPERATOR
from .shops import Shop

ROUNDS = 3  # after one that warms up


@dataclass(frozen=True)
class Look:
    """Seconds are medians: of CPU, here and in PostgreSQL, which don't depend on who else is on the
    machine, and by the clock. Of an export there is one round."""

    what: str
    cpu: float
    clock: float
    queries: int
    slowest_query: float
    content: bytes


def retailer_pages(shop: Shop) -> list[tuple[str, str]]:
    with tenant_context(shop.retailer):
        newest = Signup.objects.order_by("-received_at").values_list("pk", "email").first()
        crm = Connection.objects.get().pk
        last = (Signup.objects.count() - 1) // 50 + 1
        store = shop.tablet.store_id
    return [
        ("start page", "/admin/"),
        ("sign-ups", "/admin/signups/"),
        ("sign-ups, last page", f"/admin/signups/?p={last}"),
        ("sign-ups, the oldest first", "/admin/signups/?ordering=received_at"),
        ("search for an e-mail address", f"/admin/signups/?q={newest[1]}"),
        ("search for a name", "/admin/signups/?q=Ada"),
        ("search for nobody", "/admin/signups/?q=zzzzzz"),
        ("filter: delivered", "/admin/signups/?delivery=delivered"),
        ("filter: needs attention", "/admin/signups/?delivery=needs_attention"),
        ("filter: marketing, yes", "/admin/signups/?consent=yes"),
        ("filter: marketing, no", "/admin/signups/?consent=no"),
        ("filter: kept aside", "/admin/signups/?problem=any"),
        ("filter: a store", f"/admin/signups/?store={store}"),
        ("one sign-up", f"/admin/signups/inspect/{newest[0]}/"),
        ("erase a person", f"/admin/signups/erase/?person={newest[1]}"),
        ("CRM", "/admin/crm/"),
        ("a connection", f"/admin/crm/{crm}/"),
        ("its log", f"/admin/crm/{crm}/log/"),
        ("its log, failed", f"/admin/crm/{crm}/log/?outcome=retry"),
        ("its mapping", f"/admin/crm/{crm}/mapping/"),
        ("send again", f"/admin/crm/{crm}/send-again/"),
        ("tablets", "/admin/tablets/"),
        ("billing", "/admin/billing/"),
    ]


def console_pages(shop: Shop) -> list[tuple[str, str]]:
    return [
        ("console, what needs a person", "/admin/"),
        ("console, retailers", "/admin/tenants/retailer/"),
        ("console, a retailer", f"/admin/retailers/{shop.retailer.pk}/"),
        ("console, deliveries", "/admin/deliveries/"),
        ("console, revenue", "/admin/revenue/"),
        ("console, events of Stripe", "/admin/billing/receivedevent/"),
        ("console, periodic work", "/admin/periodic/"),
    ]


def pages(shop: Shop, exports: bool = True) -> Iterator[Look]:
    one_backend()
    owner = log_in(shop.retailer.host, shop.retailer.owner_email)
    for what, path in retailer_pages(shop):
        yield look(owner, what, path)
    operator = log_in(settings.OPERATOR_HOST, OPERATOR)
    for what, path in console_pages(shop):
        yield look(operator, what, path)
    for form in ("csv", "xlsx") if exports else ():
        yield export(owner, form)
    connection.set_schema_to_public()


def cpu_seconds() -> float:
    """Of this process and of PostgreSQL's for it."""
    link = connection.connection.get_backend_pid() if connection.connection else None
    theirs = psutil.Process(link).cpu_times() if link else None
    return time.process_time() + (theirs.user + theirs.system if theirs else 0)


def one_backend() -> None:
    """All of a query in the process whose time is counted."""
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")


def look(visitor: Client, what: str, path: str) -> Look:
    took, used = [], []
    for _ in range(ROUNDS + 1):
        with CaptureQueriesContext(connection) as queries:
            started, before = time.perf_counter(), cpu_seconds()
            answer = visitor.get(path)
            took.append(time.perf_counter() - started)
            used.append(cpu_seconds() - before)
        if answer.status_code != 200:
            raise BenchFailed(f"{path} answered {answer.status_code}")
    slowest = max(float(query["time"]) for query in queries.captured_queries)
    middle = statistics.median
    return Look(what, middle(used[1:]), middle(took[1:]), len(queries), slowest, answer.content)


def export(visitor: Client, form: str) -> Look:
    started, before = time.perf_counter(), cpu_seconds()
    answer = visitor.get(f"/admin/signups/?export={form}")
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    took, used = time.perf_counter() - started, cpu_seconds() - before
    return Look(f"export of all as {form.upper()}", used, took, 0, 0, content)


def sweep_seconds() -> float:
    """The look for work over all retailers, of which there is none."""
    took = []
    for _ in range(5):
        started = time.perf_counter()
        sweep()
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def megabytes_of(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def database_megabytes() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database()) / 1e6")
        return float(cursor.fetchone()[0])


def memory_megabytes() -> float:
    """Resident, of this process, which did all the work."""
    return psutil.Process().memory_info().rss / 1e6
