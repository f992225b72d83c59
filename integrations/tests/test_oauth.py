"""Connecting by the CRM's own page: over three hosts, and nobody else gets in on the way."""

import base64
import dataclasses
import hashlib
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as project
from django.test import Client, override_settings
from django_tenants.utils import tenant_context

from integrations import checks, oauth, tokens
from integrations.admin import kinds, oauth_views
from integrations.connectors import CONNECTORS
from integrations.connectors.base import ConfigField, ConnectorError, CredentialsRefused, OAuth
from integrations.connectors.sandbox import SandboxConnector
from integrations.http import Http
from integrations.models import Connection, RemoteLink
from integrations.tests.conftest import words_of
from integrations.tests.hostile import Hostile

CLIENT = {"consenting": ("our-id", "our-secret")}


class ConsentingConnector(SandboxConnector):
    """The sandbox with a consent page. Its key, or the token that takes its place, is the same."""

    kind = "consenting"
    label = "Consenting"
    demo_only = False
    config_fields = (
        ConfigField("account", "Account"),
        ConfigField("base_url", "Address", "url"),
        ConfigField("api_key", "API key", "secret"),
    )
    oauth = OAuth("https://{account}.vendor.test/authorize", "", ("contacts", "lists"))

    def __init__(self, config, http):
        key = config.get("api_key") or config.get("access_token", "")
        super().__init__({**config, "api_key": key}, http)


class ManyFieldsConnector(ConsentingConnector):
    kind = "many_fields"
    label = "Many fields"
    oauth = None
    config_fields = (
        *ConsentingConnector.config_fields[1:],
        ConfigField("region", "Region", "choice", choices=(("eu", "Europe"), ("us", "America"))),
        ConfigField("rules", "Rules", "json", required=False, suggest="{}"),
    )


class NoKeyConnector(ConsentingConnector):
    kind = "no_key"
    label = "No key"
    config_fields = ConsentingConnector.config_fields[:2]


@pytest.fixture
def vendor(monkeypatch):
    """The vendor's token address; what it answers is set by its `answers`."""
    here = "integrations.tests.test_oauth."
    monkeypatch.setitem(CONNECTORS, "consenting", f"{here}ConsentingConnector")
    monkeypatch.setitem(CONNECTORS, "no_key", f"{here}NoKeyConnector")
    monkeypatch.setitem(CONNECTORS, "many_fields", f"{here}ManyFieldsConnector")
    with Hostile() as server, override_settings(OAUTH_CLIENTS=CLIENT):
        page = "https://{account}.vendor.test/authorize"
        way = OAuth(page, server.url("/token"), ("contacts", "lists"))
        monkeypatch.setattr(ConsentingConnector, "oauth", way)
        yield server


def gives(vendor, key, **more):
    vendor.answers(200, {"access_token": key, "refresh_token": "r-1", "expires_in": 1800, **more})


def start(owner, account, path="connect/consenting/oauth/", **changes):
    """To the vendor's page; the address it was sent to."""
    data = {"name": "Ours", "config_account": "shop-1", "config_base_url": account.address}
    answer = owner.post(path, {**data, **changes})
    return answer.url


def state_of(address):
    return parse_qs(urlsplit(address).query)["state"][0]


def back(state, **query):
    """The vendor sends the browser to the operator's host; where it goes on to."""
    query = {"state": state, **({} if "error" in query else {"code": "the-code"}), **query}
    return Client(headers={"host": project.OPERATOR_HOST}).get(oauth.CALLBACK, query)


def finish(owner, address, **options):
    parts = urlsplit(address)
    return owner.client.get(f"{parts.path}?{parts.query}", **options)


def change_pending(owner, **values):
    with tenant_context(owner.retailer):
        session = owner.client.session
        session[oauth_views.PENDING] = {**session[oauth_views.PENDING], **values}
        session.save()


def connections(retailer):
    with tenant_context(retailer):
        return list(Connection.objects.all())


# the whole way


