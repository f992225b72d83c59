"""Who doesn't pay loses no sign-up: shoppers, tablets, editors and owners of each state."""

from datetime import timedelta

import pytest
from django.utils import timezone

from forms_app.models import Signup
from forms_app.tests.device import Device
from forms_app.tests.shop import Shop, field
from tenants import lifecycle
from tenants.lifecycle import State

HTML = {"HTTP_ACCEPT": "text/html,application/xhtml+xml"}


@pytest.fixture
def robin() -> dict:
    return {"email": "robin@example.com"}


@pytest.fixture
def shops(retailers) -> tuple[Shop, Shop]:
    acorn, birch = (Shop(retailer) for retailer in retailers)
    for shop in (acorn, birch):
        shop.open(field("email"))
    return acorn, birch


def bill(shop, state: State, days_ago: int = 0) -> None:
    with shop.inside():
        lifecycle.bill(shop.retailer, state, "a test")
        shop.retailer.state_since = timezone.now() - timedelta(days=days_ago)
        shop.retailer.save()


STATES = [  # state, since (days), collects, may be changed
    (State.TRIAL, 0, True, True),
    (State.ACTIVE, 0, True, True),
    (State.PAST_DUE, 30, True, True),
    (State.SUSPENDED, 1, True, False),
    (State.SUSPENDED, 15, False, False),
    (State.CLOSED, 0, False, False),
]


@pytest.mark.parametrize(("state", "days", "collects", "may_edit"), STATES)
def test_what_each_state_means(shops, robin, state, days, collects, may_edit):
    acorn, birch = shops
    device = Device(acorn).paired("Till")
    waiting = device.entry(robin)
    version = acorn.version()
    owner = acorn.staff()
    theirs = birch.stored()
    bill(acorn, state, days)

    page = acorn.get()
    assert page.status_code == (200 if collects else 403)
    assert ("See you soon" in page.text or "Sign-up is closed" in page.text) == (not collects)
    # What is on a screen or in a queue already is taken in every state.
    assert acorn.send(robin, version=version).status_code == 201
    assert device.results(waiting) == {waiting["id"]: "receipt"}
    assert device.state["hours"] == (None if collects else {"zone": "UTC", "days": {}})

    # Nobody pairs or edits, everybody may look, export, pay and erase.
    asked = acorn.client.post("/app/pair/ask")
    assert asked.status_code == (200 if may_edit else 403)
    assert owner.get("/admin/").status_code == 200
    assert owner.get("/admin/signups/?export=csv").status_code == 200
    saved = owner.post("/admin/pages/1/edit/", **HTML)
    assert (saved.status_code == 403 and "can’t be changed now" in saved.text) == (not may_edit)
    assert owner.post("/admin/logout/").status_code == 302

    assert birch.get().status_code == 200
    assert birch.stored() == theirs


def test_the_closed_page_wears_the_brand_and_speaks_the_pages_language(shops):
    acorn, birch = shops
    acorn.publish(language="nl")
    bill(acorn, State.CLOSED)
    page = acorn.get()
    assert 'lang="nl"' in page.text and "Acorn" in page.text
    assert "/brand/" in page.text and page.headers["Content-Security-Policy"]


def test_who_pays_again_is_open_at_once(shops, robin):
    acorn, _ = shops
    bill(acorn, State.SUSPENDED, 20)
    assert acorn.get().status_code == 403
    bill(acorn, State.ACTIVE)
    assert acorn.get().status_code == 200
    acorn.sign_up(robin)
    with acorn.inside():
        assert Signup.objects.count() == 1


def test_a_page_that_was_kept_before_is_not_shown_after(shops):
    """The page's cache is asked only while the shop collects."""
    acorn, _ = shops
    assert acorn.get().status_code == acorn.get().status_code == 200
    bill(acorn, State.CLOSED)
    assert acorn.get().status_code == 403


REASONS = [
    (lambda r: lifecycle.bill(r, State.SUSPENDED, "unpaid"), "as soon as you subscribe"),
    (lambda r: lifecycle.act(r, "suspend", why="abuse", by="op"), "on hold"),
    (lambda r: lifecycle.act(r, "close", why="bye", by="op"), "will be deleted on"),
]


@pytest.mark.parametrize(("change", "words"), REASONS)
def test_staff_are_told_why_and_what_to_do(shops, change, words):
    acorn, birch = shops
    change(acorn.retailer)
    assert words in acorn.staff().get("/admin/").text
    assert words not in birch.staff().get("/admin/").text


def test_a_program_gets_json_and_a_stranger_learns_nothing(shops):
    acorn, _ = shops
    bill(acorn, State.CLOSED)
    assert acorn.staff().post("/admin/pages/1/edit/").json()["error"]
    assert acorn.client.post("/admin/pages/1/edit/", **HTML).json()["error"]
