"""Free accounts, longer trials, credits; closing in the console; names that change."""

from datetime import timedelta

import pytest
import stripe
from django.conf import settings as current
from django.contrib.auth import get_user_model
from django.test import Client, TestCase
from django.utils import timezone
from kombu.exceptions import OperationalError

from billing import customers, overrides, reconcile, signals, state, stripe_api, tasks
from billing.models import Checked, Drift, Override
from billing.tests.conftest import catch_up
from tenants import lifecycle
from tenants.models import AuditEntry, Retailer

Kind = Override.Kind


@pytest.fixture
def shops(retailers, sold, fake_stripe):
    both = [sold(retailer) for retailer in retailers]
    catch_up(fake_stripe)
    return both


@pytest.fixture
def operator(db, settings):
    client = Client(HTTP_HOST=current.OPERATOR_HOST)
    user = get_user_model().objects.create_superuser("operator@console.test", "a password")
    client.force_login(user)
    return client


def in_days(days: int):
    return timezone.localdate() + timedelta(days=days)


def end_trials(*retailers) -> None:
    long_ago = timezone.now() - timedelta(days=60)
    Retailer.objects.filter(pk__in=[r.pk for r in retailers]).update(created_at=long_ago)
    for retailer in retailers:
        retailer.refresh_from_db()
        state.refresh(retailer, why="a test")


def test_a_free_account_is_active_until_its_last_day_is_over(retailers, fake_stripe):
    acorn, birch = retailers
    end_trials(acorn, birch)
    assert (acorn.state, birch.state) == ("suspended", "suspended")
    free = overrides.grant(acorn, Kind.FREE, reason="a charity", by="op", until=in_days(0))
    for retailer in retailers:
        state.refresh(retailer, why="a test")
    assert (acorn.state, birch.state) == ("active", "suspended")
    Override.objects.update(until=in_days(-1))
    state.refresh(acorn, why="the day is over")
    assert acorn.state == "suspended" and "Free account" in str(free)
    entry = AuditEntry.objects.filter(retailer=acorn, action="free account").get()
    assert (entry.why, entry.by) == ("a charity", "op")


def test_a_longer_trial_is_a_trial_and_can_be_taken_back(retailers, fake_stripe):
    acorn, birch = retailers
    end_trials(acorn, birch)
    longer = overrides.grant(acorn, Kind.TRIAL, reason="holidays", by="op", until=in_days(10))
    state.refresh(acorn, why="a test")
    assert acorn.state == "trial" and overrides.trial_ends(acorn) > timezone.now()
    overrides.end(longer, by="op")
    state.refresh(acorn, why="a test")
    assert (acorn.state, birch.state) == ("suspended", "suspended")


def test_a_credit_reaches_stripe_once_and_pays_the_next_invoice(shops, fake_stripe):
    acorn, birch = shops
    credit = overrides.grant(
        acorn.retailer, Kind.CREDIT, reason="sorry", by="op", amount=1000, currency="eur"
    )
    fake_stripe.fail(after=True, times=3)  # carried out, all answers lost
    with pytest.raises(stripe.StripeError):
        overrides.give_credits(acorn.retailer)
    assert [overrides.give_credits(shop.retailer) for shop in (acorn, acorn, birch)] == [1, 0, 0]
    (customer,) = (c for c in fake_stripe.objects("customer") if c["id"] == acorn.customer.id)
    assert customer["balance"] == -1000 and credit.amount_in_words == "10.00 EUR"
    fake_stripe.advance(32)
    newest = [i for i in fake_stripe.objects("invoice") if i["customer"] == acorn.customer.id][-1]
    assert (newest["total"], newest["amount_due"], newest["amount_paid"]) == (2900, 1900, 1900)
    credit.refresh_from_db()
    with pytest.raises(ValueError):
        overrides.end(credit, by="op")