def test_the_way_over_three_hosts_ends_with_a_connection_and_its_mapping(
    retailers, visitor, crm, vendor
):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        address = start(owner, account)
        query = parse_qs(urlsplit(address).query)
        assert address.startswith("https://shop-1.vendor.test/authorize?")
        assert query["client_id"] == ["our-id"] and query["scope"] == ["contacts lists"]
        assert query["redirect_uri"] == [oauth.callback_url()]
        assert project.OPERATOR_HOST in oauth.callback_url()
        onward = back(state_of(address))
        assert onward["Location"].startswith(f"{retailer.url}/admin/crm/oauth/finish/?ticket=")
        assert "the-code" not in onward["Location"]
        gives(vendor, account.key)
        answer = finish(owner, onward["Location"], follow=True)
        assert f"Connected to {account.name}" in answer.text
        assert "What goes into Ours" in words_of(answer)
        (connection,) = connections(retailer)
        assert connection.secrets["access_token"] == account.key
        assert connection.secrets["refresh_token"] == "r-1"
        assert connection.config == {"account": "shop-1", "base_url": account.address}
        assert connection.account_name == account.name and connection.mapping
        asked = parse_qs(vendor.seen[-1].body.decode())
        assert asked["code"] == ["the-code"] and asked["client_secret"] == ["our-secret"]


def test_the_page_offers_both_ways_and_no_page_shows_our_secret(retailers, visitor, vendor):
    for retailer in retailers:
        page = visitor(retailer).get("connect/consenting/")
        words = words_of(page)
        assert "Connect with Consenting" in words and "Or with a key" in words
        assert "our-secret" not in page.text
        with override_settings(OAUTH_CLIENTS={}):
            words = words_of(visitor(retailer).get("connect/consenting/"))
        assert "Connect with Consenting" not in words and "API key" in words


def test_a_connection_whose_permission_ran_out_is_let_in_again(retailers, visitor, crm, vendor):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        gives(vendor, account.key)
        finish(owner, back(state_of(start(owner, account)))["Location"])
        (connection,) = connections(retailer)
        with tenant_context(retailer):
            Connection.objects.update(state="paused", paused_by="invalid_grant", secrets={})
        gives(vendor, account.key, refresh_token="r-2")
        assert "Connect again with Consenting" in owner.read(f"{connection.pk}/change/")
        address = start(owner, account, f"{connection.pk}/oauth/")
        answer = finish(owner, back(state_of(address))["Location"], follow=True)
        assert "Saved. Connected to" in answer.text
        (again,) = connections(retailer)
        assert (again.pk, again.state) == (connection.pk, "active")
        assert again.secrets["refresh_token"] == "r-2" and again.mapping == connection.mapping


def test_a_change_of_name_keeps_the_tokens_and_a_typed_key_takes_their_place(
    retailers, visitor, crm, vendor
):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        gives(vendor, account.key)
        finish(owner, back(state_of(start(owner, account)))["Location"])
        (connection,) = connections(retailer)
        data = {"name": "New", "config_account": "shop-1", "config_base_url": account.address}
        owner.post(f"{connection.pk}/change/", data)
        (renamed,) = connections(retailer)
        assert renamed.name == "New" and renamed.secrets["refresh_token"] == "r-1"
        owner.post(f"{connection.pk}/change/", {**data, "config_api_key": account.key})
        assert connections(retailer)[0].secrets == {"api_key": account.key}


def test_let_in_to_another_account_nobody_is_known_there(retailers, visitor, crm, vendor):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        gives(vendor, account.key)
        finish(owner, back(state_of(start(owner, account)))["Location"])
        (connection,) = connections(retailer)
        with tenant_context(retailer):
            RemoteLink.objects.create(connection=connection, identity="email:a", remote_id="7")
        for one, known in ((account, 1), (crm(), 0)):
            address = start(owner, one, f"{connection.pk}/oauth/")
            gives(vendor, one.key, refresh_token="r-2")
            finish(owner, back(state_of(address))["Location"])
            with tenant_context(retailer):
                assert RemoteLink.objects.count() == known, one.name


