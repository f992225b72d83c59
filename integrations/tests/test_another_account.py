"""Under a connection another account: what we knew of the old one's contacts ends with it."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection as database
from django_tenants.utils import get_tenant_model, tenant_context

from integrations import delivery
from integrations.admin import connecting
from integrations.admin.connecting import store
from integrations.admin.probe import Probed
from integrations.connectors.base import Account
from integrations.connectors.brevo import BrevoConnector
from integrations.connectors.sandbox import SandboxConnector
from integrations.locks import connection_lock
from integrations.models import Connection, RemoteLink
from integrations.tasks import http
from integrations.tests.conftest import sign_up
from integrations.tests.fakes import brevo, odoo


class Brevo:
    kind = "brevo"

    def __init__(self) -> None:
        self.fake = brevo.Brevo(brevo.contract())

    def form(self):
        return {"name": "Ours", "config_api_key": self.fake.key}

    def is_another(self) -> int:
        """Starts over, with Bob under the number of who was there first; his number."""
        self.fake.organization, self.fake.contacts, self.fake.ids = "64f2", {}, itertools.count(7)
        return self.fake.add("bob@example.com", FIRSTNAME="Bob")

    def held(self):
        return {id: (c["email"], dict(c["attributes"])) for id, c in self.fake.contacts.items()}


class Odoo:
    kind = "odoo"

    def __init__(self) -> None:
        self.fake = odoo.Odoo()

    def form(self):
        address = {"config_address": self.fake.address, "config_version": "19"}
        return {"name": "Ours", "config_api_key": self.fake.key, **address}

    def is_another(self) -> int:
        self.fake.tables["res.users"][2]["create_date"] = "2026-12-01 09:00:00"
        self.fake.partners.clear()
        self.fake.external.clear()
        self.fake.ids = itertools.count(7)
        bob = "bob@example.com"
        return self.fake.add(name="Bob", email=bob, email_normalized=bob)

    def held(self):
        return {id: (p["email"], dict(p)) for id, p in self.fake.partners.items()}


@pytest.fixture
def connected(retailers, visitor, monkeypatch):
    """Of each retailer: its owner, its vendor, its connection's id. Ada stands there as 7."""
    made, acorns, birchs = [], Brevo(), Odoo()
    with acorns.fake, birchs.fake:
        monkeypatch.setattr(BrevoConnector, "address", acorns.fake.address)
        for retailer, vendor in zip(retailers, (acorns, birchs), strict=True):
            owner = visitor(retailer)
            owner.post(f"connect/{vendor.kind}/", vendor.form())
            with tenant_context(retailer):
                pk = Connection.objects.get().pk
            bring(retailer, pk)
            assert list(vendor.held()) == [7] and links(retailer) == {"email:ada@example.com": "7"}
            made.append((retailer, owner, vendor, pk))
        yield made


def bring(retailer, pk, email="ada@example.com"):
    sign_up(retailer, email, first_name="Ada")
    with tenant_context(retailer):
        delivery.drain(pk, http())


def links(retailer):
    with tenant_context(retailer):
        return dict(RemoteLink.objects.values_list("identity", "remote_id"))


def test_who_has_a_number_in_the_new_account_is_never_written_over(connected):
    for retailer, owner, vendor, pk in connected:
        bob = vendor.is_another()
        before = vendor.held()[bob]
        vendor.fake.key = "another-key"
        assert owner.post(f"{pk}/change/", vendor.form()).status_code == 302
        assert links(retailer) == {}
        bring(retailer, pk)
        assert vendor.held()[bob] == before
        (ada,) = set(vendor.held()) - {bob}
        assert vendor.held()[ada][0] == "ada@example.com"
        assert links(retailer) == {"email:ada@example.com": str(ada)}


def test_a_new_key_of_the_same_account_keeps_who_is_who(connected):
    for retailer, owner, vendor, pk in connected:
        vendor.fake.key = "a-new-key"
        assert owner.post(f"{pk}/change/", vendor.form()).status_code == 302
        assert links(retailer) == {"email:ada@example.com": "7"}
        bring(retailer, pk)
        assert list(vendor.held()) == [7]


