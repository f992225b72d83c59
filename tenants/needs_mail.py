"""What needs a person reaches the operators by mail: nobody looks at the console every day.

While the list stays the same its letters keep their `once`, and none is written again; what has
changed, ended or lasted a week gives its own up.
"""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from integrations import mail

from .models import PublicMail
from .needs import needs

KIND = "needs_you"
A_DAY = timedelta(hours=20)  # beat's days are not of equal length
A_WEEK = timedelta(days=6) + A_DAY

mail.declare(
    KIND,
    "To the operators: what needs a person",
    titles=["There are no backups", "2 retailers whose CRM refuses us"],
    console="https://console.customerinfo.example/admin/",
)


def tell() -> int:
    """In the public schema; how many mails that makes. At most one a day for each operator."""
    letters, now = PublicMail.objects.filter(kind=KIND), timezone.now()
    if letters.filter(created_at__gt=now - A_DAY).exists():
        return 0
    titles = [need.title for need in needs()]
    mark = hashlib.sha256("\n".join(titles).encode()).hexdigest()
    port = f":{settings.BASE_PORT}" if settings.BASE_PORT else ""
    console = f"{settings.BASE_SCHEME}://{settings.OPERATOR_HOST}{port}/admin/"
    with transaction.atomic():
        same = letters.filter(once__contains=mark, created_at__gt=now - A_WEEK)
        over = letters.exclude(pk__in=same.values("pk"))
        over.filter(sent_at=None).delete()  # an old list is of no use any more
        over.update(once=None)
        if not titles:
            return 0
        operators = get_user_model().objects.filter(is_superuser=True, is_active=True)
        context = {"titles": titles, "console": console}
        return sum(
            mail.write(KIND, operator.email, context, once=f"{KIND}:{mark}:{operator.pk}")
            for operator in operators
        )
