"""Deliveries in figures, for Prometheus: by connector and cause, never by retailer or person."""

import collections
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.utils import timezone
from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily

from . import circuit
from .connectors import CONNECTORS
from .fleet_view import Fleet, look

PERIOD = timedelta(minutes=5)  # what the counts of attempts span

# What a worker counts.
ATTEMPTS = Counter(
    "customerinfo_deliveries", "Tries to deliver, by what came of them.", ["connector", "outcome"]
)
for _connector in CONNECTORS:
    for _outcome in ("delivered", "retry", "needs_attention", "paused"):
        ATTEMPTS.labels(_connector, _outcome)  # from 0, so that the first one is an increase
DELAY = Histogram(
    "customerinfo_delivery_delay_seconds",
    "From the moment a delivery was to be made until the CRM had it.",
    ["connector"],
    buckets=(1, 2, 5, 10, 30, 60, 300, 1800, 3600, 6 * 3600, 24 * 3600),
)
SWEEP = Histogram(
    "customerinfo_sweep_seconds",
    "How long it took to look for work in all schemas.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def note(connector: str, attempts: Iterable) -> None:
    """Count these `Attempt`s, each with its delivery."""
    now = timezone.now()
    for attempt in attempts:
        ATTEMPTS.labels(connector, attempt.outcome).inc()
        if attempt.outcome == "delivered":
            delay = (now - attempt.delivery.created_at).total_seconds()
            DELAY.labels(connector).observe(max(0.0, delay))


class DeliveriesCollector:
    """What stands in the database, in all retailers' schemas, when it is scraped."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        fleet = look(PERIOD)
        yield from (backlog(fleet), oldest(fleet), connections(fleet), attempts(fleet))
        yield from (durations(fleet), mails(fleet))


def family(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"customerinfo_{name}", words, labels=labels)


def backlog(fleet: Fleet) -> GaugeMetricFamily:
    made = family("deliveries_waiting", "Deliveries on their way.", "connector")
    waiting = collections.Counter(dict.fromkeys(CONNECTORS, 0))
    for row in fleet.connections:
        waiting[row.kind] += row.waiting
    for kind, number in sorted(waiting.items()):
        made.add_metric([kind], number)
    return made


def oldest(fleet: Fleet) -> GaugeMetricFamily:
    """Of active connections only: a paused one waits for its retailer."""
    made = family(
        "delivery_overdue_seconds", "How long no worker has sent what could go.", "connector"
    )
    worst = dict.fromkeys(CONNECTORS, 0.0)
    for row in fleet.connections:
        if row.state == "active":
            worst[row.kind] = max(worst.get(row.kind, 0.0), row.overdue(fleet.now))
    for kind, seconds in sorted(worst.items()):
        made.add_metric([kind], seconds)
    return made


def connections(fleet: Fleet) -> GaugeMetricFamily:
    made = family("connections", "CRM connections.", "connector", "state")
    counted = collections.Counter((row.kind, state(row)) for row in fleet.connections)
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
    counted: collections.Counter = collections.Counter()
    for row in fleet.attempts:
        counted[row.kind, row.outcome, row.code] += row.number
    for labels, number in sorted(counted.items()):
        made.add_metric(labels, number)
    return made


def durations(fleet: Fleet) -> GaugeMetricFamily:
    made = family(
        "delivery_call_seconds", "How long the CRM took, on average, five minutes.", "connector"
    )
    total, count = collections.Counter(), collections.Counter()
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
