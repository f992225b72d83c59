"""`sync_plans` makes Stripe match plans.toml, and a second run finds nothing to do."""

from io import StringIO

import pytest
import stripe
from django.core.management import CommandError, call_command
from djstripe.models import Price, Product

from billing import plan_sync, plans, stripe_api
from billing.tests.test_plans import GOOD

pytestmark = pytest.mark.django_db


@pytest.fixture
def plans_file(tmp_path, monkeypatch):
    """Writes what plans.toml says, for the command that is run next."""
    file = tmp_path / "plans.toml"
    monkeypatch.setattr(plans, "PLANS_FILE", file)

    def write(*changes: tuple[str, str]) -> None:
        text = GOOD
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text)

    write()
    return write


def run(**options) -> str:
    output = StringIO()
    call_command("sync_plans", stdout=output, **options)
    return output.getvalue()


def prices(**filters) -> list:
    return stripe_api.client().v1.prices.list({"limit": 100, **filters}).data


def price(lookup_key: str):
    (found,) = prices(lookup_keys=[lookup_key])
    return found


def test_the_first_run_makes_everything_and_the_second_nothing(fake_stripe, plans_file):
    assert "7 changes" in run()
    assert len(prices(active=True)) == 6
    assert "0 changes" in (again := run()) and "matches already" in again
    assert len(prices()) == 6


def test_the_plans_of_this_release_can_be_sold(fake_stripe):
    run()
    wanted = plans.catalogue()
    assert {each.lookup_key for each in prices()} == {each.lookup_key for each in wanted.prices}
    assert "0 changes" in run()


def test_a_dry_run_shows_the_changes_and_makes_none(fake_stripe, plans_file):
    output = run(dry_run=True)
    assert "+ product Small (customerinfo_small)" in output
    assert "+ price small_eur_month: 29.00 EUR a month" in output
    assert "+ price small_jpy_year: 48000 JPY a year" in output
    assert prices() == [] and not Product.objects.exists()
    assert all(each["method"] == "GET" for each in fake_stripe.ask("requests"))


def test_a_currency_without_decimals_is_charged_as_it_is_written(fake_stripe, plans_file):
    run()
    assert price("small_jpy_month").unit_amount == 4800
    assert price("small_kwd_month").unit_amount == 9000


def test_a_changed_amount_becomes_a_new_price_and_retires_the_old(fake_stripe, plans_file):
    run()
    old = price("small_eur_month")
    plans_file(("2900,", "3500,"))
    output = run()
    assert "1 changes" in output
    assert f"small_eur_month: 29.00 EUR a month → 35.00 EUR a month; {old.id}" in output
    new = price("small_eur_month")
    assert (new.unit_amount, new.active) == (3500, True)
    assert stripe_api.client().v1.prices.retrieve(old.id).active is False
    assert "0 changes" in run()


def test_an_amount_that_changes_back_within_a_day_is_sold_again(fake_stripe, plans_file):
    run()
    first = price("small_eur_month").id
    for amount in ("3500,", "2900,", "3500,", "2900,"):
        plans_file(("2900,", amount))
        run()
        now = price("small_eur_month")
        assert (now.unit_amount, now.active) == (int(amount[:-1]), True)
    assert now.id != first
    assert len(prices(active=True)) == 6


def test_subscribers_keep_the_price_they_have(retailers, fake_stripe, plans_file, sold):
    run()
    shops = [sold(retailer, "small_eur_month") for retailer in retailers]
    plans_file(("2900,", "3500,"))
    run()
    for shop in shops:
        item = stripe_api.client().v1.subscriptions.retrieve(shop.subscription)["items"].data[0]
        assert item.price.unit_amount == 2900


def test_told_so_it_moves_subscribers_to_the_new_price_from_their_next_invoice_on(
    retailers, fake_stripe, plans_file, sold
):
    run()
    shops = [sold(retailer, "small_eur_month") for retailer in retailers]
    by_hand = shops[1]
    client = stripe_api.client()
    special = client.v1.prices.create(
        {
            "product": price("small_eur_month").product,
            "currency": "eur",
            "unit_amount": 100,
            "recurring": {"interval": "month"},
        }
    )
    (item,) = client.v1.subscriptions.retrieve(by_hand.subscription)["items"].data
    client.v1.subscriptions.update(
        by_hand.subscription,
        {"items": [{"id": item.id, "price": special.id}], "proration_behavior": "none"},
    )
    plans_file(("2900,", "3500,"))
    before = len(fake_stripe.objects("invoice"))
    shown = run(dry_run=True, move_subscribers=True)
    assert "> cus_" in shown and "29.00 EUR a month → 35.00 EUR a month, from the next" in shown

    def paid() -> list[int]:
        found = [client.v1.subscriptions.retrieve(shop.subscription) for shop in shops]
        return [each["items"].data[0].price.unit_amount for each in found]

    assert paid() == [2900, 100]
    assert run(move_subscribers=True).count("> cus_") == 1
    assert paid() == [3500, 100]
    assert len(fake_stripe.objects("invoice")) == before
    assert "0 changes" in run(move_subscribers=True)
    # Who was left behind by a run without the wish can be moved later.
    plans_file(("2900,", "3900,"))
    run()
    assert paid() == [3500, 100]
    assert "1 changes" in run(move_subscribers=True) and paid() == [3900, 100]


