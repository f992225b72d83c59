"""Retailers in figures, for Prometheus: from what tenants.figures counted a few minutes ago."""

from collections.abc import Iterator

from django.db.models import Count, Min, Q, Sum
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from .models import Retailer
from .needs import needs, retailers


def gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"customerinfo_{name}", words, value=value)


class RetailersCollector:
    def collect(self) -> Iterator[Metric]:
        yield by_state()
        yield what_needs_a_person()
        served = Q(schema_problem="")
        found = retailers().aggregate(
            not_served=Count("pk", filter=~served),
            behind=Count("pk", filter=served & Q(counted__migrations_lacking__gt=0)),
            tablets=Sum("counted__tablets", filter=served, default=0),
            offline=Sum("counted__tablets_offline", filter=served, default=0),
            counted=Min("counted__counted_at", filter=served),
        )
        yield gauge("schemas_not_served", "Schemas with a problem.", found["not_served"])
        yield gauge("schemas_behind", "Schemas that lack migrations.", found["behind"])
        yield gauge("tablets", "Paired tablets.", found["tablets"])
        yield gauge("tablets_offline", "Tablets that haven't been heard of.", found["offline"])
        age = (timezone.now() - found["counted"]).total_seconds() if found["counted"] else 0
        yield gauge("figures_age_seconds", "Since the least recently counted retailer was.", age)


def by_state() -> Metric:
    made = GaugeMetricFamily("customerinfo_retailers", "Retailers.", labels=["state"])
    counted = dict(retailers().order_by().values_list("state").annotate(Count("pk")))
    for state in Retailer.State:
        if state != Retailer.State.TEMPLATE:
            made.add_metric([state.value], counted.get(state, 0))
    return made


def what_needs_a_person() -> Metric:
    made = GaugeMetricFamily(
        "customerinfo_needs", "What the console's start page asks a person for.", labels=["tone"]
    )
    tones = [need.tone for need in needs()]
    for tone in ("critical", "warning"):
        made.add_metric([tone], tones.count(tone))
    return made
