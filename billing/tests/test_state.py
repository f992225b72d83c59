"""The retailer's state follows from Stripe's subscriptions, whatever order they are told in."""

import logging
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
import stripe
from djstripe.models import Subscription
from hypothesis import given, strategies as st

from billing import state
from billing.state import STATE_OF_STATUS, State, derive_state
from billing.tests.conftest import LIVE_KEY, catch_up
from tenants import lifecycle
from tenants.models import AuditEntry, Retailer

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)

reasons = st.sampled_from([None, "cancellation_requested", "payment_failed", "payment_disputed"])
subscriptions = st.lists(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(sorted(STATE_OF_STATUS)),
            "cancellation_details": st.none() | st.fixed_dictionaries({"reason": reasons}),
        }
    ),
    max_size=6,
)
trial_ends = st.sampled_from([None, EARLIER, NOW, LATER])


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("trialing", State.TRIAL),
        ("active", State.ACTIVE),
        ("past_due", State.PAST_DUE),
        ("unpaid", State.SUSPENDED),
        ("paused", State.SUSPENDED),
        ("canceled", State.CLOSED),
        ("incomplete", State.TRIAL),
        ("incomplete_expired", State.TRIAL),
    ],
)
def test_each_status_of_stripe_means_one_state(status, expected):
    assert derive_state([{"status": status}], LATER, NOW) == expected


def test_the_table_knows_every_status_of_the_library():
    literal, _text = get_args(stripe.Subscription.__annotations__["status"])
    assert set(get_args(literal)) == set(STATE_OF_STATUS)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [(None, State.TRIAL), (LATER, State.TRIAL), (NOW, State.SUSPENDED), (EARLIER, State.SUSPENDED)],
)
def test_without_a_subscription_the_trial_decides(ends, expected):
    assert derive_state([], ends, NOW) == expected
    assert derive_state([{"status": "incomplete"}], ends, NOW) == expected


@pytest.mark.parametrize("reason", ["payment_failed", "payment_disputed"])
def test_who_is_cancelled_over_money_is_suspended_and_not_closed(reason):
    cancelled = {"status": "canceled", "cancellation_details": {"reason": reason}}
    assert derive_state([cancelled], None, NOW) == State.SUSPENDED


def test_an_unknown_status_is_no_guess():
    with pytest.raises(state.UnknownStatus, match="sub_1 is 'frozen'"):
        derive_state([{"id": "sub_1", "status": "frozen"}, {"status": "active"}], None, NOW)


@given(subscriptions, trial_ends, st.randoms())
def test_order_and_repetition_change_nothing(found, ends, random):
    expected = derive_state(found, ends, NOW)
    again = found + found[: len(found) // 2]
    random.shuffle(again)
    assert derive_state(iter(again), ends, NOW) == expected
    assert expected in lifecycle.BILLED


@given(subscriptions, trial_ends)
def test_whoever_pays_is_active(found, ends):
    assert derive_state([*found, {"status": "active"}], ends, NOW) == State.ACTIVE


@given(subscriptions, trial_ends)
def test_another_subscription_never_makes_it_worse(found, ends):
    rank = state.BEST_FIRST.index
    begun = [each for each in found if STATE_OF_STATUS[each["status"]]]
    for count in range(1, len(begun)):
        fewer = derive_state(begun[:count], ends, NOW)
        assert rank(derive_state(begun[: count + 1], ends, NOW)) <= rank(fewer)


@given(subscriptions, trial_ends)
def test_only_who_asked_to_leave_is_closed(found, ends):
    for each in found:
        if each["status"] == "canceled":
            each["cancellation_details"] = {"reason": "payment_failed"}
    assert derive_state(found, ends, NOW) != State.CLOSED


@given(subscriptions)
def test_the_trial_doesnt_matter_once_a_subscription_has_begun(found):
    if any(STATE_OF_STATUS[each["status"]] for each in found):
        assert len({derive_state(found, ends, NOW) for ends in (None, EARLIER, LATER)}) == 1


# --- refresh


def test_only_the_retailer_whose_subscription_changed_changes(retailers, sold, fake_stripe):
    acorn, birch = (sold(retailer) for retailer in retailers)
    catch_up(fake_stripe)
    assert (acorn.state(), birch.state()) == ("active", "active")
    fake_stripe.set_subscription(acorn.subscription, status="past_due")
    catch_up(fake_stripe)
    assert (acorn.state(), birch.state()) == ("past_due", "active")


def test_a_change_is_in_the_audit_once(
    retailers, sold, fake_stripe, caplog, django_capture_on_commit_callbacks
):
    acorn, birch = (sold(retailer) for retailer in retailers)
    catch_up(fake_stripe)
    Subscription.objects.filter(id=acorn.subscription).update(stripe_data={"status": "unpaid"})
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    caplog.set_level(logging.INFO, "customerinfo.audit")
    with django_capture_on_commit_callbacks(execute=True):
        assert state.refresh(acorn.retailer, why="a test") is True
        assert state.refresh(acorn.retailer, why="a test") is False
        assert state.refresh(birch.retailer, why="a test") is False
    (entry,) = AuditEntry.objects.exclude(pk__in=before)
    assert (entry.retailer, entry.before, entry.after) == (acorn.retailer, "Active", "Suspended")
    assert (entry.by, entry.why) == ("Stripe", "a test")
    lines = [each.getMessage() for each in caplog.records if each.name == "customerinfo.audit"]
    assert lines == ["Retailer r_acorn: billing, Active → Suspended"]
    assert acorn.retailer.state == "suspended"


def test_the_template_has_no_bill(retailers):
    template = Retailer.objects.get(state=State.TEMPLATE)
    with pytest.raises(lifecycle.NotNow):
        state.refresh(template, why="a test")
    assert Retailer.objects.get(pk=template.pk).state == State.TEMPLATE


def test_an_ended_trial_without_a_subscription_suspends(retailers, billing_settings):
    acorn, birch = retailers
    Retailer.objects.filter(pk=acorn.pk).update(created_at=NOW - timedelta(days=400))
    assert [state.refresh(each, why="a test") for each in retailers] == [True, False]
    assert [each.state for each in retailers] == ["suspended", "trial"]


def test_a_test_subscription_says_nothing_beside_a_live_key(
    retailers, sold, fake_stripe, billing_settings
):
    acorn, birch = (sold(retailer) for retailer in retailers)
    catch_up(fake_stripe)
    billing_settings.STRIPE_SECRET_KEY = LIVE_KEY
    state.refresh(acorn.retailer, why="a test")
    assert (acorn.state(), birch.state()) == ("trial", "active")
