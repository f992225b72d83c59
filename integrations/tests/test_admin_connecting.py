"""Connecting a CRM: it is saved when it works, says who it reached, and keeps its key to itself."""

import pytest
from django.test import override_settings
from django_tenants.utils import tenant_context
from wagtail.models import ModelLogEntry

from integrations.admin import kinds
from integrations.admin.probe import explain, redacted
from integrations.connectors.base import CredentialsRefused, TryLater
from integrations.connectors.webhook import new_secret
from integrations.delivery import drain
from integrations.mapping import rows_from_json, unmapped_required
from integrations.models import Connection, Delivery
from integrations.tasks import http
from integrations.tests.conftest import sign_up, words_of
from integrations.tests.hostile import Hostile


@pytest.fixture
def hostile():
    with Hostile() as server:
        yield server


def form(account, **changes):
    data = {"name": "Ours", "config_base_url": account.address, "config_api_key": account.key}
    return {**data, **changes}


def only(retailer):
    with tenant_context(retailer):
        return Connection.objects.get()


def count(retailer):
    with tenant_context(retailer):
        return Connection.objects.count()


def test_the_kinds_are_offered_with_a_sentence_each(retailers, visitor):
    for retailer in retailers:
        words = visitor(retailer).read("connect/")
        for kind in kinds.offered():
            assert kind.label in words and kind.summary in words


def test_the_demos_crm_is_offered_in_the_demo_only(retailers, visitor):
    for retailer in retailers:
        owner = visitor(retailer)
        assert "Sandbox CRM" in owner.read("connect/")
        with override_settings(DEMO=False):
            assert "Sandbox CRM" not in owner.read("connect/")
            assert owner.get("connect/sandbox/").status_code == 404


def test_a_kind_that_does_not_exist_is_not_found(retailers, visitor):
    for retailer in retailers:
        assert visitor(retailer).get("connect/fax/").status_code == 404


def test_connecting_says_who_it_reached_and_fills_in_the_mapping(retailers, visitor, crm):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        answer = owner.post("connect/sandbox/", form(account), follow=True)
        words = words_of(answer)
        assert f"Connected to {account.name}" in answer.text
        assert "What goes into Ours" in words
        connection = only(retailer)
        assert connection.config == {"base_url": account.address}
        assert connection.secrets == {"api_key": account.key}
        assert {attribute.name for attribute in connection.described} >= {"email", "birthday"}
        rows = rows_from_json(connection.mapping)
        with tenant_context(retailer):
            assert ModelLogEntry.objects.get(label="Ours").action == "wagtail.create"
        assert ("meaning:email", "email") in {(row.source, row.attribute) for row in rows}
        assert unmapped_required(rows, connection.described) == []


def test_an_address_without_https_gets_it(retailers, visitor, crm):
    for retailer in retailers:
        bare = crm().address.removeprefix("http://")
        answer = visitor(retailer).post("connect/sandbox/", form(crm(), config_base_url=bare))
        assert "We can't reach a CRM there. No secure connection" in words_of(answer)


def test_a_refused_key_is_told_at_the_key_and_nothing_is_saved(retailers, visitor, crm):
    for retailer in retailers:
        data = form(crm(), config_api_key="a-wrong-key")
        answer = visitor(retailer).post("connect/sandbox/", data)
        errors = answer.context["form"].errors
        assert list(errors) == ["config_api_key"]
        assert errors["config_api_key"][0].startswith("The CRM refused us.")
        assert "Not saved yet" in answer.text and "a-wrong-key" not in answer.text
        assert count(retailer) == 0


def test_an_unreachable_address_is_told_at_the_address(retailers, visitor, crm):
    for retailer in retailers:
        data = form(crm(), config_base_url="http://127.0.0.1:9")
        answer = visitor(retailer).post("connect/sandbox/", data)
        (message,) = answer.context["form"].errors["config_base_url"]
        assert message == ("We can't reach a CRM there. The server doesn't accept connections.")
        assert count(retailer) == 0


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://a b", "https://u:p@x.test"])
def test_what_is_no_address_is_told_at_the_address(retailers, visitor, crm, address):
    for retailer in retailers:
        data = form(crm(), config_base_url=address)
        answer = visitor(retailer).post("connect/sandbox/", data)
        assert list(answer.context["form"].errors) == ["config_base_url"]
        assert count(retailer) == 0


def test_a_crm_that_is_busy_is_told_above_the_form(retailers, visitor, hostile):
    for retailer in retailers:
        hostile.answers(429, {"error": {"name": "rate_limited", "message": "Too many calls."}})
        data = {"name": "x", "config_base_url": hostile.url(), "config_api_key": "some-key"}
        answer = visitor(retailer).post("connect/sandbox/", data)
        assert "The CRM can't be asked right now. Too many calls. Please try" in words_of(answer)
        assert count(retailer) == 0


def test_what_is_missing_is_said_before_the_crm_is_asked(retailers, visitor, hostile):
    for retailer in retailers:
        data = {"name": "", "config_base_url": hostile.url(), "config_api_key": ""}
        answer = visitor(retailer).post("connect/sandbox/", data)
        assert set(answer.context["form"].errors) == {"name", "config_api_key"}
    assert hostile.seen == []


