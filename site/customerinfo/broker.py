"""Whether Redis answers, and how many messages wait in it."""

from collections.abc import Iterator

from celery import current_app
from django_redis import get_redis_connection
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from redis.exceptions import RedisError


class BrokerCollector:
    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("customerinfo_redis_up", "Whether Redis answers.")
        waiting = GaugeMetricFamily(
            "customerinfo_queue_messages", "Messages that no worker has taken.", labels=["queue"]
        )
        queue = current_app.conf.task_default_queue
        try:
            waiting.add_metric([queue], get_redis_connection("default").llen(queue))
            up.add_metric([], 1)
        except RedisError:
            up.add_metric([], 0)
        yield from (up, waiting)
