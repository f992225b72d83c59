"""A retailer subscribes, pays, is dunned and leaves, alone; nobody sees another's bill."""

import uuid
from contextlib import nullcontext
from datetime import timedelta

import pytest
import stripe
from django.core.cache import cache
from django.test import TestCase
from django.utils import timezone
from django_tenants.utils import tenant_context

from billing import (
    customers,
    overrides,
    plan_sync,
    plans,
    processing,
    reconcile,
    state,
    stripe_api,
    tasks,
)
from billing.models import Checked, Drift, ReceivedEvent
from billing.tests.conftest import catch_up, post
from forms_app.tests.shop import Shop, field, soup
from integrations import mail
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
    assert answer.status_code == 200, answer.content
    return fake.press(answer.url, card=card)[0]


def in_portal(fake, shop, **asked) -> None:
    answer = shop.staff().post(f"{PAGE}manage/")
    assert answer.status_code == 200
    assert fake.press(answer.url, **asked)[0] == 200


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


def test_lost_webhooks_are_made_up_for_by_the_hourly_look(shops, catalogue, fake_stripe):
    acorn, birch = shops
    subscribe(fake_stripe, acorn)
    assert now(acorn) == "trial" and "left" in acorn.staff().get(PAGE).text  # nobody told us
    (subscription,) = fake_stripe.objects("subscription")
    fake_stripe.set_subscription(subscription["id"], status="active")
    assert [reconcile.reconcile(shop.retailer) for shop in shops] == [True, False]
    assert (now(acorn), now(birch)) == ("active", "trial")
    # And the operator sees that something was lost, once.
    assert {drift.retailer for drift in Drift.objects.all()} == {acorn.retailer}
    count = Drift.objects.count()
    reconcile.reconcile(acorn.retailer)
    assert Drift.objects.count() == count


def test_nobody_sees_anothers_bill_and_only_owners_their_own(shops, catalogue, fake_stripe):
    acorn, birch = shops
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    assert "FAKE" in acorn.staff().get(PAGE).text
    theirs = birch.staff().get(PAGE).text
    assert "FAKE" not in theirs and "Trial" in theirs
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
        assert acorn.staff().post(f"{PAGE}subscribe/", {"price": "starter_eur_month"}).url
    assert len([e for e in fake_stripe.events() if e["type"] == "customer.created"]) == 1
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    again = acorn.staff().post(f"{PAGE}subscribe/", {"price": "growth_eur_year"}, follow=True)
    assert "already" in again.text
    assert len(fake_stripe.objects("subscription")) == 1


def test_a_page_that_was_left_open_can_not_be_paid_as_well(shops, catalogue, fake_stripe):
    acorn, _ = shops
    first = acorn.staff().post(f"{PAGE}subscribe/", {"price": "starter_eur_month"}).url
    second = acorn.staff().post(f"{PAGE}subscribe/", {"price": "growth_eur_month"}).url
    assert fake_stripe.press(first, card=GOOD)[0] == 200  # it says that it is expired
    assert fake_stripe.objects("subscription") == []
    assert fake_stripe.press(second, card=GOOD)[0] == 303
    # One press that arrives twice is one page.
    attempt = {"price": "starter_eur_month", "attempt": str(uuid.uuid4())}
    _, birch = shops
    twice = {birch.staff().post(f"{PAGE}subscribe/", attempt).url for _ in range(2)}
    assert len(twice) == 1 and fake_stripe.press(twice.pop(), card=GOOD)[0] == 303


def test_without_an_answer_of_stripe_the_page_says_so_and_nothing_is_made(
    shops, catalogue, fake_stripe
):
    acorn, birch = shops
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    for status in (503, 429, 500):
        page = acorn.staff().get(PAGE)  # the list itself asks nobody
        assert page.status_code == 200 and "FAKE" in page.text
        (number,) = {data["id"] for data in fake_stripe.objects("invoice")}
        asked = (
            lambda: acorn.staff().post(f"{PAGE}manage/", follow=True),
            lambda: birch.staff().post(
                f"{PAGE}subscribe/", {"price": "starter_eur_month"}, follow=True
            ),
            lambda: acorn.staff().post(
                f"{PAGE}change/", {"price": "growth_eur_month", "sure": "1"}, follow=True
            ),
            lambda: acorn.staff().get(f"{PAGE}invoices/{number}/pdf/", follow=True),
        )
        for ask in asked:
            fake_stripe.fail(status, times=3)
            assert "Nothing was changed" in ask().text
        fake_stripe.fail(status, times=3)
        assert "slow to answer" in acorn.staff().get(PAGE, {"done": 1}).text
    assert now(acorn) == "trial" and len(fake_stripe.objects("subscription")) == 1
    assert (
        len(fake_stripe.objects("customer")) <= 2
        and not fake_stripe.objects("checkout_session")[1:]
    )


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


def test_who_pays_and_is_resumed_by_a_person_is_not_told_that_a_payment_arrived(shops):
    acorn, birch = shops
    lifecycle.bill(acorn.retailer, "active", "paid")
    for action in ("suspend", "resume", "close", "reopen"):
        lifecycle.act(acorn.retailer, action, why="by hand", by="operator")
    assert now(acorn) == "active" and letters(acorn) == ["account_closed"]
    lifecycle.bill(acorn.retailer, "suspended", "unpaid")
    lifecycle.bill(acorn.retailer, "active", "paid")
    assert letters(acorn) == ["account_closed", "account_suspended", "account_active"]
    assert letters(birch) == []


