"""The log of attempts is kept for DELIVERY_LOG_DAYS, then forgotten."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from .models import Attempt

AT_ONCE = 5_000  # rows a statement, so that none holds its locks for long


def prune() -> int:
    """Delete what is too old in the schema that is active; how many lines that was."""
    before = timezone.now() - timedelta(days=settings.DELIVERY_LOG_DAYS)
    removed = 0
    while True:
        old = Attempt.objects.filter(at__lt=before).order_by().values("pk")[:AT_ONCE]
        number, _ = Attempt.objects.filter(pk__in=old).delete()
        removed += number
        if number < AT_ONCE:
            return removed
