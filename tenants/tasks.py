"""Work in the public schema: periodic, and what a page has asked for."""

import logging
from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.db import Error
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context

from integrations import mail
from integrations.tenant_task import TenantTask

from . import addresses, farewell, figures, needs_mail, onboard_queue, sessions
from .models import PublicMail

log = logging.getLogger(__name__)

KEEP_MAILS = timedelta(days=30)


@shared_task
def delete_closed() -> int:
    """For beat, every hour: delete what was closed long enough. Returns how many retailers."""
    deleted = 0
    with schema_context(get_public_schema_name()):
        farewell.remind()
        for retailer in farewell.due():
            try:
                farewell.delete(retailer)
            except Exception:  # the others' time has come as well
                log.exception("%s couldn't be deleted", retailer.schema_name)
            else:
                deleted += 1
    return deleted


@shared_task(time_limit=onboard_queue.LONGEST, soft_time_limit=onboard_queue.LONGEST - 5)
def build_retailer(pk: str) -> None:
    with schema_context(get_public_schema_name()):
        onboard_queue.build(UUID(pk))


@shared_task
def look_for_onboardings() -> int:
    """For beat, every minute: what a dead worker or a lost message has left. Returns how many."""
    with schema_context(get_public_schema_name()):
        found = onboard_queue.left_over()
        for pk in found:
            onboard_queue.ring(pk)
    return len(found)


@shared_task
def count_figures() -> int:
    """For beat, every few minutes: what the console shows of each retailer."""
    with schema_context(get_public_schema_name()):
        return figures.count_all()


@shared_task(autoretry_for=(Error,), retry_backoff=300, max_retries=3)
def tell_operators() -> int:
    """For beat, every morning: what needs a person, by mail."""
    with schema_context(get_public_schema_name()):
        return needs_mail.tell()


@shared_task
def look_at_domains() -> int:
    """For beat, every ten minutes; each claim has a turn of its own."""
    with schema_context(get_public_schema_name()):
        return addresses.look_at_all()


@shared_task
def tidy() -> None:
    """For beat, at night: forget who asked for what, and the console's sessions."""
    with schema_context(get_public_schema_name()):
        onboard_queue.forget_old()
        sessions.forget_ended()
        PublicMail.objects.filter(created_at__lt=timezone.now() - KEEP_MAILS).delete()


@shared_task(base=TenantTask)
def tidy_retailer() -> int:
    """The same of a retailer: sessions that are over, and old mails."""
    return sessions.forget_ended() + mail.forget_old()