@pytest.mark.parametrize("by_a_person", [True, False])
def test_who_is_closed_is_told_how_to_come_back(shops, by_a_person):
    acorn, birch = shops
    if by_a_person:
        lifecycle.act(acorn.retailer, "close", why="asked", by="operator")
    else:
        lifecycle.bill(acorn.retailer, "closed", "cancelled")
    with tenant_context(acorn.retailer):
        text = mail.message(Mail.objects.first()).body
    assert ("subscribe again" in text) != by_a_person
    assert ("Write to us before that day" in text) == by_a_person
    assert letters(birch) == []


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


def test_while_stripe_is_silent_the_others_turns_cost_no_time(shops, monkeypatch):
    asked = []

    def silent(retailer):
        asked.append(retailer.slug)
        raise stripe.APIConnectionError("It doesn't answer.")

    monkeypatch.setattr(reconcile, "reconcile", silent)
    acorn, birch = (shop.retailer.pk for shop in shops)
    with pytest.raises(stripe.APIConnectionError):
        tasks.reconcile_one(acorn)
    with pytest.raises(stripe.APIConnectionError):
        tasks.reconcile_one(birch)  # Stripe knows nobody of that name, so it wouldn't be asked
    monkeypatch.setattr(customers, "known_customer", lambda retailer: retailer)
    asked.clear()
    tasks.reconcile_one(birch)
    assert asked == []
    cache.clear()  # ten minutes later
    with pytest.raises(stripe.APIConnectionError):
        tasks.reconcile_one(birch)


def test_a_state_that_nobody_knows_changes_nothing(shops, catalogue, fake_stripe):
    acorn, _ = shops
    subscribe(fake_stripe, acorn)
    catch_up(fake_stripe)
    (event,) = [e for e in fake_stripe.events() if e["type"] == "customer.subscription.created"]
    fake_stripe.set_subscription(event["data"]["object"]["id"], status="frozen")
    with pytest.raises(state.UnknownStatus):
        reconcile.reconcile(acorn.retailer)
    assert now(acorn) == "trial"
    assert "UnknownStatus" in Checked.objects.get(retailer=acorn.retailer).error


def test_tax_is_worked_out_by_stripe_where_it_is_switched_on(
    shops, catalogue, fake_stripe, settings
):
    acorn, birch = shops
    subscribe(fake_stripe, birch)
    settings.STRIPE_TAX = True
    subscribe(fake_stripe, acorn)
    without, with_tax = fake_stripe.objects("subscription")
    assert not without["automatic_tax"]["enabled"] and with_tax["automatic_tax"]["enabled"]


def test_yen_are_charged_as_they_are_written(shops, catalogue, fake_stripe):
    acorn, birch = shops
    end = timezone.now() - timedelta(days=29, hours=12)
    Retailer.objects.filter(pk=acorn.retailer.pk).update(created_at=end)
    assert subscribe(fake_stripe, acorn, price="starter_jpy_month") == 303
    catch_up(fake_stripe)
    (invoice,) = fake_stripe.objects("invoice")
    assert (invoice["currency"], invoice["amount_paid"]) == ("jpy", 4800)
    # As it is read: a random token in the source may hold any three letters.
    page = soup(acorn.staff().get(PAGE)).get_text()
    assert page.count("4800 JPY") >= 3
    assert "48.00" not in page and "GBP" not in page
    assert "4800 JPY" not in birch.staff().get(PAGE).text


def test_a_year_that_is_paid_for_at_once_is_counted_by_months(shops, catalogue, fake_stripe):
    acorn, _ = shops
    end = timezone.now() - timedelta(days=29, hours=12)
    Retailer.objects.filter(pk=acorn.retailer.pk).update(created_at=end)
    assert subscribe(fake_stripe, acorn, price="growth_eur_year") == 303
    catch_up(fake_stripe)
    page = acorn.staff().get(PAGE, {"interval": "nonsense"}).text
    assert "890.00 EUR" in page and "30 days left" in page and "Your plan" in page
    assert "Change to Growth" in acorn.staff().get(PAGE, {"interval": "month"}).text


def test_what_stripe_lacks_cannot_be_bought_and_on_hold_nothing_can(shops, fake_stripe):
    acorn, birch = shops
    answer = acorn.staff().post(f"{PAGE}subscribe/", {"price": "starter_eur_month"}, follow=True)
    assert "write to us" in answer.text and fake_stripe.objects("checkout_session") == []
    lifecycle.act(birch.retailer, "suspend", why="abuse", by="operator")
    assert "on hold" in birch.staff().get(PAGE).text
    refused = birch.staff().post(f"{PAGE}subscribe/", {"price": "starter_eur_month"})
    assert refused.status_code in (302, 403) and "127.0.0.1" not in refused.get("Location", "")


def test_a_busy_shop_in_its_trial_is_shown_a_plan_with_room(
    shops, catalogue, fake_stripe, monkeypatch
):
    acorn, birch = shops
    for count, plan in ((10, "Starter"), (600, "Growth"), (99_999, "Chain")):
        monkeypatch.setattr("billing.usage.count_since", lambda retailer, start, n=count: n)
        assert f"beside what {plan} includes" in acorn.staff().get(PAGE).text
    overrides.grant(birch.retailer, "free", reason="friends", by="op", until=timezone.localdate())
    state.refresh(birch.retailer, why="a test")
    assert "Free account" in birch.staff().get(PAGE).text


def test_a_look_that_meets_an_event_at_work_leaves(shops, catalogue, fake_stripe, monkeypatch):
    acorn, birch = shops
    subscribe(fake_stripe, acorn)
    monkeypatch.setattr(reconcile, "subject_lock", lambda subject: nullcontext(False))
    assert reconcile.reconcile(acorn.retailer) is False
    assert Checked.objects.get(retailer=acorn.retailer).error == ""
    assert not Checked.objects.filter(retailer=birch.retailer).exists()
