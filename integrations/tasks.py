from celery import shared_task
from django.conf import settings
from django.db import connection

from . import doorbell
from .delivery import drain
from .http import Http
from .sweep import sweep as ring_for_all
from .tenant_task import TenantTask

# Kept for the life of the process: connections to a CRM stay open between drains.
_http: Http | None = None


def http() -> Http:
    global _http
    if _http is None:
        _http = Http(allow_private=settings.OUTBOUND_ALLOW_PRIVATE)
    return _http


@shared_task(base=TenantTask)
def drain_connection(connection_id: int) -> None:
    if drain(connection_id, http()):
        doorbell.ring(connection.schema_name, [connection_id])


@shared_task
def sweep() -> int:
    return ring_for_all()