@pytest.mark.parametrize("change", ["config_account", "config_base_url"])
def test_tokens_are_never_taken_to_another_account(retailers, visitor, crm, vendor, change):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        gives(vendor, account.key)
        finish(owner, back(state_of(start(owner, account)))["Location"])
        (connection,) = connections(retailer)
        data = {"name": "New", "config_account": "shop-1", "config_base_url": account.address}
        other = {"config_account": "shop-2", "config_base_url": vendor.url()}[change]
        answer = owner.post(f"{connection.pk}/change/", {**data, change: other})
        assert "For another account, please connect anew." in words_of(answer)
        assert connections(retailer)[0].name == "Ours"


# who doesn't get in


REFUSED = "This way back is no longer open. Please connect once more."


def test_another_retailer_cannot_use_the_way_back(retailers, visitor, crm, vendor):
    acorn, birch = retailers
    owner, stranger = visitor(acorn), visitor(birch)
    onward = back(state_of(start(owner, crm())))["Location"]
    start(stranger, crm())
    assert REFUSED in finish(stranger, onward, follow=True).text
    assert not connections(acorn) and not connections(birch) and not vendor.seen


def test_another_person_of_the_same_retailer_cannot_use_the_way_back(
    retailers, visitor, crm, vendor
):
    for retailer in retailers:
        owner, colleague = visitor(retailer), visitor(retailer)
        onward = back(state_of(start(owner, crm())))["Location"]
        assert REFUSED in finish(colleague, onward, follow=True).text
        start(colleague, crm())
        assert REFUSED in finish(colleague, onward, follow=True).text
        assert not connections(retailer) and not vendor.seen


def test_who_logs_in_after_somebody_else_in_one_browser_cannot_use_the_way_back(
    retailers, visitor, crm, vendor
):
    for retailer in retailers:
        owner = visitor(retailer)
        onward = back(state_of(start(owner, crm())))["Location"]
        change_pending(owner, user=0)
        assert REFUSED in finish(owner, onward, follow=True).text and not vendor.seen


def test_the_way_back_serves_once(retailers, visitor, crm, vendor):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        onward = back(state_of(start(owner, account)))["Location"]
        gives(vendor, account.key)
        finish(owner, onward)
        seen = len(vendor.seen)
        assert REFUSED in finish(owner, onward, follow=True).text
        assert len(vendor.seen) == seen and len(connections(retailer)) == 1


def test_a_way_back_that_took_too_long_is_closed(retailers, visitor, crm, vendor, monkeypatch):
    for retailer in retailers:
        owner = visitor(retailer)
        state = state_of(start(owner, crm()))
        onward = back(state)["Location"]
        with monkeypatch.context() as patch:
            patch.setattr(oauth, "TICKET_SECONDS", -1)
            assert REFUSED in finish(owner, onward, follow=True).text
        with monkeypatch.context() as patch:
            patch.setattr(oauth, "STATE_SECONDS", -1)
            assert back(state).status_code == 400
        state = state_of(start(owner, crm()))
        onward = back(state)["Location"]
        with monkeypatch.context() as patch:
            patch.setattr(oauth, "STATE_SECONDS", -1)
            assert REFUSED in finish(owner, onward, follow=True).text
        assert not vendor.seen


@pytest.mark.parametrize("state", ["", "made-up", "a:b:c"])
def test_a_state_that_is_not_ours_leads_nowhere(db, vendor, state):
    answer = back(state)
    assert answer.status_code == 400 and "Location" not in answer


def test_a_retailer_who_is_gone_leads_nowhere(retailers, visitor, crm, vendor):
    owner = visitor(retailers[0])
    state = state_of(start(owner, crm()))
    retailers[0].schema_problem = "gone"
    retailers[0].save(update_fields=["schema_problem"])
    assert back(state).status_code == 404


