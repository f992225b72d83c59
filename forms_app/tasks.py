from celery import shared_task
from django_tenants.utils import schema_context

from integrations.sweep import served_schemas
from integrations.tenant_task import TenantTask

from . import retention, schedule


@shared_task(base=TenantTask)
def apply_retention() -> int:
    return retention.apply()


@shared_task
def find_scheduled() -> int:
    """One task for each retailer in which a page's time has come. Returns how many."""
    with schema_context("public"):
        due = schedule.due_schemas(served_schemas())
    for schema in due:
        publish_scheduled.delay(schema=schema)
    return len(due)


@shared_task(base=TenantTask)
def publish_scheduled() -> None:
    schedule.publish_due()
