"""A device becomes a tablet of one shop, because its staff said so."""

import datetime

import pytest
from django.core.cache import cache
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app import pairing, tablet_access
from forms_app.models import PairingCode, Tablet, TabletSettings

from .device import Device
from .shop import soup

PAIR = "/admin/tablets/pair/"


@pytest.fixture
def waiting(acorn):
    """A device at Acorn that shows its code: (device, what it was told)."""
    device = Device(acorn)
    return device, device.ask()


def pair_form(shop, code: str, **values) -> dict:
    return {"code": code, "name": "Till 1", "page": shop.page().pk, "store": "", **values}


def test_staff_type_the_code_and_the_device_is_a_tablet_of_this_shop(shops, waiting):
    acorn, birch = shops
    device, asked = waiting
    assert len(asked["code"]) == 6 and asked["qr"]["size"] > 20
    assert device.post("/app/pair/claim", asked).status_code == 202

    # Typed with a space, as the tablet shows it.
    code = f"{asked['code'][:3]} {asked['code'][3:]}"
    answer = acorn.staff("Editors").post(PAIR, pair_form(acorn, code, new_pin="4711"))
    assert answer.status_code == 302, soup(answer).select(".error-message")

    claimed = device.post("/app/pair/claim", asked)
    assert claimed.json() == {"paired": True, "name": "Till 1"}
    cookie = claimed.cookies[tablet_access.COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and not cookie["domain"]
    tablet = device.tablet()
    assert cookie.value not in tablet.token_hash
    assert device.contact().status_code == 200
    with tenant_context(acorn.retailer):
        assert set(TabletSettings.load().pin) == {"salt", "iterations", "hash"}
    with tenant_context(birch.retailer):
        assert not Tablet.objects.exists()


def test_a_code_of_one_shop_is_nothing_at_another(shops, waiting):
    acorn, birch = shops
    device, asked = waiting
    answer = birch.staff().post(PAIR, pair_form(birch, asked["code"], new_pin="4711"))
    assert "No tablet waits with this code" in answer.text
    assert Device(birch).post("/app/pair/claim", asked).status_code == 410
    with tenant_context(birch.retailer):
        assert not Tablet.objects.exists()


def test_a_token_of_one_shop_is_nothing_at_another(shops):
    acorn, birch = shops
    device = Device(acorn).paired()
    stranger = Device(birch)
    stranger.client.cookies = device.client.cookies
    assert stranger.contact().status_code == 401
    assert device.contact().status_code == 200


def test_only_the_device_with_the_secret_gets_the_token(acorn, birch, waiting):
    device, asked = waiting
    with tenant_context(acorn.retailer):
        pairing.confirm(pairing.find(asked["code"]), Tablet(name="Till", page=acorn.page()))
    thief = Device(acorn)
    assert thief.post("/app/pair/claim", {**asked, "secret": "guessed"}).status_code == 410
    assert thief.contact().status_code == 401
    assert device.post("/app/pair/claim", asked).json()["paired"]


def test_an_answer_lost_on_its_way_is_asked_for_again_and_the_first_token_is_dead(acorn, birch):
    device = Device(acorn)
    asked = device.ask()
    with tenant_context(acorn.retailer):
        pairing.confirm(pairing.find(asked["code"]), Tablet(name="Till", page=acorn.page()))
    first = device.post("/app/pair/claim", asked).cookies[tablet_access.COOKIE].value
    assert device.post("/app/pair/claim", asked).json()["paired"]
    assert device.contact().status_code == 200
    device.client.cookies[tablet_access.COOKIE] = first
    assert device.contact().status_code == 401


def test_a_code_lives_for_ten_minutes(acorn, birch, waiting):
    device, asked = waiting
    with tenant_context(acorn.retailer):
        late = timezone.now() - datetime.timedelta(seconds=1)
        PairingCode.objects.update(expires_at=late)
    answer = acorn.staff().post(PAIR, pair_form(acorn, asked["code"], new_pin="4711"))
    assert "No tablet waits with this code" in answer.text
    assert device.post("/app/pair/claim", asked).status_code == 410
    fresh = device.ask()  # clears what is over
    with tenant_context(acorn.retailer):
        assert [code.code for code in PairingCode.objects.all()] == [fresh["code"]]


def test_a_code_pairs_once_even_when_two_of_the_staff_type_it(acorn, birch, waiting):
    device, asked = waiting
    with tenant_context(acorn.retailer):
        found = pairing.find(asked["code"])
        pairing.confirm(found, Tablet(name="Till 1", page=acorn.page()))
        with pytest.raises(pairing.Unknown):
            pairing.confirm(found, Tablet(name="Till 2", page=acorn.page()))
        assert [tablet.name for tablet in Tablet.objects.all()] == ["Till 1"]


def test_guessing_codes_ends_after_ten_tries(acorn, birch, waiting):
    device, asked = waiting
    staff = acorn.staff()
    for guess in range(pairing.TRIES):
        wrong = f"{(int(asked['code']) + guess + 1) % 1_000_000:06}"
        answer = staff.post(PAIR, pair_form(acorn, wrong, new_pin="4711"))
        assert "No tablet waits" in answer.text
    answer = staff.post(PAIR, pair_form(acorn, asked["code"], new_pin="4711"))
    assert "Too many tries" in answer.text
    cache.clear()


def test_a_device_that_asks_for_code_after_code_is_held_up(acorn, birch):
    device = Device(acorn)
    codes = [device.ask() for _ in range(pairing.ASKED)]
    assert len({code["code"] for code in codes}) == pairing.ASKED
    assert device.post("/app/pair/ask").status_code == 429
    assert Device(birch).post("/app/pair/ask").status_code == 200


def test_a_shop_never_has_more_than_a_number_of_codes_waiting(acorn, birch, monkeypatch):
    monkeypatch.setattr(pairing, "MOST_WAITING", 2)
    device = Device(acorn)
    device.ask(), device.ask()
    assert device.post("/app/pair/ask").status_code == 429


def test_two_devices_never_show_the_same_code(acorn, birch, monkeypatch):
    numbers = iter([123, 123, 456])
    monkeypatch.setattr(pairing.secrets, "randbelow", lambda most: next(numbers))
    device = Device(acorn)
    assert [device.ask()["code"], device.ask()["code"]] == ["000123", "000456"]


def test_a_revoked_tablet_is_a_stranger_until_it_is_paired_again(acorn, birch):
    device = Device(acorn).paired()
    tablet = device.tablet()
    with tenant_context(acorn.retailer):
        tablet_access.revoke(tablet)
    assert device.contact().status_code == 401
    asked = device.ask()
    answer = acorn.staff().post(
        f"{PAIR}?tablet={tablet.pk}", pair_form(acorn, asked["code"], new_pin="4711")
    )
    assert answer.status_code == 302
    assert device.post("/app/pair/claim", asked).json()["paired"]
    assert device.contact().status_code == 200
    assert device.tablet().pk == tablet.pk, "the same tablet, with its history"


def test_staff_who_think_better_of_it_stop_a_device_before_it_has_its_token(acorn, birch, waiting):
    device, asked = waiting
    with tenant_context(acorn.retailer):
        tablet = Tablet(name="Till", page=acorn.page())
        pairing.confirm(pairing.find(asked["code"]), tablet)
        tablet_access.revoke(tablet)
    assert device.post("/app/pair/claim", asked).status_code == 410


def test_the_cookie_is_renewed_at_each_contact(acorn, birch):
    device = Device(acorn).paired()
    answer = device.contact()
    assert answer.cookies[tablet_access.COOKIE]["max-age"] == tablet_access.COOKIE_AGE


def test_unpairing_at_the_tablet_is_asked_twice_without_harm(acorn, birch):
    device, other = Device(acorn).paired("Till 1"), Device(birch).paired()
    for _ in range(2):
        answer = device.post("/app/unpair")
        assert answer.json() == {"unpaired": True}
    assert answer.cookies[tablet_access.COOKIE]["max-age"] == 0
    assert device.tablet().revoked_at
    assert device.contact().status_code == 401
    assert other.contact().status_code == 200


def test_what_isnt_json_of_ours_is_refused(acorn, birch):
    device = Device(acorn).paired()
    for path in ("/app/pair/claim", "/app/entries", "/app/unpair"):
        assert device.client.post(path, {"a": "form"}).status_code == 400
        assert device.client.post(path, "[]", content_type="application/json").status_code == 400
        assert device.client.post(path, "{", content_type="application/json").status_code == 400
    assert device.contact().status_code == 200


def test_only_those_who_may_pair_see_the_page(shops):
    for shop in shops:
        assert shop.staff("Viewers").get(PAIR).status_code == 302  # Wagtail leads them home
        assert "Code on the tablet" in shop.staff("Editors").get(PAIR, {"code": "123456"}).text
        assert "123456" in shop.staff("Editors").get(PAIR, {"code": "123456"}).text


def test_the_pairing_page_is_the_same_strict_page_in_the_shops_own_brand(shops):
    for shop, name in zip(shops, ("Acorn", "Birch")):
        answer = shop.get("/app/")
        assert name in answer.text and "no-store" in answer["Cache-Control"]
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert not answer.cookies


def test_the_worker_stands_at_the_root_and_is_asked_for_each_time(shops):
    for shop in shops:
        answer = shop.get("/sw.js")
        assert answer["Content-Type"].startswith("text/javascript")
        assert answer["Cache-Control"] == "no-cache"


def test_the_sign_up_page_is_the_same_for_a_tablet_and_for_anybody(acorn, birch):
    device = Device(acorn).paired()
    assert device.client.get("/join/").content == acorn.get("/join/").content
    assert "data-app" not in acorn.get("/join/").text
