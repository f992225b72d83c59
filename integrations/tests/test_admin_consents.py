"""The panel of consents: each box leads where the retailer says, and nowhere by itself."""

import pytest
from django.apps import apps
from django_tenants.utils import tenant_context

from integrations.connectors.base import ConsentTarget, TryLater
from integrations.connectors.sandbox import SandboxConnector
from integrations.models import Connection
from integrations.tests.conftest import sign_up, words_of
from integrations.tests.forms import row_of, sent

LISTS = [
    ConsentTarget("l-1", "Newsletter", "choose"),
    ConsentTarget("l-2", "Club", "list"),
    ConsentTarget("l-3", "Offers", "never"),
]


@pytest.fixture
def lists(monkeypatch):
    """What the CRM offers; the test may change it."""
    offered = list(LISTS)
    monkeypatch.setattr(SandboxConnector, "consent_targets", lambda self: list(offered))
    return offered


@pytest.fixture
def ours(retailers, visitor, connect):
    return [(retailer, connect(retailer, "Ours"), visitor(retailer)) for retailer in retailers]


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk).consents


def change(retailer, pk, **values):
    with tenant_context(retailer):
        Connection.objects.filter(pk=pk).update(**values)


def chosen(page, consent="purpose:marketing", **values):
    data = sent(page)
    prefix = row_of(data, consent, "consent", "consent")
    return {**data, **{f"{prefix}-{name}": value for name, value in values.items()}}


def test_a_crm_without_lists_has_no_panel(ours):
    for retailer, pk, owner in ours:
        assert "Where consent leads" not in owner.read(f"{pk}/mapping/")
        change(retailer, pk, consents=[{"consent": "c", "target": "t"}])
        owner.post(f"{pk}/mapping/", sent(owner.get(f"{pk}/mapping/")))
        assert stored(retailer, pk)[0]["target"] == "t", "what is stored stays"


def test_a_box_is_shown_with_its_words_and_leads_where_it_is_told(ours, lists):
    for retailer, pk, owner in ours:
        page = owner.get(f"{pk}/mapping/")
        words = words_of(page)
        assert "Consent to marketing" in words and "Newsletter" in words
        with tenant_context(retailer):
            version = apps.get_model("forms_app", "FormVersion").objects.latest("number")
        (wording,) = [f["label"] for f in version.fields if f["kind"] == "consent"]
        assert wording[:60] in words
        data = chosen(page, target="l-1", legal_basis="NON_GDPR", double_opt_in="on")
        owner.post(f"{pk}/mapping/", data)
        assert stored(retailer, pk) == [
            {
                "consent": "purpose:marketing",
                "target": "l-1",
                "legal_basis": "NON_GDPR",
                "double_opt_in": True,
            }
        ]
        again = owner.get(f"{pk}/mapping/")
        owner.post(f"{pk}/mapping/", sent(again))
        assert stored(retailer, pk)[0]["double_opt_in"] is True


def test_nothing_leads_anywhere_unless_it_is_told(ours, lists):
    for retailer, pk, owner in ours:
        owner.post(f"{pk}/mapping/", sent(owner.get(f"{pk}/mapping/")))
        assert stored(retailer, pk) == []


@pytest.mark.parametrize("target", ["l-2", "l-3"])
def test_double_opt_in_is_ours_to_choose_only_where_the_crm_lets_us(ours, lists, target):
    for retailer, pk, owner in ours:
        data = chosen(owner.get(f"{pk}/mapping/"), target=target, double_opt_in="on")
        owner.post(f"{pk}/mapping/", data)
        assert stored(retailer, pk)[0]["double_opt_in"] is False


def test_it_is_said_where_the_list_decides_about_confirmation(ours, lists):
    lists[:] = LISTS[1:]
    for retailer, pk, owner in ours:
        words = owner.read(f"{pk}/mapping/")
        assert "is set in the list itself" in words and "double opt-in" not in words


def test_one_box_can_lead_to_two_lists(ours, lists):
    for retailer, pk, owner in ours:
        page = owner.get(f"{pk}/mapping/")
        data = {**chosen(page, target="l-1"), "action": "add_list:purpose:marketing"}
        page = owner.post(f"{pk}/mapping/", data)
        data = sent(page)
        number = int(data["consent-TOTAL_FORMS"]) - 1
        data[f"consent-{number}-target"] = "l-2"
        owner.post(f"{pk}/mapping/", data)
        assert [one["target"] for one in stored(retailer, pk)] == ["l-1", "l-2"]
        data = sent(owner.get(f"{pk}/mapping/"))
        data[f"{row_of(data, 'l-2', 'consent', 'target')}-target"] = "l-1"
        answer = owner.post(f"{pk}/mapping/", data)
        assert "the same box leads to the same list twice" in words_of(answer)


def test_several_boxes_of_one_purpose_can_be_told_apart(ours, lists):
    for retailer, pk, owner in ours:
        with tenant_context(retailer):
            version = apps.get_model("forms_app", "FormVersion").objects.latest("number")
            (box,) = [f for f in version.fields if f["kind"] == "consent"]
            other = {**box, "key": "other-box", "label": "Yes, by SMS too."}
            version.schema = {**version.schema, "fields": [*version.fields, other]}
            apps.get_model("forms_app", "FormVersion").objects.filter(pk=version.pk).update(
                schema=version.schema
            )
        page = owner.get(f"{pk}/mapping/")
        words = words_of(page)
        assert "every box of a page ticked" in words and "Yes, by SMS too." in words
        owner.post(f"{pk}/mapping/", chosen(page, "other-box", target="l-3"))
        assert [one["consent"] for one in stored(retailer, pk)] == ["other-box"]


