import time

from celery import shared_task
from django.conf import settings
from django.db import connection
from django_tenants.utils import get_public_schema_name, schema_context

from . import aside, attempt_log, doorbell, drift, mail, metrics, shopify_privacy
from .delivery import drain
from .fan_out import for_each_retailer
from .http import Http
from .sweep import sweep as ring_for_all
from .tenant_task import TenantTask

__all__ = [
    "drain_connection",
    "follow_shopify",
    "for_each_retailer",
    "look_for_drift",
    "prune_log",
    "send_mails",
    "send_public_mails",
    "sweep",
    "tell_what_is_aside",
]

# Kept for the life of the process: connections to a CRM stay open between drains.
_http: Http | None = None


def http() -> Http:
    global _http
    if _http is None:
        _http = Http(
            allow_private=settings.OUTBOUND_ALLOW_PRIVATE,
            read_timeout=min(10, settings.OUTBOUND_TIMEOUT),
            total_timeout=settings.OUTBOUND_TIMEOUT,
        )
    return _http


@shared_task(base=TenantTask)
def drain_connection(connection_id: int) -> None:
    if drain(connection_id, http()):
        doorbell.ring(connection.schema_name, [connection_id])


@shared_task
def sweep() -> int:
    started = time.monotonic()
    rung = ring_for_all()
    metrics.SWEEP.observe(time.monotonic() - started)  # one that failed isn't a sweep
    return rung


@shared_task(base=TenantTask)
def send_mails() -> None:
    if mail.send_due() == mail.A_BATCH:
        mail.ring()


@shared_task
def follow_shopify(topic: str, shop: str, customer: str) -> int:
    return shopify_privacy.follow(topic, shop, customer)


@shared_task
def send_public_mails() -> None:
    with schema_context(get_public_schema_name()):
        if mail.send_due() == mail.A_BATCH:
            mail.ring()


@shared_task(base=TenantTask)
def prune_log() -> int:
    return attempt_log.prune()


@shared_task(base=TenantTask)
def tell_what_is_aside() -> int:
    return aside.tell()


@shared_task(base=TenantTask)
def look_for_drift() -> int:
    return drift.look_at_all(http())
