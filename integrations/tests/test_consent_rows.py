"""Where a consent leads: only what was given leads anywhere, and nothing is ever taken back."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from integrations.consent_rows import (
    LEGAL_BASES,
    ConsentRow,
    consents_from_json,
    consents_to_json,
    given_targets,
)
from integrations.mapping import MappingError, combine, map_signup
from integrations.tests.test_mapping import WHEN, consent, signup

NEWS = ConsentRow("purpose:marketing", "list-1", "CONSENT_WITH_NOTICE", True)


def targets(*consents, rows=(NEWS,)):
    return map_signup(signup(consents=consents), [], (), rows).consent_targets


def test_a_consent_that_was_given_leads_to_its_list_with_its_evidence():
    (choice,) = targets(consent(True))
    assert (choice.target, choice.wording, choice.recorded_at) == ("list-1", "News, please", WHEN)
    assert (choice.legal_basis, choice.double_opt_in) == ("CONSENT_WITH_NOTICE", True)


def test_a_consent_that_was_not_given_leads_nowhere():
    assert targets(consent(False)) == ()
    assert targets() == ()
    assert targets(consent(True, purpose="terms")) == ()


def test_of_two_boxes_for_one_purpose_both_must_be_ticked():
    assert targets(consent(True), consent(False)) == ()
    (choice,) = targets(consent(True), consent(True, wording="SMS"))
    assert choice.wording == "News, please\nSMS"


def test_one_box_can_be_meant_by_its_key_whatever_the_other_says():
    ticked, other = consent(True), replace(consent(False), key="other")
    rows = [ConsentRow("c", "list-1"), ConsentRow("other", "list-2")]
    assert [one.target for one in targets(ticked, other, rows=rows)] == ["list-1"]


def test_each_list_is_named_once():
    rows = [ConsentRow("c", "list-1"), NEWS, ConsentRow("c", "list-2")]
    assert [one.target for one in targets(consent(True), rows=rows)] == ["list-1", "list-2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=6))
def test_no_list_is_ever_reached_without_a_tick(boxes):
    consents = [replace(consent(given_), key=key, purpose=key) for key, given_ in boxes]
    rows = [ConsentRow(key, f"list-{key}") for key in "abc"]
    rows += [ConsentRow(f"purpose:{key}", f"all-{key}") for key in "abc"]
    for choice in given_targets(consents, rows):
        key = choice.target[-1]
        assert all(given_ for name, given_ in boxes if name == key)
        assert any(name == key for name, _ in boxes)


def test_of_several_sign_ups_of_one_person_every_consent_counts_once():
    def record(ref, *rows, given_=True):
        data = signup(consents=[consent(given_)], id=ref)
        return map_signup(data, [], (), rows)

    first, second = record("s-1", NEWS), record("s-2", NEWS, given_=False)
    assert combine([first, second]).consent_targets == first.consent_targets
    again = record("s-3", replace(NEWS, double_opt_in=False), ConsentRow("c", "list-2"))
    both = combine([first, again]).consent_targets
    assert [(one.target, one.double_opt_in) for one in both] == [
        ("list-1", False),
        ("list-2", False),
    ]


def test_rows_survive_storage():
    rows = (NEWS, ConsentRow("c-1", "list-2", "NON_GDPR"))
    assert consents_from_json(consents_to_json(rows)) == rows
    assert consents_from_json([{"consent": "c", "target": "t"}]) == (ConsentRow("c", "t"),)
    assert list(LEGAL_BASES)[0] == ConsentRow("c", "t").legal_basis


@pytest.mark.parametrize(
    "stored",
    [
        {},
        ["x"],
        [{"consent": "c"}],
        [{"consent": "c", "target": "t", "given": True}],
        [{"consent": "", "target": "t"}],
        [{"consent": "c", "target": 5}],
        [{"consent": "c", "target": "t", "legal_basis": "because"}],
        [{"consent": "c", "target": "t", "double_opt_in": "yes"}],
        [{"consent": "c", "target": "t"}, {"consent": "c", "target": "t"}],
    ],
)
def test_what_is_no_consent_row_is_refused(stored):
    with pytest.raises(MappingError):
        consents_from_json(stored)
