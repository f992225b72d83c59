"""Real sign-ups reach Stripe's meter once, whatever is repeated; limits warn and refuse nobody."""

import uuid
from datetime import timedelta

import pytest
import stripe
from django.core.cache import cache
from django.utils import timezone
from django_tenants.utils import tenant_context

from billing import limits, meters, notices, plan_sync, plans, stripe_api, tasks, usage
from billing.models import Drift, UsageDay
from billing.tests.conftest import catch_up
from forms_app.models import Signup
from forms_app.tests.shop import Shop, field
from integrations.models import Mail
from tenants.models import Retailer


@pytest.fixture
def shops(retailers, sold, fake_stripe):
    """Acorn and Birch, both on Starter, with a page each."""
    for retailer in retailers:
        sold(retailer)
    catch_up(fake_stripe)
    made = tuple(Shop(Retailer.objects.get(pk=retailer.pk)) for retailer in retailers)
    for shop in made:
        shop.open(field("email"))
    return made


def stripes(shop, first=None, after=None) -> int:
    """What Stripe has counted."""
    client = stripe_api.client()
    day = int(timezone.now().timestamp()) // 86400 * 86400
    customer = shop.retailer.djstripe_customers.get().id
    asked = {"customer": customer, "start_time": day - 40 * 86400, "end_time": day + 86400}
    found = client.v1.billing.meters.event_summaries.list(meters.find(client), asked).data
    return sum(int(each.aggregated_value) for each in found)


def sign_up(shop, count: int, **values) -> None:
    for number in range(count):
        made = shop.sign_up({"email": f"p{number}-{uuid.uuid4().hex}@example.com"})
        if values:
            with tenant_context(shop.retailer):
                Signup.objects.filter(pk=made.pk).update(**values)


def test_only_real_sign_ups_are_told_and_each_day_once(shops, fake_stripe):
    acorn, birch = shops
    yesterday = timezone.now() - timedelta(days=1)
    sign_up(acorn, 2)
    sign_up(acorn, 1, received_at=yesterday)
    sign_up(acorn, 1, is_test=True)
    sign_up(acorn, 1, problem="robot")
    sign_up(acorn, 1, problem="invalid")  # to be mended: it is one
    sign_up(birch, 1)
    assert usage.report(acorn.retailer) == 2
    assert usage.report(acorn.retailer) == 0
    assert stripes(acorn) == 4 and stripes(birch) == 0
    assert usage.report(birch.retailer) == 1 and (stripes(acorn), stripes(birch)) == (4, 1)


def test_a_lost_answer_and_a_repeat_are_harmless(shops, fake_stripe):
    acorn, birch = shops
    sign_up(acorn, 3)
    fake_stripe.fail(after=True, times=3)
    with pytest.raises(stripe.StripeError):
        usage.report(acorn.retailer)
    assert UsageDay.objects.get(retailer=acorn.retailer).reported is None
    assert usage.report(acorn.retailer) == 1 and stripes(acorn) == 3
    UsageDay.objects.update(reported=None)  # another repeat, as after a restored backup
    assert usage.report(acorn.retailer) == 1 and stripes(acorn) == 3
    fake_stripe.fail(status=400)
    UsageDay.objects.update(reported=None)
    with pytest.raises(stripe.InvalidRequestError):
        usage.report(acorn.retailer)
    assert stripes(birch) == 0


def test_more_on_the_same_day_replaces_and_what_is_erased_was_used(shops, fake_stripe):
    acorn, birch = shops
    sign_up(acorn, 2)
    usage.report(acorn.retailer)
    sign_up(acorn, 3)
    usage.report(acorn.retailer)
    assert stripes(acorn) == 5
    with tenant_context(acorn.retailer):
        Signup.objects.all().delete()
    assert usage.report(acorn.retailer) == 0 and stripes(acorn) == 5
    assert not UsageDay.objects.filter(retailer=birch.retailer).exists()


def test_who_has_no_customer_is_counted_and_told_later(retailers, fake_stripe, sign_up):
    acorn, birch = retailers
    for retailer in retailers:
        sign_up(retailer, "robin@example.com")
        assert usage.report(retailer) == 0
    assert UsageDay.objects.filter(count=1, reported=None).count() == 2


