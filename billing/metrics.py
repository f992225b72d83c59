"""Stripe's events in figures, for Prometheus."""

from collections.abc import Iterator

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from .models import MOST_ATTEMPTS, Checked, ReceivedEvent


def gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"customerinfo_stripe_{name}", words, value=value)


class EventsCollector:
    def collect(self) -> Iterator[Metric]:
        waiting = ReceivedEvent.objects.waiting().aggregate(
            number=Count("pk"), oldest=Min("received_at")
        )
        oldest = waiting["oldest"]
        lag = (timezone.now() - oldest).total_seconds() if oldest else 0
        yield gauge("events_waiting", "Events that aren't processed yet.", waiting["number"])
        yield gauge("event_lag_seconds", "Since the oldest of these came.", lag)
        aside = ReceivedEvent.objects.filter(processed_at=None, attempts__gte=MOST_ATTEMPTS)
        yield gauge("events_set_aside", "Events that failed too often.", aside.count())
        failing = Checked.objects.exclude(error="")
        yield gauge("checks_failing", "Retailers whose hourly look failed.", failing.count())