def test_the_operator_grants_in_the_console(shops, operator, fake_stripe, monkeypatch):
    acorn, birch = (shop.retailer for shop in shops)
    rung = []
    monkeypatch.setattr(tasks.reconcile_one, "delay", rung.append)
    url = f"/admin/revenue/{acorn.pk}/"
    assert "Nothing yet" in operator.get(url).text
    wrong = (
        {"kind": "free"},
        {"kind": "free", "until": in_days(-1)},
        {"kind": "credit"},
        {"kind": "credit", "amount": "10.005", "currency": "eur"},
        {"kind": "credit", "amount": "10.5", "currency": "jpy"},
        {"kind": "credit", "amount": "99999999", "currency": "eur"},
        {"kind": "nonsense", "until": in_days(3)},
    )
    for values in wrong:
        assert "error-message" in operator.post(url, {"reason": "x", **values}).text
    assert not Override.objects.exists()
    for values in (
        {"kind": "free", "until": in_days(30)},
        {"kind": "credit", "amount": "10.50", "currency": "eur"},
        {"kind": "credit", "amount": "500", "currency": "jpy"},
    ):
        assert operator.post(url, {"reason": "good friends", **values}).status_code == 302
    assert set(Override.objects.values_list("amount", "currency")) == {
        (None, ""),
        (1050, "eur"),
        (500, "jpy"),
    }
    page = operator.get(url).text
    assert "good friends" in page and "10.50 EUR" in page and "500 JPY" in page
    assert "on its way to Stripe" in page and rung == [acorn.pk] * 3
    free = Override.objects.get(kind="free")
    assert operator.post(f"/admin/revenue/{birch.pk}/{free.pk}/end/").status_code == 404
    assert operator.post(f"{url}{free.pk}/end/").status_code == 302
    assert operator.post(f"{url}{free.pk}/end/").status_code == 404
    Override.objects.filter(currency="eur").update(given_at=timezone.now())
    given = Override.objects.get(currency="eur")
    assert "Stripe has this credit" in operator.post(f"{url}{given.pk}/end/", follow=True).text

    def unreachable(number):
        raise OperationalError("Connection refused.")

    monkeypatch.setattr(tasks.reconcile_one, "delay", unreachable)
    values = {"reason": "x", "kind": "trial", "until": in_days(3)}
    assert operator.post(url, values).status_code == 302


def test_the_operator_sees_what_is_earned(shops, operator, fake_stripe, retailers):
    acorn, birch = shops
    fake_stripe.set_subscription(birch.subscription, status="past_due")
    catch_up(fake_stripe)
    tasks.reconcile_one(acorn.retailer.pk)
    Drift.objects.create(retailer=acorn.retailer, retailer_name="Acorn", what="sub_1", ours="x")
    Checked.objects.update_or_create(retailer=birch.retailer, defaults={"error": "APIError: 503"})
    overrides.grant(birch.retailer, Kind.TRIAL, reason="why not", by="op", until=in_days(5))
    page = operator.get("/admin/revenue/").text
    for words in ("58.00 EUR", "sub_1", "APIError: 503", "why not", "As a table", "revenue__bars"):
        assert words in page, words
    assert "style=" not in page.split("revenue__pictures")[1].split("</details>")[0]
    assert "/admin/revenue/" in operator.get("/admin/").text
    assert (
        f"/admin/revenue/{acorn.retailer.pk}/"
        in operator.get(f"/admin/retailers/{acorn.retailer.pk}/").text
    )


def test_nobody_but_the_operator_sees_revenue(shops, operator):
    stranger = Client(HTTP_HOST=current.OPERATOR_HOST)
    for path in ("", f"{shops[0].retailer.pk}/"):
        assert stranger.get(f"/admin/revenue/{path}").status_code in (302, 403, 404)
        for shop in shops:
            at_home = Client(HTTP_HOST=shop.retailer.host)
            assert at_home.get(f"/admin/revenue/{path}").status_code in (302, 403, 404)