def test_what_leads_elsewhere_or_nobody_can_tell_ends_with_them_too(retailers, connect):
    shop = Account("Shop", "shop@example.com")
    for retailer in retailers:
        pk = connect(retailer, "Ours")

        def kept(account=shop, key="1", **config) -> bool:
            with tenant_context(retailer):
                one = Connection.objects.get(pk=pk)
                link, _ = RemoteLink.objects.get_or_create(connection=one, identity="email:a")
                one.config, one.secrets = {**one.config, **config}, {"api_key": key}
                store(one, Probed(account, ()))
                return RemoteLink.objects.filter(pk=link.pk).exists()

        assert not kept(), "whose account it was is not known"
        assert kept() and kept(key="2") and kept(region="")
        assert not kept(region="us"), "part of the address"
        assert not kept(Account("Shop", "other@example.com"), key="3")
        unsure = Account("Shop", "127.0.0.1", certain=False)
        assert not kept(unsure, key="4") and kept(unsure, key="4")
        assert not kept(unsure, key="5"), "a key may be of any account there"


def test_another_retailers_connections_keep_theirs(retailers, connect):
    acorn, birch = retailers
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        with tenant_context(retailer):
            RemoteLink.objects.create(connection_id=pk, identity="email:a", remote_id="7")
            other = connect(retailer, "Other")
            RemoteLink.objects.create(connection_id=other, identity="email:a", remote_id="8")
    with tenant_context(acorn):
        ours = Connection.objects.get(name="Ours")
        ours.secrets = {"api_key": "another-key"}
        store(ours, Probed(Account("New"), ()))
    assert (links(acorn), links(birch)) == ({"email:a": "8"}, {"email:a": "8"})
    with tenant_context(birch):
        assert RemoteLink.objects.count() == 2


@pytest.mark.usefixtures("committed_world")
def test_what_a_drain_learns_meanwhile_is_forgotten_as_well(sandbox_crm, monkeypatch):
    for slug in ("acorn", "birch"):
        retailer = get_tenant_model().objects.get(slug=slug)
        with tenant_context(retailer):
            pk = Connection.objects.create(
                kind="sandbox",
                name="Ours",
                config={"base_url": sandbox_crm.url},
                secrets={"api_key": f"key-{slug}"},
                mapping=[{"source": "meaning:email", "attribute": "email", "mode": "overwrite"}],
            ).pk
        sign_up(retailer, "ada@example.com")
        asked, stored, deliver = threading.Event(), threading.Event(), SandboxConnector.upsert

        def slow(self, records):
            asked.set()
            assert not stored.wait(1), "it waits until nothing is under way"
            return deliver(self, records)

        def drain():
            with tenant_context(retailer):
                delivery.drain(pk, http())
            database.close()

        with monkeypatch.context() as patch, tenant_context(retailer):
            patch.setattr(SandboxConnector, "upsert", slow)
            thread = threading.Thread(target=drain)
            thread.start()
            assert asked.wait(20)
            connection = Connection.objects.get(pk=pk)
            connection.secrets = {"api_key": "of-another-account"}
            store(connection, Probed(Account("Another"), ()))
            stored.set()
            thread.join(20)
            assert Connection.objects.get(pk=pk).deliveries.get().state == "delivered"
            assert not RemoteLink.objects.exists()


def test_while_sign_ups_are_being_sent_nothing_is_saved_and_nobody_waits_for_long(
    connected, monkeypatch
):
    monkeypatch.setattr(connecting, "PATIENCE", 0.3)
    (acorn, owner, vendor, pk), _ = connected
    held, done = threading.Event(), threading.Event()

    def send():
        with tenant_context(acorn), connection_lock(pk):
            held.set()
            done.wait(20)
        database.close()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        try:
            assert held.wait(20)
            answer = owner.post(f"{pk}/change/", {**vendor.form(), "name": "Another name"})
        finally:
            done.set()
        sending.result()
    assert answer.status_code == 200 and connecting.BUSY in answer.text
    with tenant_context(acorn):
        assert Connection.objects.get().name != "Another name"
    assert owner.post(f"{pk}/change/", {**vendor.form(), "name": "Another name"}).status_code == 302


def test_another_template_is_the_same_account(connected):
    (acorn, owner, vendor, pk), _ = connected
    form = vendor.form() | {"config_template": "5", "config_confirmed_url": "https://acorn.test/"}
    assert owner.post(f"{pk}/change/", form).status_code == 302
    assert links(acorn) == {"email:ada@example.com": "7"}
