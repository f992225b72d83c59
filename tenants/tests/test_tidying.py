"""What nobody needs any more goes by itself: sessions that are over, mails that were sent."""

from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from integrations import mail
from integrations.models import Mail
from tenants import tasks

from .people import is_logged_in, owner_of, superuser


def sessions(schema: str) -> tuple[int, int]:
    """How many, and how many lines of allauth's list of them."""
    with schema_context(schema):
        return Session.objects.count(), UserSession.objects.count()


def end_one(schema: str) -> None:
    with schema_context(schema):
        first = Session.objects.order_by("expire_date").first()
        first.expire_date = timezone.now() - timedelta(seconds=1)
        first.save()


def test_sessions_that_are_over_go_at_night_and_the_others_stay(retailers):
    acorn, birch = retailers
    for retailer in retailers:
        owner_of(retailer)
    visitor = superuser(acorn.schema_name, acorn.host)
    end_one(acorn.schema_name)
    assert sessions(acorn.schema_name) == (2, 2)
    assert tasks.tidy_retailer(schema=acorn.schema_name) == 1
    assert tasks.tidy_retailer(schema=birch.schema_name) == 0
    assert sessions(acorn.schema_name) == sessions(birch.schema_name) == (1, 1)
    assert is_logged_in(visitor)


def test_the_line_of_a_session_that_was_ended_by_hand_goes_as_well(retailers):
    acorn, birch = retailers
    for retailer in retailers:
        owner_of(retailer)
    with tenant_context(acorn):
        Session.objects.all().delete()
    assert tasks.tidy_retailer(schema=acorn.schema_name) == 0
    assert sessions(acorn.schema_name) == (0, 0)
    assert sessions(birch.schema_name) == (1, 1)


def test_the_consoles_sessions_go_as_well(retailers):
    for email in ("ann@operator.test", "ben@operator.test"):
        superuser("public", settings.OPERATOR_HOST, email)
    end_one("public")
    tasks.tidy()
    assert sessions("public") == (1, 1)


def test_old_mails_go_and_what_is_told_once_is_remembered_for_a_year(retailers):
    acorn, birch = retailers
    for retailer in retailers:
        with tenant_context(retailer):
            Mail.objects.all().delete()
            for days in (1, 31, 401):
                for once in (None, f"limit_near:tablets:{days}"):
                    mail.write("connection_paused", "ann@acorn.test", {}, once=once)
                Mail.objects.filter(pk__in=Mail.objects.order_by("-pk")[:2]).update(
                    created_at=timezone.now() - timedelta(days=days)
                )
    assert tasks.tidy_retailer(schema=acorn.schema_name) == 3
    with tenant_context(acorn):
        left = set(Mail.objects.values_list("once", flat=True))
        assert left == {None, "limit_near:tablets:1", "limit_near:tablets:31"}
        assert not mail.write("connection_paused", "a@acorn.test", {}, once="limit_near:tablets:31")
    with tenant_context(birch):
        assert Mail.objects.count() == 6
