"""Owners read once a day what was set aside, and only their own."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import mail, tasks
from integrations.models import Attempt, Connection, Delivery, Mail


@pytest.fixture
def aside(retailers, connected, sign_up):
    """Two of Acorn's sign-ups were set aside just now, one of both retailers a week ago."""
    for retailer in retailers:
        connected(retailer)
        sign_up(retailer, "old@example.com")
    for address in ("ada@example.com", "bea@example.com"):
        sign_up(retailers[0], address)
    for retailer in retailers:
        with tenant_context(retailer):
            Delivery.objects.update(state=Delivery.State.NEEDS_ATTENTION)
            now = timezone.now()
            for delivery in Delivery.objects.all():
                old = delivery.signup.email.startswith("old")
                at = now - timedelta(days=7 if old else 0, minutes=5)
                Attempt.objects.create(delivery=delivery, outcome="needs_attention", at=at)
            Mail.objects.all().delete()
    return retailers


def told(retailer) -> list[Mail]:
    with tenant_context(retailer):
        return list(Mail.objects.filter(kind="set_aside"))


def tell(retailers) -> None:
    for retailer in retailers:
        tasks.tell_what_is_aside(schema=retailer.schema_name)


def test_owners_are_told_once_a_day_what_is_new(aside):
    acorn, birch = aside
    for _ in range(2):
        tell(aside)
    (letter,) = told(acorn)
    assert told(birch) == [] and letter.to == acorn.owner_email
    with tenant_context(acorn):
        text = mail.message(letter).body
        assert "CRM: 2 new, 3 in all" in text
        assert f"/admin/crm/{Connection.objects.get().pk}/" in text
        assert "ada@" not in text


def test_what_came_after_the_last_mail_is_told_even_if_a_day_was_left_out(aside):
    acorn, _ = aside
    tell(aside)
    with tenant_context(acorn):
        Mail.objects.update(created_at=timezone.now() - timedelta(days=3), once="another day")
        Attempt.objects.update(at=timezone.now() - timedelta(days=4))
        died = Delivery.objects.first()
        at = timezone.now() - timedelta(days=2)
        Attempt.objects.create(delivery=died, outcome="crashed", at=at)
    tell(aside)
    with tenant_context(acorn):
        _, letter = Mail.objects.filter(kind="set_aside").order_by("pk")[:2]
        assert "CRM: 1 new, 3 in all" in mail.message(letter).body


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_owners_who_can_do_nothing_are_not_asked_to(aside, state):
    acorn, _ = aside
    acorn.state = state
    acorn.save(update_fields=["state"])
    tell(aside)
    assert told(acorn) == []


def test_nothing_is_told_of_what_was_mended_or_of_a_connection_that_is_off(aside):
    acorn, birch = aside
    with tenant_context(acorn):
        Connection.objects.update(state=Connection.State.OFF)
    tell(aside)
    with tenant_context(acorn):
        Connection.objects.update(state=Connection.State.ACTIVE)
        Delivery.objects.exclude(signup__email__startswith="old").update(state="delivered")
    tell(aside)
    assert told(acorn) == told(birch) == []
