"""Support comes in with a reason, for a while, seen by everybody, and out when told."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context
from wagtail.log_actions import log
from wagtail.models import PageLogEntry

from forms_app.models import SignupPage
from forms_app.tests.shop import Shop
from tenants import restore, support
from tenants.models import Retailer, SupportVisit

from .people import browser, superuser

WHY = "the mapping of birthdays"


@pytest.fixture
def operator(retailers):
    return superuser("public", "console.shops.test")


def ask(operator, retailer, **values):
    told = {"why": WHY, "minutes": "30", **values}
    return operator.post(f"/admin/retailers/{retailer.pk}/open/", told)


def come_in(operator, retailer) -> Client:
    door = ask(operator, retailer).url
    assert door.startswith(f"http://{retailer.host}/admin/support/")
    helper = browser(retailer.host)
    assert helper.get(door.split(retailer.host)[1])["Location"] == "/admin/"
    return helper


def is_inside(helper: Client) -> bool:
    return helper.get("/admin/").status_code == 200


def press(shop: Shop, action: str) -> str:
    return shop.staff().post("/admin/access/", {"action": action}, follow=True).text


def test_support_is_inside_with_a_banner_and_everybody_can_read_why(operator, retailers):
    acorn, birch = retailers
    helper = come_in(operator, acorn)
    text = helper.get("/admin/").text
    assert "as support until" in text and WHY in text and "Leave now" in text
    owner = Shop(acorn).staff()
    text = owner.get("/admin/access/").text
    assert WHY in text and "root@public.test" in text and "Support came in" in text
    assert "as support until" not in owner.get("/admin/").text
    assert WHY not in Shop(birch).staff().get("/admin/access/").text
    assert WHY in operator.get(f"/admin/retailers/{acorn.pk}/").text
    # What is done is done by support, for Wagtail's log as well.
    with tenant_context(acorn):
        user = get_user_model().objects.get(email="support@console.shops.test")
        assert str(user) == "Support" and not user.has_usable_password()
        log(SignupPage.objects.get(), "wagtail.edit", user=user)
        assert PageLogEntry.objects.first().user == user


def test_a_link_is_good_once_for_a_minute_and_for_one_retailer(operator, retailers):
    acorn, birch = retailers
    path = ask(operator, acorn).url.split(acorn.host)[1]
    assert browser(birch.host).get(path)["Location"] == "/admin/login/"
    first, second = browser(acorn.host), browser(acorn.host)
    first.get(path)
    assert is_inside(first)
    assert second.get(path)["Location"] == "/admin/login/" and not is_inside(second)
    path = ask(operator, acorn).url.split(acorn.host)[1]
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert browser(acorn.host).get(path)["Location"] == "/admin/login/"
    assert browser(acorn.host).get("/admin/support/nonsense/")["Location"] == "/admin/login/"
    with tenant_context(birch):
        assert not get_user_model().objects.filter(email__startswith="support@").exists()
    assert SupportVisit.objects.filter(entered_at=None).count() == 1
    assert path.split("/")[-2] not in str(SupportVisit.objects.values())  # a hash of it


def test_the_time_is_over_when_it_is_over(operator, retailers):
    acorn, _ = retailers
    helper = come_in(operator, acorn)
    SupportVisit.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert helper.get("/admin/")["Location"] == "/admin/login/"
    SupportVisit.objects.update(ends_at=timezone.now() + timedelta(hours=1))
    assert not is_inside(helper)  # the session itself is gone


def test_leaving_ends_it(operator, retailers):
    acorn, _ = retailers
    helper = come_in(operator, acorn)
    assert helper.get("/admin/support/leave/")["Location"] == "/admin/login/"
    assert not is_inside(helper)
    assert acorn.audit_entries.filter(action="support left", is_visible=True).count() == 1
    assert browser(acorn.host).get("/admin/support/leave/").status_code == 302
    support.end(SupportVisit.objects.get(), by="x")
    assert acorn.audit_entries.filter(action="support left").count() == 1


def test_the_owner_ends_it_or_switches_it_off(operator, retailers):
    acorn, birch = retailers
    shop = Shop(acorn)
    helper, elsewhere = come_in(operator, acorn), come_in(operator, birch)
    press(shop, "end")
    assert not is_inside(helper) and is_inside(elsewhere)
    helper = come_in(operator, acorn)
    assert "can’t open this account" in press(shop, "forbid")
    assert not is_inside(helper) and is_inside(elsewhere)
    refused = operator.post(
        f"/admin/retailers/{acorn.pk}/open/", {"why": WHY, "minutes": "30"}, follow=True
    )
    assert "let support in" in refused.text
    press(shop, "forbid")  # twice is once
    press(shop, "allow")
    assert is_inside(come_in(operator, acorn))
    assert acorn.audit_entries.filter(action="support not allowed").count() == 1


def test_a_link_that_waits_is_worth_nothing_after_the_switch(operator, retailers):
    acorn, _ = retailers
    path = ask(operator, acorn).url.split(acorn.host)[1]
    support.allow(Retailer.objects.get(pk=acorn.pk), False, by="owner@acorn.test")
    assert browser(acorn.host).get(path)["Location"] == "/admin/login/"


def test_a_reason_is_needed_and_only_the_operator_may(operator, retailers):
    acorn, birch = retailers
    for wrong in ({"why": ""}, {"minutes": "9999"}, {"minutes": ""}):
        answer = ask(operator, acorn, **wrong)
        assert answer.url == f"/admin/retailers/{acorn.pk}/"
    owner = Shop(birch).staff()
    assert ask(owner, acorn).status_code in (302, 403, 404)
    assert not SupportVisit.objects.exists()


def test_support_keeps_out_of_the_team_and_of_access(operator, retailers):
    acorn, _ = retailers
    helper = come_in(operator, acorn)
    for path in ("/admin/team/", "/admin/access/"):
        assert helper.get(path).status_code in (302, 403)
    assert helper.get("/admin/security/")["Location"] == "/admin/"
    helper.post("/admin/team/", {"email": "me@operator.test", "role": "Owners"})
    helper.post("/admin/access/", {"action": "forbid"})
    with tenant_context(acorn):
        assert not get_user_model().objects.filter(email="me@operator.test").exists()
    assert Retailer.objects.get(pk=acorn.pk).support_allowed


def test_support_replaces_who_was_logged_in(operator, retailers):
    acorn, _ = retailers
    path = ask(operator, acorn).url.split(acorn.host)[1]
    mine = Shop(acorn).staff()
    mine.get(path)
    assert "as support until" in mine.get("/admin/").text


def test_support_comes_into_a_restored_copy_and_nobody_else(operator, retailers):
    acorn, birch = retailers
    for retailer in retailers:
        come_in(operator, retailer)  # so the backup holds a support user
    staff = Shop(acorn).staff()
    with tenant_context(acorn):
        restore.silence()
    assert is_inside(come_in(operator, acorn)) and not is_inside(staff)
    with tenant_context(acorn):
        (only,) = get_user_model().objects.filter(is_active=True)
        assert str(only) == "Support" and not only.has_usable_password()
    with tenant_context(birch):
        assert not get_user_model().objects.filter(is_active=False).exists()


def test_pages_for_shoppers_do_not_vary_by_cookie(retailers):
    acorn, _ = retailers
    assert "Cookie" not in browser(acorn.host).get("/join/").get("Vary", "")


def test_nonsense_on_the_page_is_refused(retailers):
    shop = Shop(retailers[0])
    assert shop.staff().post("/admin/access/", {"action": "x"}).status_code in (302, 403)