def test_a_run_that_died_between_two_steps_is_finished_by_the_next(fake_stripe, plans_file):
    run()
    plans_file(("2900,", "3500,"))
    client, catalogue = stripe_api.client(), plans.load()
    (change,) = plan_sync.changes(catalogue, plan_sync.look(client, catalogue))
    client.v1.prices.create(
        change.make.values(), {"idempotency_key": change.make.idempotency_key()}
    )  # and then it died, with both prices active
    assert len(prices(active=True)) == 7
    output = run()
    assert "1 changes" in output and "is retired" in output
    assert len(prices(active=True)) == 6
    assert price("small_eur_month").unit_amount == 3500


def test_two_runs_that_saw_the_same_make_one_price(fake_stripe, plans_file):
    run()
    plans_file(("2900,", "3500,"))
    client, catalogue = stripe_api.client(), plans.load()
    both = [plan_sync.changes(catalogue, plan_sync.look(client, catalogue)) for _ in range(2)]
    for (change,) in both:
        change.make(client)
    assert len(prices()) == 7


def test_a_plan_that_is_gone_is_retired_and_comes_back(fake_stripe, plans_file):
    run()
    plans_file(("plans.small", "plans.tiny"), ('"Small"', '"Tiny"'))
    output = run()
    assert "- product Small (customerinfo_small) is retired" in output
    assert "- price small_eur_month: 29.00 EUR a month is retired" in output
    assert {each.lookup_key[:4] for each in prices(active=True)} == {"tiny"}
    plans_file()
    output = run()
    assert "is sold again" in output and "~ product Small (customerinfo_small): active" in output
    assert {each.lookup_key[:5] for each in prices(active=True)} == {"small"}


def test_a_changed_plan_is_written_to_its_product(fake_stripe, plans_file):
    run()
    plans_file(("One shop.", "Two shops."), ("= 500", "= 700"))
    assert "~ product Small (customerinfo_small): description, metadata" in run()
    product = stripe_api.client().v1.products.retrieve("customerinfo_small")
    assert product.description == "Two shops."
    assert product.metadata["included_signups"] == "700"
    assert "0 changes" in run()


def test_what_a_person_made_at_stripe_stays(fake_stripe, plans_file):
    run()
    client = stripe_api.client()
    special = {"product": "customerinfo_small", "currency": "eur", "unit_amount": 1900}
    by_hand = client.v1.prices.create({**special, "recurring": {"interval": "month"}})
    once = client.v1.prices.create(special)
    other = client.v1.products.create({"name": "Poster"})
    assert "0 changes" in run()
    assert client.v1.prices.retrieve(by_hand.id).active
    assert client.v1.prices.retrieve(once.id).active
    assert client.v1.products.retrieve(other.id).active


def test_a_lookup_key_that_somebody_else_holds_is_taken_over_and_said(fake_stripe, plans_file):
    client = stripe_api.client()
    other = client.v1.products.create({"name": "Old"})
    old = client.v1.prices.create(
        {
            "product": other.id,
            "currency": "eur",
            "unit_amount": 100,
            "recurring": {"interval": "month", "interval_count": 3},
            "lookup_key": "small_eur_month",
        }
    )
    client.v1.prices.update(old.id, {"active": False})
    assert f"1.00 EUR a 3 month → 29.00 EUR a month; {old.id} is retired" in run()
    assert price("small_eur_month").product == "customerinfo_small"


def test_a_metered_price_never_counts_as_ours():
    metered = plan_sync.StripePrice.parse(
        {
            "id": "price_1",
            "product": "customerinfo_small",
            "active": True,
            "currency": "eur",
            "unit_amount": 2900,
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "metered"},
            "lookup_key": "small_eur_month",
            "metadata": {},
        }
    )
    (small,) = plans.parse(GOOD).plans
    assert not metered.is_for(small.price("eur", "month"), small)
    assert plan_sync.described(metered) == "? a month"


def test_a_single_payment_is_described_without_an_interval():
    once = plan_sync.StripePrice("price_1", "p", True, "jpy", 500, "", "", False)
    assert plan_sync.described(once) == "500 JPY"


def test_the_mirror_has_what_is_sold(fake_stripe, plans_file):
    run()
    assert Product.objects.get().id == "customerinfo_small"
    assert set(Price.objects.values_list("lookup_key", flat=True)) == {
        each.lookup_key for each in plans.load().prices
    }


def test_stripe_down_is_said_and_the_next_run_goes_on(fake_stripe, plans_file, monkeypatch):
    monkeypatch.setattr(stripe_api, "RETRIES", 0)
    client, catalogue = stripe_api.client(), plans.load()
    for change in plan_sync.changes(catalogue, plan_sync.look(client, catalogue))[:3]:
        change.make(client)
    fake_stripe.fail(status=503)
    with pytest.raises(CommandError, match="What was done so far stands"):
        run()
    assert "4 changes" in run()


def test_a_wrong_file_or_a_missing_key_is_said_plainly(settings, plans_file):
    with pytest.raises(CommandError, match="STRIPE_SECRET_KEY is not set"):
        run()
    plans_file(("2900,", "0,"))
    with pytest.raises(CommandError, match="0 a month is no amount"):
        run()


def test_a_price_of_which_stripe_knows_nothing_is_an_error(fake_stripe):
    with pytest.raises(stripe.InvalidRequestError):
        price_values = {"product": "prod_x", "currency": "eur", "unit_amount": 1}
        stripe_api.client().v1.prices.create(price_values)
