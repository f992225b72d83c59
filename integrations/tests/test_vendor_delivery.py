"""From a sign-up to a vendor's contact through the real outbox: Acorn's goes to HubSpot, Birch's to
Brevo, and neither vendor hears of the other's."""

import pytest
from django_tenants.utils import tenant_context

from integrations import delivery
from integrations.http import Http
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Connection, Delivery, RemoteLink
from integrations.tests.conftest import sign_up
from integrations.tests.fakes import brevo, espocrm, hubspot, odoo, salesforce, shopify

KEYS = {"hubspot": {"token": "pat-eu1-good"}, "brevo": {"api_key": "xkeysib-good"}}


@pytest.fixture
def fakes():
    with hubspot.HubSpot(hubspot.contract()) as acorns, brevo.Brevo(brevo.contract()) as birchs:
        yield {"acorn": acorns, "birch": birchs}
        acorns.verify()
        birchs.verify()


@pytest.fixture
def http():
    with Http(allow_private=True) as http:
        yield http


def connect(retailer, kind, fake, http, secrets):
    with tenant_context(retailer):
        config = {"address": fake.address, "shop": "birch"}
        made = Connection(kind=kind, name=kind, config=config, secrets=secrets)
        connector = made.connector(http)
        attributes = connector.describe()
        made.attributes = [vars(attribute) for attribute in attributes]
        made.mapping = rows_to_json(default_rows(attributes, connector.hints))
        made.save()
        return made


def test_each_retailers_sign_up_becomes_a_contact_at_their_own_vendor(retailers, fakes, http):
    kinds = dict(zip(("acorn", "birch"), ("hubspot", "brevo")))
    for retailer in retailers:
        made = connect(
            retailer,
            kinds[retailer.slug],
            fakes[retailer.slug],
            http,
            KEYS[kinds[retailer.slug]],
        )
        sign_up(retailer, f"ann@{retailer.slug}.example", first_name="Ann")
        with tenant_context(retailer):
            delivery.drain(made.pk, http)
            delivered = Delivery.objects.get()
            assert (delivered.state, delivered.error) == (Delivery.State.DELIVERED, "")
            assert delivered.remote_url.endswith(f"/{delivered.remote_id}")
            assert RemoteLink.objects.get().remote_id == delivered.remote_id
        # The second sign-up of the same person updates the contact that the link names.
        sign_up(retailer, f"Ann@{retailer.slug}.example", first_name="Anna")
        with tenant_context(retailer):
            delivery.drain(made.pk, http)
            states = set(Delivery.objects.values_list("state", flat=True))
            assert states == {Delivery.State.DELIVERED}
    (acorns,) = fakes["acorn"].contacts.values()
    (birchs,) = fakes["birch"].contacts.values()
    assert (acorns["email"], acorns["firstname"]) == ("ann@acorn.example", "Anna")
    assert (birchs["email"], birchs["attributes"]["FIRSTNAME"]) == ("ann@birch.example", "Anna")
    assert len(fakes["acorn"].notes) == len(fakes["birch"].notes) == 2


OTHERS = {
    "odoo": (odoo.Odoo, {"api_key": "odoo-good"}, lambda fake: fake.partners, "email", "name"),
    "espocrm": (
        espocrm.EspoCrm,
        {"api_key": "espo-good"},
        lambda fake: fake.contacts,
        "emailAddress",
        "firstName",
    ),
    "salesforce": (
        salesforce.Salesforce,
        {"access_token": "00D!good"},
        lambda fake: fake.contacts,
        "Email",
        "FirstName",
    ),
    "shopify": (
        shopify.Shopify,
        {"token": "shpat_good"},
        lambda fake: fake.customers,
        "email",
        "firstName",
    ),
}


@pytest.mark.parametrize("kinds", [("odoo", "espocrm"), ("salesforce", "shopify")])
def test_two_sign_ups_become_one_contact_at_each_other_vendor_too(retailers, http, kinds):
    """With the mapping that a new connection starts with."""
    with OTHERS[kinds[0]][0]() as acorns, OTHERS[kinds[1]][0]() as birchs:
        for retailer, kind, fake in zip(retailers, kinds, (acorns, birchs), strict=True):
            made = connect(retailer, kind, fake, http, OTHERS[kind][1])
            for first_name in ("Ann", "Anna"):
                email = f"ann@{retailer.slug}.example"
                sign_up(retailer, email, first_name=first_name, last_name="Lee")
                with tenant_context(retailer):
                    delivery.drain(made.pk, http)
            with tenant_context(retailer):
                delivered = Delivery.objects.all()
                assert {(one.state, one.error) for one in delivered} == {
                    (Delivery.State.DELIVERED, "")
                }
                (remote_id,) = {one.remote_id for one in delivered}
                assert RemoteLink.objects.get().remote_id == remote_id
        for retailer, kind, fake in zip(retailers, kinds, (acorns, birchs), strict=True):
            _, _, look, email, name = OTHERS[kind]
            (held,) = look(fake).values()
            assert held[email] == f"ann@{retailer.slug}.example"
            assert held[name] == ("Anna Lee" if kind == "odoo" else "Anna")
            fake.verify()
