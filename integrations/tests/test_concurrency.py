"""Two drains, two processes' worth of threads, real commits."""

import threading
import uuid

import pytest
from django.db import connection as database
from django_tenants.utils import get_tenant_model, tenant_context

from integrations import delivery
from integrations.http import Http
from integrations.locks import connection_lock
from integrations.models import Delivery

pytestmark = pytest.mark.usefixtures("committed_world")


def both():
    return [get_tenant_model().objects.get(slug=slug) for slug in ("acorn", "birch")]


def in_threads(*works):
    """Run these at the same time, each on its own database connection; re-raise what fails."""
    barrier, failures = threading.Barrier(len(works)), []

    def run(work):
        try:
            barrier.wait(10)
            work()
        except Exception as error:  # handed to the test below
            failures.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def test_concurrent_drains_of_one_connection_make_one_contact_each(connected, sign_up, sandbox_crm):
    acorn, birch = both()
    connections = {retailer: connected(retailer) for retailer in (acorn, birch)}
    email = f"{uuid.uuid4().hex}@example.com"
    for retailer in connections:
        for number in range(20):
            sign_up(retailer, email, first_name=f"Number {number}")

    def work(retailer):
        def drain():
            with tenant_context(retailer):
                # The drain that comes second leaves; who was first looks once more at the end.
                while delivery.drain(connections[retailer].pk, Http(allow_private=True)):
                    pass

        return drain

    in_threads(*[work(retailer) for retailer in connections for _ in range(4)])
    for retailer in connections:
        with tenant_context(retailer):
            assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
        found = sandbox_crm.api("GET", f"/contacts?email={email}", key=f"key-{retailer.slug}")[1]
        assert [c["attributes"]["first_name"] for c in found["contacts"]] == ["Number 19"]


def test_a_lock_belongs_to_one_schema_and_ends_with_its_connection(connected):
    acorn, birch = both()
    seen = {}

    def other_process(retailer):
        with tenant_context(retailer), connection_lock(1) as held:
            seen[retailer.slug] = held

    with tenant_context(acorn), connection_lock(1) as held:
        assert held
        in_threads(lambda: other_process(acorn), lambda: other_process(birch))
    assert seen == {"acorn": False, "birch": True}

    def dies():
        with tenant_context(acorn):
            connection_lock(1).__enter__()
            # the thread ends and closes its connection without letting go, as a killed worker does

    in_threads(dies)
    with tenant_context(acorn), connection_lock(1) as held:
        assert held
