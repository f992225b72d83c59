"""Periodic work in the public schema."""

import logging

from celery import shared_task
from django_tenants.utils import get_public_schema_name, schema_context

from . import farewell

log = logging.getLogger(__name__)


@shared_task
def delete_closed() -> int:
    """For beat, every hour: delete what was closed long enough. Returns how many retailers."""
    deleted = 0
    with schema_context(get_public_schema_name()):
        for retailer in farewell.due():
            try:
                farewell.delete(retailer)
            except Exception:  # the others' time has come as well
                log.exception("%s couldn't be deleted", retailer.schema_name)
            else:
                deleted += 1
    return deleted