def test_a_crm_that_repeats_the_key_does_not_get_it_into_our_pages(retailers, visitor, hostile):
    for retailer in retailers:
        said = {"error": {"name": "invalid_api_key", "message": "Key my-own-key is unknown."}}
        hostile.answers(401, said)
        data = {"name": "x", "config_base_url": hostile.url(), "config_api_key": "my-own-key"}
        answer = visitor(retailer).post("connect/sandbox/", data)
        assert "Key ••• is unknown." in words_of(answer) and "my-own-key" not in answer.text


def test_no_page_ever_shows_a_stored_key(retailers, visitor, crm):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        owner.post("connect/sandbox/", form(account))
        pk = only(retailer).pk
        with tenant_context(retailer):
            reason = f"The key {account.key} was withdrawn."
            Connection.objects.update(state="paused", state_reason=reason)
        for page in ("", f"{pk}/", f"{pk}/mapping/", f"{pk}/change/", f"{pk}/switch-off/"):
            answer = owner.get(page)
            assert answer.status_code == 200 and account.key not in answer.text
        assert "The key ••• was withdrawn." in owner.read()
        assert "The key ••• was withdrawn." in owner.read(f"{pk}/")
        for data in (form(account, name=""), form(account, config_base_url="http://127.0.0.1:9")):
            assert account.key not in owner.post(f"{pk}/change/", data).text


def test_a_blank_key_keeps_the_stored_one(retailers, visitor, crm):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        owner.post("connect/sandbox/", form(account))
        pk = only(retailer).pk
        data = form(account, name="Renamed", config_api_key="")
        answer = owner.post(f"{pk}/change/", data, follow=True)
        assert f"Saved. Connected to {account.name}" in answer.text
        connection = only(retailer)
        assert (connection.name, connection.secrets) == ("Renamed", {"api_key": account.key})


def test_a_stored_key_is_not_sent_to_another_address(retailers, visitor, crm, hostile):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        owner.post("connect/sandbox/", form(account))
        data = form(account, config_base_url=hostile.url(), config_api_key="")
        answer = owner.post(f"{only(retailer).pk}/change/", data)
        (message,) = answer.context["form"].errors["config_api_key"]
        assert message == "The address leads somewhere else now: please enter this again."
        assert only(retailer).config == {"base_url": account.address}
    assert hostile.seen == []


def test_a_change_that_does_not_work_is_not_saved(retailers, visitor, crm):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        owner.post("connect/sandbox/", form(account))
        before = only(retailer)
        owner.post(f"{before.pk}/change/", form(account, config_api_key="wrong-key", name="New"))
        after = only(retailer)
        assert (after.name, after.secrets) == (before.name, before.secrets)


def test_a_change_keeps_the_mapping(retailers, visitor, crm):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        owner.post("connect/sandbox/", form(account))
        mapping = [{"source": "meaning:email", "attribute": "email", "mode": "overwrite"}]
        with tenant_context(retailer):
            Connection.objects.update(mapping=mapping)
        owner.post(f"{only(retailer).pk}/change/", form(account))
        assert only(retailer).mapping == mapping


def test_new_credentials_let_a_refused_connection_go_on(retailers, visitor, crm, rung):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        owner.post("connect/sandbox/", form(account))
        pk = only(retailer).pk
        sign_up(retailer)
        with tenant_context(retailer):
            Connection.objects.update(secrets={"api_key": "withdrawn-key"})
            drain(pk, http())
        refused = only(retailer)
        assert refused.state == "paused"
        assert "The CRM stopped us:" in owner.read(f"{pk}/")
        rung()
        owner.post(f"{pk}/change/", form(account))
        assert (only(retailer).state, only(retailer).state_reason) == ("active", "")
        assert rung() == [(retailer.schema_name, pk)]
        with tenant_context(retailer):
            drain(pk, http())
            assert Delivery.objects.get().state == "delivered"


def test_new_credentials_leave_a_pause_by_hand_alone(retailers, visitor, crm, rung):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        owner.post("connect/sandbox/", form(account))
        pk = only(retailer).pk
        owner.post(f"{pk}/pause/")
        rung()
        owner.post(f"{pk}/change/", form(account))
        assert only(retailer).state == "paused" and rung() == []


def test_a_webhook_gets_a_secret_that_is_seen_once(retailers, visitor, hostile):
    for retailer in retailers:
        hostile.answers(204, b"")
        owner = visitor(retailer)
        page = owner.get("connect/webhook/")
        secret = page.context["form"]["config_secret"].value()
        assert secret.startswith("whsec_") and secret in page.text
        data = {"name": "Ours", "config_url": hostile.url(), "config_secret": secret}
        answer = owner.post("connect/webhook/", data, follow=True)
        assert "Connected to 127.0.0.1 (Answered with status 204)." in answer.text
        connection = only(retailer)
        assert connection.secrets == {"secret": secret}
        for path in ("", f"{connection.pk}/", f"{connection.pk}/change/"):
            assert secret not in owner.get(path).text


def test_two_webhooks_never_get_the_same_secret(retailers, visitor):
    secrets = {
        visitor(retailer).get("connect/webhook/").context["form"]["config_secret"].value()
        for retailer in retailers
        for _ in range(2)
    }
    assert len(secrets) == 4 and len(new_secret()) == len(secrets.pop())


# words


def test_an_error_without_words_is_told_by_its_name():
    assert explain(TryLater("odd", ""), {})[1].startswith(
        "The CRM can't be asked right now. It said “odd”."
    )
    assert explain(CredentialsRefused("blocked", "No."), {})[0] == "url"


def test_a_secret_too_short_to_be_one_hides_no_words():
    assert redacted("a banana", {"key": "a", "none": ""}) == "a banana"
