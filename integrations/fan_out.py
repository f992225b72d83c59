"""Periodic work that every retailer needs: one task per retailer, so that none stops another."""

from celery import current_app, shared_task

from .sweep import served_schemas
from .tenant_task import FAN_OUT

AT_ONCE = 20  # then it goes to the end of the queue, so that deliveries come in between


@shared_task
def for_each_retailer(task: str, after: str = "") -> int:
    """Send `task`, the name of a TenantTask, for each retailer whose schema comes after `after`.

    For the beat's schedule. How each went is told by the signal integrations.tenant_task.finished.
    Returns how many were sent in this go.
    """
    left = sorted(schema for schema in served_schemas() if schema > after)
    for schema in left[:AT_ONCE]:
        current_app.send_task(task, kwargs={"schema": schema}, headers={FAN_OUT: True})
    if left[AT_ONCE:]:
        for_each_retailer.delay(task, after=left[AT_ONCE - 1])
    return len(left[:AT_ONCE])
