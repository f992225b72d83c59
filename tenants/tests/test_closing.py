"""An owner closes the account alone: with its name typed, and time to come back."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app.tests.shop import Shop
from integrations.models import Mail
from tenants import farewell, lifecycle, tasks
from tenants.models import PublicMail, Retailer

from .people import browser

PAGE = "/admin/billing/close/"


@pytest.fixture
def shops(retailers) -> tuple[Shop, Shop]:
    return tuple(Shop(retailer) for retailer in retailers)


def test_the_name_has_to_be_typed(shops):
    acorn, birch = shops
    owner = acorn.staff()
    assert "30 days" in owner.get(PAGE).text
    for name in ("", "Birch", "Acor"):
        assert "Acorn" in owner.post(PAGE, {"name": name}).text
    acorn.retailer.refresh_from_db()
    assert acorn.retailer.state == "trial"
    answer = owner.post(PAGE, {"name": " acorn ", "why": "too dear"}, follow=True)
    acorn.retailer.refresh_from_db()
    birch.retailer.refresh_from_db()
    assert (acorn.retailer.state, birch.retailer.state) == ("closed", "trial")
    assert acorn.retailer.delete_at.strftime("%Y") in answer.text
    entry = acorn.retailer.audit_entries.first()
    assert "too dear" in entry.why and entry.by == "owners@acorn.shops.test"
    assert owner.post(PAGE, {"name": "Acorn"}, follow=True).status_code == 200  # it is already


def test_only_an_owner_closes(shops):
    acorn, birch = shops
    for role in ("Editors", "Viewers"):
        person = acorn.staff(role)
        assert person.get(PAGE).status_code in (302, 403)
        person.post(PAGE, {"name": "Acorn"})
    assert browser(acorn.retailer.host).get(PAGE).status_code == 302
    birch.staff().post(PAGE, {"name": "Acorn"})
    assert set(Retailer.objects.values_list("state", flat=True)) == {"trial", "template"}


def test_who_is_suspended_can_leave_too(shops):
    acorn, _ = shops
    lifecycle.act(acorn.retailer, "suspend", why="unpaid", by="operator@test")
    acorn.staff().post(PAGE, {"name": "Acorn"})
    acorn.retailer.refresh_from_db()
    assert acorn.retailer.state == "closed"


def test_the_last_days_are_told_and_the_end_as_well(shops):
    acorn, birch = (shop.retailer for shop in shops)
    lifecycle.act(acorn, "close", why="x", by="x")

    def told(days: float) -> list[str]:
        Retailer.objects.filter(pk=acorn.pk).update(delete_at=timezone.now() + timedelta(days=days))
        tasks.delete_closed()
        tasks.delete_closed()
        with tenant_context(acorn):
            letters = Mail.objects.filter(kind=farewell.NEAR)
            return [letter.context["day"] for letter in letters]

    assert told(20) == []
    assert len(told(6.9)) == 1
    assert len(told(0.9)) == 2
    with tenant_context(birch):
        assert not Mail.objects.filter(kind=farewell.NEAR).exists()
    Retailer.objects.filter(pk=acorn.pk).update(delete_at=timezone.now() - timedelta(hours=1))
    assert tasks.delete_closed() == 1
    assert not Retailer.objects.filter(pk=acorn.pk).exists()
    letter = PublicMail.objects.get()
    assert (letter.kind, letter.to) == (farewell.DELETED, acorn.owner_email)