def test_a_box_of_a_page_that_is_not_live_is_not_offered_and_what_is_stored_stays(ours, lists):
    for retailer, pk, owner in ours:
        change(retailer, pk, consents=[{"consent": "purpose:marketing", "target": "l-1"}])
        with tenant_context(retailer):
            apps.get_model("forms_app", "SignupPage").objects.update(live=False)
        page = owner.get(f"{pk}/mapping/")
        assert "A consent that no live page asks for" in words_of(page)
        owner.post(f"{pk}/mapping/", sent(page))
        assert stored(retailer, pk)[0]["target"] == "l-1"


def test_a_list_that_is_gone_is_said_and_kept(ours, lists):
    for retailer, pk, owner in ours:
        gone = {"consent": "purpose:marketing", "target": "l-9", "double_opt_in": True}
        change(retailer, pk, consents=[gone])
        page = owner.get(f"{pk}/mapping/")
        assert "This list is no longer in the CRM" in words_of(page)
        owner.post(f"{pk}/mapping/", sent(page))
        kept = stored(retailer, pk)[0]
        assert (kept["target"], kept["double_opt_in"]) == ("l-9", True)


@pytest.mark.parametrize("values", [{"target": "l-9"}, {"target": "l-1", "legal_basis": "because"}])
def test_what_the_panel_never_offered_is_refused(ours, lists, values):
    for retailer, pk, owner in ours:
        answer = owner.post(f"{pk}/mapping/", chosen(owner.get(f"{pk}/mapping/"), **values))
        assert "Not saved yet" in answer.text and stored(retailer, pk) == []


def test_lists_that_cant_be_read_are_no_reason_to_lose_what_was_chosen(ours, monkeypatch):
    def down(self):
        raise TryLater("timeout", "The other side took too long to answer.")

    monkeypatch.setattr(SandboxConnector, "consent_targets", down)
    for retailer, pk, owner in ours:
        change(retailer, pk, consents=[{"consent": "purpose:marketing", "target": "l-1"}])
        page = owner.get(f"{pk}/mapping/")
        assert "The CRM's lists can't be read right now." in words_of(page)
        owner.post(f"{pk}/mapping/", sent(page))
        assert stored(retailer, pk)[0]["target"] == "l-1"


def test_the_lists_are_asked_once_and_again_when_that_is_wanted(ours, lists):
    for retailer, pk, owner in ours:
        assert "Newsletter" in owner.read(f"{pk}/mapping/")
        lists[0] = ConsentTarget("l-1", "Letter")
        page = owner.get(f"{pk}/mapping/")
        assert "Newsletter" in words_of(page)
        page = owner.post(f"{pk}/mapping/", sent(page, "read"))
        assert "Letter" in words_of(page) and "Newsletter" not in words_of(page)
        lists[0] = LISTS[0]


def test_the_dry_run_says_where_consent_leads(ours, lists):
    for retailer, pk, owner in ours:
        rows = [{"consent": "purpose:marketing", "target": "l-1", "double_opt_in": True}]
        change(retailer, pk, consents=rows)
        words = owner.read(f"{pk}/mapping/").partition("What the CRM would get")[2]
        assert "Newsletter: consent, once confirmed by e-mail" in words
        sign_up(retailer, "ann@example.com")  # without a consent
        words = owner.read(f"{pk}/mapping/").partition("What the CRM would get")[2]
        assert "No list or subscription: no consent was given that leads to one." in words


def test_a_test_says_where_its_consent_leads(ours, lists, monkeypatch):
    for retailer, pk, owner in ours:
        change(retailer, pk, consents=[{"consent": "purpose:marketing", "target": "l-2"}])
        owner.post(f"{pk}/test/", {"action": "send"})
        assert "Its consent leads to: Club." in owner.read(f"{pk}/test/")


def test_the_delivery_takes_along_where_the_consents_lead(ours, monkeypatch):
    from integrations.connectors.base import Delivered
    from integrations.delivery import drain
    from integrations.tasks import http

    for retailer, pk, owner in ours:
        seen = []

        def upsert(self, records, seen=seen):
            seen += records
            return {record.ref: Delivered("1") for record in records}

        with monkeypatch.context() as patch:
            patch.setattr(SandboxConnector, "upsert", upsert)
            change(retailer, pk, consents=[{"consent": "purpose:marketing", "target": "l-1"}])
            signup = sign_up(retailer, "ann@example.com")
            with tenant_context(retailer):
                apps.get_model("forms_app", "Consent").objects.create(
                    signup=signup,
                    key="c",
                    purpose="marketing",
                    wording="Yes",
                    language="en",
                    given=True,
                    recorded_at=signup.submitted_at,
                )
                drain(pk, http())
        assert [choice.target for record in seen for choice in record.consent_targets] == ["l-1"]
