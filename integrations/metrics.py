"""The operator's figures for Prometheus: by connector and cause, never by retailer or person."""

import hmac
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from . import circuit
from .connectors import CONNECTORS
from .fleet_view import Fleet, look

PERIOD = timedelta(minutes=5)  # what the counts of attempts span


class FleetCollector:
    """A collector for any registry: asks the database when it is scraped."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        fleet = look(PERIOD)
        yield from (backlog(fleet), oldest(fleet), connections(fleet), attempts(fleet))
        yield from (durations(fleet), mails(fleet))


def family(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"customerinfo_{name}", words, labels=labels)


def backlog(fleet: Fleet) -> GaugeMetricFamily:
    made = family("deliveries_waiting", "Deliveries on their way.", "connector")
    waiting = Counter(dict.fromkeys(CONNECTORS, 0))
    for row in fleet.connections:
        waiting[row.kind] += row.waiting
    for kind, number in sorted(waiting.items()):
        made.add_metric([kind], number)
    return made


def oldest(fleet: Fleet) -> GaugeMetricFamily:
    """Of active connections only: a paused one waits for its retailer."""
    made = family("delivery_overdue_seconds", "The longest overdue delivery.", "connector")
    worst = dict.fromkeys(CONNECTORS, 0.0)
    for row in fleet.connections:
        if row.state == "active":
            worst[row.kind] = max(worst.get(row.kind, 0.0), row.overdue(fleet.now))
    for kind, seconds in sorted(worst.items()):
        made.add_metric([kind], seconds)
    return made


def connections(fleet: Fleet) -> GaugeMetricFamily:
    made = family("connections", "CRM connections.", "connector", "state")
    counted = Counter((row.kind, state(row)) for row in fleet.connections)
    for labels, number in sorted(counted.items()):
        made.add_metric(labels, number)
    return made


def state(row) -> str:
    if row.state == "active" and row.failures >= circuit.OPEN_AFTER:
        return "not_answering"
    return row.state


def attempts(fleet: Fleet) -> GaugeMetricFamily:
    made = family(
        "delivery_attempts_5m",
        "Tries of the last five minutes.",
        *("connector", "outcome", "code"),
    )
    counted: Counter = Counter()
    for row in fleet.attempts:
        counted[row.kind, row.outcome, row.code] += row.number
    for labels, number in sorted(counted.items()):
        made.add_metric(labels, number)
    return made


def durations(fleet: Fleet) -> GaugeMetricFamily:
    made = family(
        "delivery_call_seconds", "How long the CRM took, on average, five minutes.", "connector"
    )
    total, count = Counter(), Counter()
    for row in fleet.attempts:
        total[row.kind] += row.milliseconds * row.number / 1000
        count[row.kind] += row.number
    for kind in sorted(count):
        made.add_metric([kind], total[kind] / count[kind])
    return made


def mails(fleet: Fleet) -> GaugeMetricFamily:
    made = family("mails_unsent", "Mails that haven't gone out.")
    made.add_metric([], sum(row.unsent for row in fleet.mails))
    return made


def text() -> bytes:
    registry = CollectorRegistry()
    registry.register(FleetCollector())
    return generate_latest(registry)


def view(request: HttpRequest) -> HttpResponse:
    """On the operator's host, for its superusers and for whoever shows METRICS_TOKEN."""
    if connection.schema_name != "public" or not may_read(request):
        raise Http404
    return HttpResponse(text(), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    shown = request.headers.get("Authorization", "")
    token = settings.METRICS_TOKEN
    if token and hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
        return True
    return request.user.is_active and request.user.is_superuser
