"""For Prometheus: what each process counts, and how the fleet is.

    web, worker   at METRICS_PORT: what the processes of this pod have counted together
    beat          at METRICS_PORT: the fleet, asked in the database and Redis at each scrape
    console       at /metrics: the fleet as well, for a Prometheus outside, with METRICS_TOKEN

There is one beat, so the fleet is asked once however many pods there are; and where it has no
figures, the beat is gone. No retailer, and no person, is a label anywhere.
"""

import hmac
import logging
import sys
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django_tenants.utils import get_public_schema_name, schema_context
from prometheus_client import CollectorRegistry, Metric, multiprocess, start_http_server
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

log = logging.getLogger(__name__)

COLLECTORS = (
    "integrations.metrics.DeliveriesCollector",
    "tenants.metrics.RetailersCollector",
    "billing.metrics.EventsCollector",
    "customerinfo.broker.BrokerCollector",
)


def counted() -> CollectorRegistry:
    """What this process and those that it forked have counted; see customerinfo.shared_counts."""
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return registry


def fleet(*, own_connection: bool = False) -> CollectorRegistry:
    """`own_connection`: in a thread of its own, which closes its connection to the database."""
    registry = CollectorRegistry()
    registry.register(FleetCollector(own_connection))
    return registry


class FleetCollector:
    """All collectors of the apps, in the public schema."""

    def __init__(self, own_connection: bool):
        self.own_connection = own_connection

    def describe(self) -> list[Metric]:
        return []  # else registering would ask the database

    def collect(self) -> Iterator[Metric]:
        try:
            with schema_context(get_public_schema_name()):
                for path in COLLECTORS:
                    yield from told(path)
        finally:
            if self.own_connection:
                connection.close()


def told(path: str) -> list[Metric]:
    """What this collector knows; nothing, where the database doesn't answer it. The others may."""
    try:
        with transaction.atomic():
            return list(import_string(path)().collect())
    except DatabaseError as error:
        log.error("No figures by %s: %s", path, error)
        return []


def serve_counted() -> None:
    serve(everything if "--beat" in sys.argv else counted)


def everything() -> CollectorRegistry:
    """Of a worker with beat in it."""
    registry = counted()
    registry.register(FleetCollector(own_connection=True))
    return registry


def serve_fleet() -> None:
    serve(lambda: fleet(own_connection=True))


def serve(registry: Callable[[], CollectorRegistry]) -> None:
    """In a thread of this process, if METRICS_PORT is set."""
    if not settings.METRICS_PORT:
        return
    try:
        start_http_server(settings.METRICS_PORT, settings.METRICS_HOST, registry())
    except (OSError, OverflowError) as error:  # metrics are no reason to stop
        log.error("No metrics: port %s: %s", settings.METRICS_PORT, error)


def view(request: HttpRequest) -> HttpResponse:
    """On the operator's host, for its superusers and for whoever shows METRICS_TOKEN."""
    if connection.schema_name != get_public_schema_name() or not may_read(request):
        raise Http404
    return HttpResponse(generate_latest(fleet()), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    shown = request.headers.get("Authorization", "")
    token = settings.METRICS_TOKEN
    if token and hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
        return True
    return request.user.is_active and request.user.is_superuser
