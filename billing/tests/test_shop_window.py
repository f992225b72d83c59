"""A retailer subscribes, pays, is dunned and leaves, alone; nobody sees another's bill."""

from datetime import timedelta

import pytest
from django.test import TestCase
from django.utils import timezone
from django_tenants.utils import tenant_context

from billing import plan_sync, plans, processing, reconcile, state, stripe_api, tasks
from billing.models import ReceivedEvent
from billing.tests.conftest import catch_up, post
from forms_app.tests.shop import Shop, field
from integrations.models import Mail
from tenants import lifecycle
from tenants.models import Retailer

GOOD, DECLINES = "4242 4242 4242 4242", "4000 0000 0000 0341"
PAGE = "/admin/billing/"


@pytest.fixture
def catalogue(fake_stripe):
    client, known = stripe_api.client(), plans.load()
    for change in plan_sync.changes(known, plan_sync.look(client, known)):
        change.make(client)


@pytest.fixture
def shops(retailers) -> tuple[Shop, Shop]:
    return tuple(Shop(retailer) for retailer in retailers)


def subscribe(fake, shop, card: str = GOOD, price: str = "starter_eur_month") -> int:
    """Through Checkout's page; what it answered."""
    answer = shop.staff().post(f"{PAGE}subscribe/", {"price": price})
    assert answer.status_code == 303, answer.content
    return fake.press(answer["Location"], card=card)[0]


def in_portal(fake, shop, **asked) -> None:
    answer = shop.staff().post(f"{PAGE}manage/")
    assert answer.status_code == 303
    status, to = fake.press(answer["Location"], **asked)
    assert status == 303 and to.endswith(PAGE)


def hear(fake, seen: set) -> None:
    """What Stripe has told since the last time arrives, in order."""
    for event in fake.events():
        if event["id"] not in seen:
            seen.add(event["id"])
            with TestCase.captureOnCommitCallbacks(execute=True):
                assert post(event).status_code == 200
                processing.process(event["id"])
    assert not ReceivedEvent.objects.waiting().exists()


def now(shop) -> str:
    return Retailer.objects.get(pk=shop.retailer.pk).state


def letters(shop) -> list[str]:
    """To one of its owners; each gets the same."""
    with tenant_context(shop.retailer):
        sent = Mail.objects.filter(to=shop.retailer.owner_email).order_by("pk")
        return list(sent.values_list("kind", flat=True))


def test_a_shops_life_from_trial_to_farewell(shops, catalogue, fake_stripe, settings):
    """Each step by the retailer's own clicks and Stripe's own clock."""
    acorn, birch = shops
    for shop in shops:
        shop.open(field("email"))
    seen: set[str] = set()
    assert "Trial" in acorn.staff().get(PAGE).text
    assert (
        subscribe(fake_stripe, acorn, card="4000 0000 0000 0002") == 402
    )  # declined: nothing is made
    hear(fake_stripe, seen)
    assert now(acorn) == "trial"
    assert subscribe(fake_stripe, acorn) == 303
    hear(fake_stripe, seen)
    assert now(acorn) == "active"
    for _ in range(11):
        fake_stripe.ask("next_period")
        hear(fake_stripe, seen)
    page = acorn.staff().get(PAGE).text
    assert "Starter" in page and page.count(">PDF<") == 12 and "29.00 EUR" in page
    assert now(acorn) == "active" and letters(acorn) == []

    in_portal(fake_stripe, acorn, action="card", card=DECLINES)
    fake_stripe.ask("next_period")
    hear(fake_stripe, seen)
    assert now(acorn) == "past_due"
    assert acorn.staff().post("/admin/pages/1/edit/").status_code != 403  # still may edit
    fake_stripe.ask("give_up")
    hear(fake_stripe, seen)
    assert now(acorn) == "suspended"
    assert acorn.staff().post("/admin/pages/1/edit/").status_code == 403
    assert "as soon as you subscribe" in acorn.staff().get("/admin/").text
    assert acorn.sign_up({"email": "robin@example.com"})  # no shopper is refused

    in_portal(fake_stripe, acorn, action="card", card=GOOD)
    hear(fake_stripe, seen)
    assert now(acorn) == "active"
    in_portal(fake_stripe, acorn, action="cancel")
    hear(fake_stripe, seen)
    assert now(acorn) == "active" and "ends with the period" in acorn.staff().get(PAGE).text
    fake_stripe.ask("next_period")
    hear(fake_stripe, seen)
    assert now(acorn) == "closed" and Retailer.objects.get(slug="acorn").delete_at
    told = ["account_past_due", "account_suspended", "account_active", "account_closed"]
    assert letters(acorn) == told
    # And back, before everything is deleted.
    assert subscribe(fake_stripe, acorn) == 303
    hear(fake_stripe, seen)
    assert now(acorn) == "active" and Retailer.objects.get(slug="acorn").delete_at is None
    assert now(birch) == "trial" and letters(birch) == []


