"""One table says what may be done to a retailer, one function writes it, nothing is forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given, strategies as st

from tenants import lifecycle
from tenants.lifecycle import ACTIONS, BILLED, Hold, NotNow, State, act, bill, state_of
from tenants.models import AuditEntry, Retailer

WHO = "operator@customerinfo.test"


def do(retailer, action):
    act(retailer, action, why="because", by=WHO)


def known(retailer) -> tuple[str, str]:
    row = Retailer.objects.get(pk=retailer.pk)
    assert (retailer.state, retailer.hold) == (row.state, row.hold)
    return row.state, row.hold


@given(st.sampled_from(sorted(BILLED)), st.sampled_from(sorted(Hold)))
def test_the_worse_of_bill_and_hold_counts(billed, hold):
    order = [State.TRIAL, State.ACTIVE, State.PAST_DUE, State.SUSPENDED, State.CLOSED]
    found = state_of(billed, hold)
    assert order.index(found) >= order.index(billed)
    assert not hold or order.index(found) >= order.index(hold)
    assert found in (billed, hold)


# For each state, made by a bill or by a person: what a person may do.
MAY = {
    ("trial", ""): {"suspend", "close"},
    ("active", ""): {"suspend", "close"},
    ("past_due", ""): {"suspend", "close"},
    ("suspended", ""): {"close"},
    ("suspended", "suspended"): {"resume", "close"},
    ("closed", ""): set(),  # whoever left by not paying comes back by paying
    ("closed", "closed"): {"reopen"},
}


@pytest.mark.parametrize(("state", "hold"), MAY)
def test_the_table_of_what_may_be_done(retailers, state, hold):
    acorn, birch = retailers
    for action in ACTIONS:
        Retailer.objects.filter(pk=acorn.pk).update(
            state=state, hold=hold, billed_state="active" if hold else state
        )
        acorn.refresh_from_db()
        entries = acorn.audit_entries.count()
        assert lifecycle.may(acorn, action) == (action in MAY[state, hold])
        if action in MAY[state, hold]:
            do(acorn, action)
            assert acorn.audit_entries.count() == entries + 1
        else:
            with pytest.raises(NotNow):
                do(acorn, action)
            assert known(acorn) == (state, hold)
            assert acorn.audit_entries.count() == entries
    assert known(birch) == ("trial", "")


def test_a_payment_does_not_undo_what_a_person_decided(retailers):
    acorn, birch = retailers
    do(acorn, "suspend")
    assert bill(acorn, State.ACTIVE, "invoice paid") is False
    assert known(acorn) == ("suspended", "suspended")
    do(acorn, "resume")
    assert known(acorn) == ("active", "")
    assert known(birch) == ("trial", "")


def test_lifting_a_hold_forgives_no_bill(retailers):
    acorn, _ = retailers
    do(acorn, "suspend")
    bill(acorn, State.SUSPENDED, "trial ended")
    do(acorn, "resume")
    assert known(acorn) == ("suspended", "")
    assert bill(acorn, State.ACTIVE, "subscribed") is True
    assert known(acorn) == ("active", "")


def test_closing_sets_a_day_and_reopening_takes_it_away(retailers, settings):
    acorn, birch = retailers
    settings.CLOSED_DAYS = 30
    do(acorn, "close")
    assert timedelta(days=29) < acorn.delete_at - timezone.now() <= timedelta(days=30)
    assert not acorn.may_edit and not acorn.is_collecting
    do(acorn, "reopen")
    assert acorn.delete_at is None and acorn.may_edit and acorn.is_collecting
    bill(birch, State.CLOSED, "cancelled")
    assert birch.delete_at
    bill(birch, State.ACTIVE, "subscribed again")
    assert birch.delete_at is None


def test_the_delay_can_be_cut_short_only_for_who_is_closed(retailers):
    acorn, birch = retailers
    do(acorn, "close")
    lifecycle.delete_soon(acorn, why="asked for it", by=WHO)
    assert acorn.delete_at <= timezone.now()
    with pytest.raises(NotNow):
        lifecycle.delete_soon(birch, why="a mistake", by=WHO)
    assert Retailer.objects.get(pk=birch.pk).delete_at is None


def test_a_suspended_retailer_collects_until_its_days_of_grace_are_over(retailers, settings):
    acorn, birch = retailers
    settings.SUSPENSION_GRACE_DAYS = 14
    bill(acorn, State.SUSPENDED, "trial ended")
    assert acorn.is_collecting and not acorn.may_edit
    acorn.state_since = timezone.now() - timedelta(days=14)
    assert not acorn.is_collecting
    assert birch.is_collecting and birch.may_edit


def test_every_change_is_in_the_audit_with_who_and_why(retailers):
    acorn, birch = retailers
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    do(acorn, "suspend")
    bill(birch, State.ACTIVE, "subscribed")
    bill(birch, State.ACTIVE, "subscribed")
    told = AuditEntry.objects.exclude(pk__in=before).order_by("pk")
    assert list(told.values_list("retailer", "action", "before", "after", "why", "by")) == [
        (acorn.pk, "suspend", "Trial", "Suspended", "because", WHO),
        (birch.pk, "billing", "Trial", "Active", "subscribed", "Stripe"),
    ]


def test_others_are_told_in_the_same_transaction(retailers):
    acorn, birch = retailers
    told = []

    def listen(sender, retailer, before, why, **kwargs):
        told.append((retailer.slug, before, retailer.state, why))

    lifecycle.state_changed.connect(listen)
    try:
        bill(acorn, State.ACTIVE, "subscribed")
        bill(acorn, State.ACTIVE, "subscribed")
        do(birch, "close")
    finally:
        lifecycle.state_changed.disconnect(listen)
    assert told == [
        ("acorn", "trial", "active", "subscribed"),
        ("birch", "trial", "closed", "because"),
    ]


def test_nobody_is_billed_as_what_is_no_bill(retailers):
    with pytest.raises(ValueError):
        bill(retailers[0], State.TEMPLATE, "nonsense")