def test_a_ticket_that_is_not_ours_opens_nothing(retailers, visitor, crm, vendor):
    for retailer in retailers:
        owner = visitor(retailer)
        start(owner, crm())
        assert REFUSED in finish(owner, "/admin/crm/oauth/finish/?ticket=x", follow=True).text
        answer = owner.client.get("/admin/crm/oauth/finish/", follow=True)
        assert REFUSED in answer.text and not vendor.seen
        with pytest.raises(oauth.Refused):
            oauth.opened(oauth.box().encrypt(json.dumps({"code": "x"}).encode()).decode())


def test_the_callback_does_nothing_on_a_retailers_host(retailers, vendor):
    for retailer in retailers:
        assert Client(headers={"host": retailer.host}).get(oauth.CALLBACK).status_code == 404


def test_who_may_not_connect_is_not_sent_anywhere(retailers, visitor, crm, vendor):
    for retailer in retailers:
        editor = visitor(retailer, "Editors")
        assert "vendor.test" not in start(editor, crm())
        answer = editor.client.get("/admin/crm/oauth/finish/", follow=True)
        assert REFUSED not in answer.text


def test_rights_that_were_lost_on_the_way_count(retailers, visitor, crm, vendor):
    for retailer in retailers:
        owner = visitor(retailer)
        onward = back(state_of(start(owner, crm())))["Location"]
        change_pending(owner, connection=9999)
        assert finish(owner, onward).status_code == 404
        onward = back(state_of(start(owner, crm())))["Location"]
        with override_settings(OAUTH_CLIENTS={}):
            assert finish(owner, onward).status_code == 404


# what goes wrong


def test_a_no_at_the_crms_page_is_told(retailers, visitor, crm, vendor):
    for retailer in retailers:
        owner = visitor(retailer)
        onward = back(state_of(start(owner, crm())), error="access_denied")["Location"]
        words = finish(owner, onward, follow=True).text
        assert "Consenting didn&#x27;t let us in: access denied." in words
        assert not connections(retailer) and not vendor.seen


@pytest.mark.parametrize(
    "status, body, words",
    [
        (400, {"error": "invalid_grant"}, "It took too long. Please connect once more."),
        (503, {}, "We can&#x27;t reach a CRM there."),
        (200, {"token": "x"}, "The CRM gave no access token."),
        (200, [], "The CRM gave no access token."),
    ],
)
def test_a_code_that_brings_no_token_is_told(retailers, visitor, crm, vendor, status, body, words):
    for retailer in retailers:
        owner = visitor(retailer)
        onward = back(state_of(start(owner, crm())))["Location"]
        vendor.answers(status, body)
        assert words in finish(owner, onward, follow=True).text
        assert not connections(retailer)


def test_a_token_that_the_crm_doesnt_take_is_told_and_not_shown(retailers, visitor, crm, vendor):
    for retailer in retailers:
        owner = visitor(retailer)
        onward = back(state_of(start(owner, crm())))["Location"]
        gives(vendor, "not-a-good-token")
        answer = finish(owner, onward, follow=True)
        assert "The CRM refused us." in answer.text and "not-a-good-token" not in answer.text
        assert not connections(retailer)


def test_a_vendor_that_is_away_is_told(db, vendor, monkeypatch):
    nobody = OAuth("https://vendor.test/authorize", "http://127.0.0.1:9/token")
    monkeypatch.setattr(ConsentingConnector, "oauth", nobody)
    with pytest.raises(ConnectorError) as error:
        oauth.exchange("consenting", {}, "code", "a-secret", Http(allow_private=True))
    assert error.value.code == "refused"


def test_a_form_that_isnt_filled_in_goes_nowhere(retailers, visitor, crm, vendor):
    for retailer in retailers:
        owner = visitor(retailer)
        answer = owner.post("connect/consenting/oauth/", {"name": ""}, follow=True)
        assert "This field is required." in answer.text
        with tenant_context(retailer):
            assert oauth_views.PENDING not in owner.client.session


