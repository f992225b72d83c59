"""Access tokens: renewed once however many workers want to, saved before they are used."""

import json
import threading
import time
from urllib.parse import parse_qs

import pytest
from django.db import connection as database
from django_tenants.utils import get_tenant_model, tenant_context

from integrations import delivery, tokens
from integrations.connectors.base import CredentialsRefused, Delivered, OAuth, TryLater
from integrations.connectors.sandbox import SandboxConnector
from integrations.http import Http
from integrations.models import Connection, Delivery
from integrations.tests.hostile import Hostile


@pytest.fixture
def vendor():
    """Where tokens are renewed."""
    with Hostile() as server:
        yield server


@pytest.fixture
def oauth(vendor, monkeypatch):
    """The sandbox's connector, as if it were connected by OAuth."""
    monkeypatch.setattr(SandboxConnector, "oauth", OAuth(vendor.url("/auth"), vendor.url("/token")))


@pytest.fixture
def http():
    return Http(allow_private=True, read_timeout=2, total_timeout=3)


def made(retailer, **secrets):
    with tenant_context(retailer):
        return Connection.objects.create(
            name="CRM",
            kind="sandbox",
            config={"account": retailer.slug},
            secrets={"access_token": "old", "refresh_token": f"refresh-{retailer.slug}", **secrets},
        )


def stored(retailer):
    with tenant_context(retailer):
        return Connection.objects.get().secrets


def test_a_token_that_is_good_is_used_as_it_is(retailers, oauth, vendor, http):
    for retailer in retailers:
        for secrets in (
            {"expires_at": time.time() + 3600},
            {"expires_at": None},
            {"refresh_token": "", "expires_at": 1},
        ):
            connection = made(retailer, **secrets)
            with tenant_context(retailer):
                assert tokens.fresh(connection, http)["access_token"] == "old"
    assert vendor.seen == []


def test_one_that_runs_out_is_renewed_and_saved_before_it_is_used(
    retailers, oauth, vendor, http, settings
):
    settings.OAUTH_CLIENTS = {"sandbox": ("our-app", "our-secret")}
    for retailer in retailers:
        connection = made(retailer, expires_at=time.time() + 5, api_key="kept")
        vendor.answers(200, {"access_token": f"new-{retailer.slug}", "expires_in": 1800})
        with tenant_context(retailer):
            assert tokens.fresh(connection, http)["access_token"] == f"new-{retailer.slug}"
        secrets = stored(retailer)
        assert secrets["access_token"] == f"new-{retailer.slug}"
        assert (
            secrets["refresh_token"] == f"refresh-{retailer.slug}" and secrets["api_key"] == "kept"
        )
        assert 1700 < secrets["expires_at"] - time.time() < 1801
        asked = vendor.seen[-1]
        assert asked.path == "/token"
        assert parse_qs(asked.body.decode()) == {
            "grant_type": ["refresh_token"],
            "refresh_token": [f"refresh-{retailer.slug}"],
            "client_id": ["our-app"],
            "client_secret": ["our-secret"],
        }


@pytest.mark.parametrize(
    "status, body, kind, code",
    [
        (400, {"error": "invalid_grant"}, CredentialsRefused, "invalid_grant"),
        (401, [], CredentialsRefused, "credentials_refused"),
        (429, {}, TryLater, "rate_limited"),
        (502, b"<h1>Bad gateway</h1>", TryLater, "unavailable"),
        (200, b"<h1>Welcome</h1>", TryLater, "bad_answer"),
        (200, {"token": "elsewhere"}, TryLater, "bad_answer"),
        (500, {}, TryLater, "bad_answer"),
    ],
)
def test_a_renewal_that_fails_keeps_what_there_is(
    status, body, kind, code, retailers, oauth, vendor, http
):
    for retailer in retailers:
        connection = made(retailer, expires_at=1)
        vendor.answers(status, body)
        with tenant_context(retailer), pytest.raises(kind) as caught:
            tokens.fresh(connection, http)
        assert caught.value.code == code
        assert "refresh-" not in str(caught.value)
        assert stored(retailer)["refresh_token"] == f"refresh-{retailer.slug}"


def test_nobody_there_is_try_later(retailers, oauth, monkeypatch, http):
    nowhere = OAuth("http://127.0.0.1:1/", "http://127.0.0.1:1/")
    monkeypatch.setattr(SandboxConnector, "oauth", nowhere)
    for retailer in retailers:
        connection = made(retailer, expires_at=1)
        with tenant_context(retailer), pytest.raises(TryLater):
            tokens.fresh(connection, http)