def test_whom_a_person_closes_pays_nothing_more(shops, fake_stripe, monkeypatch):
    acorn, birch = shops
    rung = []
    monkeypatch.setattr(tasks.cancel_subscriptions, "delay", rung.append)
    with TestCase.captureOnCommitCallbacks(execute=True):
        lifecycle.act(acorn.retailer, "close", why="asked by phone", by="op")
    assert rung == [acorn.retailer.pk]
    tasks.cancel_subscriptions(acorn.retailer.pk)
    tasks.cancel_subscriptions(acorn.retailer.pk)  # again
    tasks.cancel_subscriptions(birch.retailer.pk)  # which nobody has closed
    statuses = {s["id"]: s["status"] for s in fake_stripe.objects("subscription")}
    assert statuses == {acorn.subscription: "canceled", birch.subscription: "active"}
    catch_up(fake_stripe)
    assert (acorn.state(), birch.state()) == ("closed", "active")
    # Opened again it isn't closed for what we cancelled ourselves, but has to pay.
    end_trials(acorn.retailer)
    lifecycle.act(acorn.retailer, "reopen", why="a mistake", by="op")
    assert acorn.state() == "suspended"


def test_a_cancelling_that_failed_is_made_up_for_every_hour(shops, fake_stripe, monkeypatch):
    acorn, birch = shops

    def unreachable(number):
        raise OperationalError("Connection refused.")

    monkeypatch.setattr(tasks.cancel_subscriptions, "delay", unreachable)
    with TestCase.captureOnCommitCallbacks(execute=True):
        lifecycle.act(acorn.retailer, "close", why="asked", by="op")
    assert fake_stripe.objects("subscription")[0]["status"] == "active"
    for shop in shops:
        tasks.reconcile_one(shop.retailer.pk)
    assert [s["status"] for s in fake_stripe.objects("subscription")] == ["canceled", "active"]
    # Cancelled at Stripe before, of which we haven't heard.
    fake_stripe.cancel(birch.subscription, reason="cancellation_requested")
    lifecycle.act(birch.retailer, "close", why="asked", by="op")
    assert reconcile.cancel_all(birch.retailer) == 1
    fake_stripe.fail(status=400)
    with pytest.raises(stripe.InvalidRequestError):
        stripe_api.client().v1.subscriptions.cancel("sub_x")


def test_a_new_name_or_e_mail_is_told_to_stripe(shops, fake_stripe, monkeypatch):
    acorn, birch = shops
    rung = []
    monkeypatch.setattr(tasks.push_customer, "delay", rung.append)
    retailer = Retailer.objects.get(pk=acorn.retailer.pk)
    with TestCase.captureOnCommitCallbacks(execute=True):
        retailer.save()
        retailer.save(update_fields=["state"])
        assert rung == []
        retailer.name, retailer.owner_email = "Acorn & Sons", "new@acorn.test"
        retailer.save()
    assert rung == [retailer.pk]
    for number in (retailer.pk, retailer.pk, 999_999):
        tasks.push_customer(number)
    told = {c["id"]: (c["name"], c["email"]) for c in fake_stripe.objects("customer")}
    assert told[acorn.customer.id] == ("Acorn & Sons", "new@acorn.test")
    assert told[birch.customer.id][1] == birch.retailer.owner_email
    assert customers.push(retailer) is False
    assert fake_stripe.requests("POST", f"/v1/customers/{acorn.customer.id}") == 1


def test_without_a_broker_or_a_key_nothing_is_told_at_once(shops, settings, monkeypatch):
    def unreachable(number):
        raise OperationalError("Connection refused.")

    monkeypatch.setattr(tasks.push_customer, "delay", unreachable)
    signals.ring(1)
    settings.STRIPE_SECRET_KEY = ""
    for shop in shops:
        Retailer.objects.get(pk=shop.retailer.pk).save()
    assert tasks.compare_usage_all() == 0 and tasks.reconcile_all() == 0
    tasks.push_customer(shops[0].retailer.pk)


def test_every_retailer_is_compared_once_a_month(retailers, billing_settings, monkeypatch):
    rung = []
    monkeypatch.setattr(tasks.compare_usage, "delay", rung.append)
    assert tasks.compare_usage_all() == 2
    assert rung == sorted(retailer.pk for retailer in retailers)
