"""From an empty Stripe account to one that is ready; and no secret in the database."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from djstripe.models import APIKey

from billing import endpoint, plans, portal, secrecy, stripe_api
from billing.tests.conftest import SECRET, TEST_KEY, catch_up


def set_up(**options) -> str:
    out = StringIO()
    call_command("setup_stripe", stdout=out, **options)
    return out.getvalue()


def test_an_empty_account_is_ready_after_one_run_and_stays_so(retailers, fake_stripe):
    said = set_up(url="https://console.example/stripe/webhook/")
    assert "test mode" in said and "STRIPE_WEBHOOK_SECRET=whsec_" in said and "ready" in said
    (made,) = fake_stripe.objects("webhook_endpoint")
    assert "customer.subscription.deleted" in made["enabled_events"]
    assert len(fake_stripe.objects("price")) == len(plans.load().prices)
    assert len(fake_stripe.objects("meter")) == 1
    again = set_up(url="https://console.example/stripe/webhook/")
    assert "0 changes" in again and "whsec_" not in again and "Webhook secret: set" in again
    for kind in ("webhook_endpoint", "portal_configuration", "meter"):
        assert len(fake_stripe.objects(kind)) == 1


def test_an_endpoint_that_lacks_events_is_mended(retailers, fake_stripe):
    client = stripe_api.client()
    url = endpoint.address()
    values = {"url": url, "enabled_events": ["charge.failed"]}
    client.v1.webhook_endpoints.create(values)
    assert endpoint.ensure(client, url).was_mended
    assert not endpoint.ensure(client, url).was_mended
    (mended,) = fake_stripe.objects("webhook_endpoint")
    assert {"charge.failed", "invoice.paid"} <= set(mended["enabled_events"])


def test_the_portal_lets_one_cancel_and_change_the_card_only(retailers, fake_stripe):
    client = stripe_api.client()
    assert portal.find(client) == ""
    assert portal.ensure(client) == portal.ensure(client) == portal.find(client)


def test_what_is_missing_is_said(retailers, fake_stripe, settings):
    set_up()
    settings.STRIPE_WEBHOOK_SECRET = ""
    with pytest.raises(CommandError, match="STRIPE_WEBHOOK_SECRET isn't set"):
        set_up()
    fake_stripe.fail(status=503, times=3)
    with pytest.raises(CommandError, match="run this again"):
        set_up()
    fake_stripe.fail(status=401)
    with pytest.raises(CommandError, match="doesn't know|run this again"):
        set_up()
    settings.STRIPE_SECRET_KEY = "sk_test_short"
    with pytest.raises(CommandError, match="doesn't look like"):
        set_up()
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(CommandError, match="billing is off"):
        set_up()


def test_a_live_account_that_may_not_charge_yet_is_told_so(
    retailers, fake_stripe, settings, monkeypatch
):
    settings.STRIPE_SECRET_KEY = "sk_live_" + "b2" * 12
    fake_stripe.reset(livemode=True)
    fake_stripe.ask("account", charges_enabled=False)
    assert "doesn't let this account charge yet" in set_up()


def every_text() -> list[str]:
    """All that stands in texts and JSON of the public schema."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public'"
            " AND data_type IN ('text', 'character varying', 'jsonb', 'json')"
        )
        for table, column in cursor.fetchall():
            quoted = [connection.ops.quote_name(name) for name in (column, table)]
            cursor.execute(f"SELECT {quoted[0]}::text FROM {quoted[1]}")
            found += [row[0] for row in cursor.fetchall() if row[0]]
    return found


def test_no_secret_of_stripe_stands_in_the_database(retailers, sold, fake_stripe):
    shops = [sold(retailer) for retailer in retailers]
    catch_up(fake_stripe)
    set_up()
    texts = every_text()
    assert any(shops[0].subscription in text for text in texts)  # it looks where things are
    secrets = (TEST_KEY, SECRET, TEST_KEY[8:])
    assert [text for text in texts if any(secret in text for secret in secrets)] == []


def test_keys_that_an_earlier_release_stored_are_deleted(retailers, fake_stripe):
    APIKey.objects.create(secret=TEST_KEY, type="secret", livemode=False)
    assert "1 keys were deleted" in set_up() and not APIKey.objects.exists()
    assert secrecy.forget_keys() == 0