def test_lost_webhooks_are_made_up_for_by_the_hourly_look(shops, catalogue, fake_stripe):
    acorn, birch = shops
    subscribe(fake_stripe, acorn)
    assert now(acorn) == "trial"  # nobody told us
    assert [reconcile.reconcile(shop.retailer) for shop in shops] == [True, False]
    assert (now(acorn), now(birch)) == ("active", "trial")


def test_nobody_sees_anothers_bill_and_only_owners_their_own(shops, catalogue, fake_stripe):
    acorn, birch = shops
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    assert "FAKE-" in acorn.staff().get(PAGE).text
    theirs = birch.staff().get(PAGE).text
    assert "FAKE-" not in theirs and "Trial" in theirs
    for role in ("Editors", "Viewers"):
        visitor = acorn.staff(role)
        assert PAGE not in visitor.get("/admin/").text
        for path in ("", "subscribe/", "manage/"):
            assert visitor.get(PAGE + path).status_code in (302, 403, 405)
            assert visitor.post(PAGE + path).status_code in (302, 403, 405)
    assert acorn.client.get(PAGE).status_code == 302
    assert PAGE in acorn.staff().get("/admin/").text


def test_two_presses_make_one_customer_and_a_subscriber_goes_to_the_portal(
    shops, catalogue, fake_stripe
):
    acorn, _ = shops
    for _ in range(2):
        assert (
            acorn.staff().post(f"{PAGE}subscribe/", {"price": "starter_eur_month"}).status_code
            == 303
        )
    assert len([e for e in fake_stripe.events() if e["type"] == "customer.created"]) == 1
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    again = acorn.staff().post(f"{PAGE}subscribe/", {"price": "growth_eur_year"})
    assert "/p/session/" in again["Location"]


def test_without_an_answer_of_stripe_the_page_says_so_and_nothing_is_made(
    shops, catalogue, fake_stripe
):
    acorn, _ = shops
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    for status in (503, 429):
        fake_stripe.fail(status, times=9)
        page = acorn.staff().get(PAGE)
        assert page.status_code == 200 and "answer at the moment" in page.text
        fake_stripe.fail(status, times=9)
        answer = acorn.staff().post(f"{PAGE}manage/", follow=True)
        assert "Nothing was changed" in answer.text
        fake_stripe.ask("fail", status=200, times=0)
        while acorn.staff().get(PAGE).text.count("FAKE-") == 0:
            continue  # until the told failures are used up
    assert now(acorn) == "active"


def test_what_is_not_sold_cannot_be_bought(shops, catalogue, fake_stripe):
    acorn, _ = shops
    for price in ("", "nonsense", "starter_chf_month"):
        answer = acorn.staff().post(f"{PAGE}subscribe/", {"price": price})
        assert answer.status_code in (302, 403) and "stripe" not in answer.get("Location", "")
    assert fake_stripe.events() == [] or all(
        not event["type"].startswith(("customer", "checkout")) for event in fake_stripe.events()
    )


