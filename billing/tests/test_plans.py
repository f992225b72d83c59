"""plans.toml is read into typed plans, and what is wrong with it is said at start."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks

from billing import plans, stripe_api
from billing.tests.conftest import LIVE_KEY, TEST_KEY

GOOD = """
trial_days = 14
[plans.small]
name = "Small"
description = "One shop."
included_signups = 500
limits = { pages = 3, tablets = 2, connections = 1 }
[plans.small.prices]
eur = { month = 2900, year = 29000 }
jpy = { month = 4800, year = 48000 }
kwd = { month = 9000, year = 90000 }
"""


def mistakes(text: str) -> list[tuple[str, str]]:
    with pytest.raises(plans.PlansError) as caught:
        plans.parse(text)
    return [(mistake.id, mistake.text) for mistake in caught.value.mistakes]


def test_a_good_file_becomes_typed_plans():
    catalogue = plans.parse(GOOD)
    (small,) = catalogue.plans
    assert catalogue.trial_days == 14
    assert (small.key, small.name, small.included_signups) == ("small", "Small", 500)
    assert small.limits["tablets"] == 2
    assert small.price("jpy", "month").amount == 4800
    assert small.price("jpy", "month").lookup_key == "small_jpy_month"
    assert small.price("chf", "month") is None
    assert len(catalogue.prices) == 6


def test_the_plans_of_this_release_are_right():
    catalogue = plans.catalogue()
    currencies = {frozenset(p.currency for p in plan.prices) for plan in catalogue.plans}
    assert len(currencies) == 1, "every plan is sold in the same currencies"
    assert "jpy" in currencies.pop()
    for plan in catalogue.plans:
        for price in plan.prices:
            if price.interval == "year":
                assert price.amount < 12 * plan.price(price.currency, "month").amount


@pytest.mark.parametrize(
    ("old", "new", "id", "words"),
    [
        ("trial_days = 14", "trial_days = ", "billing.E001", "isn't TOML"),
        ("trial_days = 14", "trial_days = -1", "billing.E002", "trial_days"),
        ("trial_days = 14", "trial_days = true", "billing.E002", "trial_days"),
        ("trial_days = 14", "trial_days = 14\nprize = 1", "billing.E002", "'prize' is unknown"),
        ("plans.small", "plans.Small-1", "billing.E002", "the key must be small letters"),
        ('name = "Small"', "name = 5", "billing.E002", "name must be a text"),
        ('name = "Small"', 'name = " "', "billing.E002", "name must be a text"),
        ('"One shop."', '"One shop."\nseats = 2', "billing.E002", "'seats' is unknown"),
        ("signups = 500", "signups = 5.5", "billing.E004", "included_signups"),
        ("pages = 3, ", "", "billing.E004", "the limit of pages"),
        ("pages = 3", "pages = 0", "billing.E004", "the limit of pages"),
        ("pages = 3", "pages = 3, logins = 3", "billing.E002", "'logins' is unknown"),
        ("{ pages = 3, tablets = 2, connections = 1 }", "3", "billing.E004", "must be a table"),
        ("eur =", "EUR =", "billing.E003", "three small letters"),
        (", year = 29000", "", "billing.E003", "a month's and a year's"),
        ("month = 2900", "month = 29.00", "billing.E003", "29.0 a month is no amount"),
        ("month = 2900", "month = 0", "billing.E003", "0 a month is no amount"),
        ("month = 2900", "month = 100000000", "billing.E003", "is no amount"),
        ("month = 9000", "month = 9001", "billing.E003", "multiples of 10"),
        ("eur = { month = 2900", "isk = { month = 2950", "billing.E003", "multiples of 100"),
    ],
)
def test_a_mistake_is_named_with_its_id(old, new, id, words):
    assert old in GOOD
    found = mistakes(GOOD.replace(old, new))
    assert any(each == id and words in text for each, text in found), found


def test_a_file_without_plans_is_refused():
    assert mistakes("trial_days = 1") == [
        ("billing.E002", "plans.toml: plans must be a table with at least one entry.")
    ]
    assert ("billing.E002", "Plan small must be a table.") in mistakes(
        "trial_days = 1\n[plans]\nsmall = 3"
    )


def test_two_plans_of_one_name_are_refused():
    again = GOOD.replace("trial_days = 14", "").replace("plans.small", "plans.other")
    assert any("Two plans are called 'Small'" in text for _, text in mistakes(GOOD + again))


def test_every_mistake_is_named_at_once():
    text = GOOD.replace("2900,", '"a",').replace("500", "-1").replace("One shop.", "")
    assert {id for id, _ in mistakes(text)} == {"billing.E002", "billing.E003", "billing.E004"}


def test_a_file_that_cannot_be_read_is_a_named_mistake(tmp_path):
    with pytest.raises(plans.PlansError, match="can't be read"):
        plans.load(tmp_path / "absent.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(plans.PlansError, match="can't be read"):
        plans.load(tmp_path / "odd.toml")


def test_each_trial_ends_its_own_time_after_onboarding(retailers):
    acorn, birch = retailers
    acorn.created_at -= timedelta(days=3)
    days = timedelta(days=plans.catalogue().trial_days)
    assert plans.trial_ends(acorn) == acorn.created_at + days
    assert plans.trial_ends(birch) == birch.created_at + days


def check_ids() -> list[str]:
    return [message.id for message in run_checks(tags=["billing"])]


def test_the_checks_are_silent_about_what_is_shipped():
    assert check_ids() == []


def test_a_wrong_file_stops_the_start(tmp_path, monkeypatch):
    wrong = tmp_path / "plans.toml"
    wrong.write_text(GOOD.replace("2900,", "0,").replace("pages = 3", "pages = 0"))
    monkeypatch.setattr(plans, "PLANS_FILE", wrong)
    assert sorted(check_ids()) == ["billing.E003", "billing.E004"]


def test_right_keys_pass(billing_settings):
    assert check_ids() == []


def test_keys_that_cannot_work_stop_the_start(billing_settings):
    billing_settings.STRIPE_SECRET_KEY = "pk_test_" + "a" * 24
    billing_settings.STRIPE_WEBHOOK_SECRET = ""
    assert check_ids() == ["billing.E005", "billing.E006"]


def test_a_live_key_never_goes_to_another_server(billing_settings):
    billing_settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    billing_settings.STRIPE_SECRET_KEY = LIVE_KEY
    assert check_ids() == ["billing.E007"]
    billing_settings.STRIPE_SECRET_KEY = TEST_KEY
    assert check_ids() == []


def test_without_a_key_there_is_no_client(settings):
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(stripe_api.BillingOff):
        stripe_api.client()