@pytest.mark.parametrize("name", ["evil.test/x?", "evil.test#", "a@evil.test", "", "x/../y", "-x"])
def test_our_secret_at_the_vendor_never_goes_to_an_address_that_a_retailer_made_up(
    retailers, visitor, crm, vendor, name
):
    template = "https://{account}.vendor.test/token"
    assert tokens.filled_in(template, {"account": "shop-1"}) == "https://shop-1.vendor.test/token"
    with pytest.raises(CredentialsRefused):
        tokens.filled_in(template, {"account": name})
    if name:
        for retailer in retailers:
            answer = start(visitor(retailer), crm(), config_account=name)
            assert answer == "/admin/crm/connect/consenting/"


def test_a_connector_cannot_leave_the_vendors_domain_to_the_retailer():
    for template in ("https://{host}/token", "{host}.vendor.test", "https://vendor.test/{host}"):
        with pytest.raises(ValueError):
            tokens.filled_in(template, {"host": "evil.test"})


# what is offered


def test_a_kind_without_our_app_is_hidden_and_the_operator_is_told_why(retailers, visitor, vendor):
    for retailer in retailers:
        words = visitor(retailer).read("connect/")
        assert "Consenting" in words and "No key" not in words
        assert visitor(retailer).get("connect/no_key/").status_code == 404
        assert visitor(retailer).post("connect/no_key/oauth/").status_code == 404
        assert visitor(retailer).post("connect/fax/oauth/").status_code == 404
    told = {one.msg: one for one in checks.kinds_without_a_client(None)}
    message = "No key isn't offered to retailers: we have no app there."
    assert told[message].id == "integrations.I001"
    with override_settings(OAUTH_CLIENTS={"no_key": ("id", "secret")}):
        assert "no_key" in [kind.key for kind in kinds.offered()]
        assert message not in [one.msg for one in checks.kinds_without_a_client(None)]
        words = visitor(retailers[0]).read("connect/no_key/")
        assert "Connect with No key" in words and "Or with a key" not in words


def test_a_connector_asks_for_choices_and_long_texts_as_well(retailers, visitor, crm, vendor):
    for retailer in retailers:
        account, owner = crm(), visitor(retailer)
        page = owner.get("connect/many_fields/")
        assert '<option value="us">America</option>' in page.text
        assert page.context["form"]["config_rules"].value() == "{}"
        data = {"name": "Ours", "config_base_url": account.address, "config_api_key": account.key}
        answer = owner.post("connect/many_fields/", {**data, "config_region": "moon"})
        assert list(answer.context["form"].errors) == ["config_region"]
        owner.post("connect/many_fields/", {**data, "config_region": "us", "config_rules": "[]"})
        (connection,) = connections(retailer)
        assert (connection.config["region"], connection.config["rules"]) == ("us", "[]")


def test_where_the_vendor_takes_it_the_code_is_worth_nothing_without_our_proof(
    retailers, visitor, crm, vendor, monkeypatch
):
    """RFC 7636: the challenge goes with the person, the verifier stays in the session."""
    proving = dataclasses.replace(ConsentingConnector.oauth, pkce=True)
    monkeypatch.setattr(ConsentingConnector, "oauth", proving)
    challenges = set()
    for retailer in retailers:
        owner = visitor(retailer)
        address = start(owner, crm())
        query = parse_qs(urlsplit(address).query)
        assert query["code_challenge_method"] == ["S256"]
        (challenge,) = query["code_challenge"]
        challenges.add(challenge)
        gives(vendor, crm().key)
        assert finish(owner, back(state_of(address))["Location"]).status_code == 302
        (verifier,) = parse_qs(vendor.seen[-1].body.decode())["code_verifier"]
        digest = hashlib.sha256(verifier.encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        assert verifier not in address and len(verifier) >= 43
    assert len(challenges) == 2


def test_where_it_takes_none_nothing_is_sent(retailers, visitor, crm, vendor):
    for retailer in retailers:
        owner = visitor(retailer)
        address = start(owner, crm())
        assert "code_challenge" not in address