def test_the_month_is_compared_and_what_differs_is_told_again(shops, fake_stripe):
    acorn, birch = shops
    last_month = usage.today().replace(day=1) - timedelta(days=1)
    for shop in shops:
        UsageDay.objects.create(retailer=shop.retailer, day=last_month, count=7)
    assert [tasks.compare_usage(shop.retailer.pk) for shop in shops] == [0, 0]  # not told yet
    for shop in shops:
        usage.report(shop.retailer)
    assert [tasks.compare_usage(shop.retailer.pk) for shop in shops] == [0, 0]
    # Stripe lost it, although it had said yes.
    fake_stripe.ask("forget_usage", customer=acorn.retailer.djstripe_customers.get().id)
    assert [tasks.compare_usage(shop.retailer.pk) for shop in shops] == [1, 0]
    (drift,) = Drift.objects.all()
    assert (drift.retailer, drift.ours, drift.stripes) == (acorn.retailer, "7", "0")
    assert "usage" in str(drift)
    usage.report(acorn.retailer)
    assert stripes(acorn) == 7 and tasks.compare_usage(acorn.retailer.pk) == 0
    assert tasks.compare_usage(999_999) == 0


def test_limits_warn_at_80_and_at_100_per_cent_and_refuse_nobody(shops, fake_stripe, monkeypatch):
    acorn, birch = shops
    monkeypatch.setattr(usage, "count_since", lambda retailer, start: count[0])
    count = [399]

    def told(shop) -> list[str]:
        assert limits.warn(shop.retailer) >= 0
        with tenant_context(shop.retailer):
            sent = Mail.objects.filter(kind__startswith="limit", context__is_signups=True)
            return list(sent.order_by("pk").values_list("kind", flat=True))

    assert told(acorn) == []
    count = [400]
    assert told(acorn) == told(acorn) == ["limit_near"]
    count = [500]
    assert told(acorn) == told(acorn) == ["limit_near", "limit_reached"]
    count = [9000]
    assert told(acorn) == ["limit_near", "limit_reached"]
    cache.clear()
    words = " ".join(banner.text for banner in notices.banners(acorn.retailer))
    assert "9000 of 500 sign-ups" in words and "None is refused" in words
    page = acorn.staff().get("/admin/billing/").text
    assert "All included sign-ups are used" in page
    assert acorn.sign_up({"email": "robin@example.com"})


def test_other_limits_warn_too(shops, fake_stripe):
    acorn, birch = shops
    with tenant_context(acorn.retailer):
        for number in range(4):
            acorn.publish(field("email"), slug=f"page{number}")
    cache.clear()
    words = " ".join(banner.text for banner in notices.banners(acorn.retailer))
    assert "sign-up pages of your plan are used" in words and "goes on working" in words
    assert notices.banners(acorn.retailer) and limits.warn(acorn.retailer) >= 1
    assert limits.warn(birch.retailer) == 0
    cache.clear()
    assert notices.banners(birch.retailer) == []
    assert limits.Gauge("pages", "Pages", 1, 0).percent == 0


def test_who_has_no_plan_is_not_warned(retailers, fake_stripe):
    for retailer in retailers:
        assert limits.warn(retailer) == 0
        cache.clear()
        assert notices.banners(Retailer.objects.get(pk=retailer.pk)) == []


def test_a_meter_counts_days_so_that_the_last_report_wins(fake_stripe):
    client, known = stripe_api.client(), plans.load()
    assert meters.find(client) == ""
    for change in plan_sync.changes(known, plan_sync.look(client, known)):
        change.make(client)
    (meter,) = fake_stripe.objects("meter")
    assert meter["event_time_window"] == "day" and meter["id"] == meters.find(client)
    prices = {p["lookup_key"]: p for p in fake_stripe.objects("price")}
    assert [t["up_to"] for t in prices["starter_eur_year_beyond"]["tiers"]] == [6000, None]
    assert plan_sync.changes(known, plan_sync.look(client, known)) == []
    assert "5 up to any number" in plan_sync.described(
        plan_sync.look(client, known).by_lookup_key["starter_eur_month_beyond"]
    )