@pytest.mark.usefixtures("committed_world")
def test_workers_that_race_renew_once_and_all_get_the_same_token(oauth, vendor, http):
    """The vendor lets the old refresh token die with its first use."""
    acorn, birch = (get_tenant_model().objects.get(slug=slug) for slug in ("acorn", "birch"))
    connections = {retailer: made(retailer, expires_at=1) for retailer in (acorn, birch)}
    for _ in connections:
        fresh = {"access_token": "new", "refresh_token": "next", "expires_in": 1800}
        vendor.answers(200, fresh)
    got, barrier = [], threading.Barrier(6)

    def work(retailer):
        try:
            with tenant_context(retailer):
                own = Connection.objects.get(pk=connections[retailer].pk)
                barrier.wait(10)
                got.append(tokens.fresh(own, http)["access_token"])
        finally:
            database.close()

    threads = [threading.Thread(target=work, args=[one]) for one in connections for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == ["new"] * 6
    assert len(vendor.seen) == 2, "one renewal for each connection"
    assert {json.dumps(stored(one)["refresh_token"]) for one in connections} == {'"next"'}


ADDRESS = "https://{shop}.vendor.example/token"


@pytest.mark.parametrize("shop", ["acorn", "birch", "a", "acorn-shop", "eu1.acorn"])
def test_the_retailers_account_stands_in_the_address(shop):
    assert tokens.filled_in(ADDRESS, {"shop": shop}) == f"https://{shop}.vendor.example/token"
    assert tokens.filled_in("https://vendor.example/", {}) == "https://vendor.example/"


@pytest.mark.parametrize(
    "shop",
    ["", "evil.example/", "a@b", "evil.example#", "a?b", "a:1", ".", "-a", "a b", "a\\b", "ä"],
)
def test_our_own_secret_at_the_vendor_goes_nowhere_else(shop):
    with pytest.raises(CredentialsRefused):
        tokens.filled_in(ADDRESS, {"shop": shop})


def test_an_address_in_which_a_retailer_could_choose_the_domain_is_a_defect():
    for address in ("https://{shop}/token", "https://vendor.example/{shop}"):
        with pytest.raises(ValueError, match="before the vendor's domain"):
            tokens.filled_in(address, {"shop": "acorn"})


# in the drain


class Picky(SandboxConnector):
    """Takes one token only, and the first record of the first call."""

    def upsert(self, records):
        if self.config["access_token"] != "new":
            done = {records[0].ref: Delivered("1")} if len(records) > 1 else {}
            raise CredentialsRefused("expired_token", "Token old has expired.", outcomes=done)
        return {record.ref: Delivered("2") for record in records}


@pytest.fixture
def picky(oauth, monkeypatch):
    from integrations import connectors

    monkeypatch.setitem(connectors.CONNECTORS, "sandbox", f"{__name__}.Picky")
    monkeypatch.setattr(Picky, "oauth", SandboxConnector.oauth)


def test_a_token_that_the_crm_refuses_early_is_renewed_and_the_batch_goes_on(
    retailers, picky, vendor, http, sign_up
):
    for retailer in retailers:
        connection = made(retailer)
        for number in range(3):
            sign_up(retailer, f"{number}@example.com")
        vendor.answers(200, {"access_token": "new"})
        with tenant_context(retailer):
            delivery.drain(connection.pk, http)
            rows = Delivery.objects.order_by("id").values_list("state", "remote_id")
            assert list(rows) == [("delivered", "1"), ("delivered", "2"), ("delivered", "2")]


def test_a_token_that_cannot_be_renewed_pauses_the_connection(
    retailers, picky, vendor, http, sign_up
):
    for retailer in retailers:
        connection = made(retailer)
        sign_up(retailer, "ann@example.com")
        vendor.answers(400, {"error": "invalid_grant"})
        with tenant_context(retailer):
            delivery.drain(connection.pk, http)
            connection.refresh_from_db()
            assert (connection.state, connection.paused_by) == ("paused", "invalid_grant")
            assert Delivery.objects.get().state == "due"


def test_a_new_token_that_is_refused_as_well_pauses_too(retailers, picky, vendor, http, sign_up):
    for retailer in retailers:
        connection = made(retailer)
        sign_up(retailer, "ann@example.com")
        vendor.answers(200, {"access_token": "old"})
        with tenant_context(retailer):
            delivery.drain(connection.pk, http)
            connection.refresh_from_db()
            assert (connection.state, connection.paused_by) == ("paused", "expired_token")