def test_prices_are_shown_in_the_currency_that_was_chosen_yen_without_a_point(
    shops, catalogue, fake_stripe
):
    acorn, _ = shops
    assert "29.00 EUR" in acorn.staff().get(PAGE).text
    yen = acorn.staff().get(PAGE, {"currency": "jpy"}).text
    assert "4800 JPY" in yen and "EUR a" not in yen
    assert acorn.staff().get(PAGE, {"currency": "<x>"}).status_code == 200


def test_usage_counts_this_months_real_sign_ups_of_this_shop(shops, catalogue, fake_stripe):
    acorn, birch = shops
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    for shop in shops:
        shop.open(field("email"))
        shop.sign_up({"email": "robin@example.com"})
    last_month = timezone.now() - timedelta(days=40)
    old, test = (acorn.sign_up({"email": f"{n}@example.com"}) for n in "ab")
    with tenant_context(acorn.retailer):
        type(old).objects.filter(pk=old.pk).update(received_at=last_month)
        type(old).objects.filter(pk=test.pk).update(is_test=True)
    assert "1 of 500" in acorn.staff().get(PAGE).text


def test_without_a_key_the_page_says_whom_to_ask(shops, settings):
    settings.STRIPE_SECRET_KEY = ""
    acorn, _ = shops
    assert "write to us" in acorn.staff().get(PAGE).text
    answer = acorn.staff().post(f"{PAGE}subscribe/", {"price": "starter_eur_month"}, follow=True)
    assert "write to us" in answer.text
    assert tasks.reconcile_all() == 0


@pytest.mark.parametrize(("days_left", "sent"), [(8, 0), (7, 1), (3, 1), (1, 1), (0, 0)])
def test_the_end_of_the_trial_is_said_once_at_a_week_and_once_at_a_day(
    shops, billing_settings, days_left, sent
):
    acorn, birch = shops
    trial = timedelta(days=plans.catalogue().trial_days)
    began = timezone.now() - trial + timedelta(days=days_left) - timedelta(hours=1)
    Retailer.objects.filter(pk=acorn.retailer.pk).update(created_at=began)
    retailer = Retailer.objects.get(pk=acorn.retailer.pk)
    for _ in range(2):
        reconcile.reconcile(retailer)
    assert letters(acorn).count("trial_ending") == sent
    assert (now(acorn) == "suspended") == (days_left == 0)
    assert letters(birch) == []


def test_who_is_suspended_by_a_person_gets_no_letter_about_money(shops):
    acorn, _ = shops
    lifecycle.act(acorn.retailer, "suspend", why="abuse", by="operator")
    lifecycle.act(acorn.retailer, "resume", why="sorry", by="operator")
    assert letters(acorn) == []
    lifecycle.act(acorn.retailer, "close", why="asked", by="operator")
    assert letters(acorn) == ["account_closed"]


def test_one_task_for_each_retailer_every_hour(shops, billing_settings, monkeypatch):
    rung = []
    monkeypatch.setattr(tasks.reconcile_one, "delay", rung.append)
    assert tasks.reconcile_all() == 2
    assert rung == sorted(shop.retailer.pk for shop in shops)
    looked = []
    monkeypatch.setattr(reconcile, "reconcile", looked.append)
    tasks.reconcile_one(rung[0])
    tasks.reconcile_one(999_999)  # gone meanwhile
    assert [retailer.pk for retailer in looked] == rung[:1]


def test_a_state_that_nobody_knows_changes_nothing(shops, catalogue, fake_stripe):
    acorn, _ = shops
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    (event,) = [e for e in fake_stripe.events() if e["type"] == "customer.subscription.created"]
    fake_stripe.set_subscription(event["data"]["object"]["id"], status="frozen")
    with pytest.raises(state.UnknownStatus):
        reconcile.reconcile(acorn.retailer)
    assert now(acorn) == "active"
