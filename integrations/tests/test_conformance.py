"""Every connector against its vendor's fake, by one class. Real servers: make conformance."""

import json
import os
from pathlib import Path

import pytest

from integrations.connectors.brevo import BrevoConnector
from integrations.connectors.espocrm import EspoCrmConnector
from integrations.connectors.generic_rest import GenericRestConnector
from integrations.connectors.hubspot import HubSpotConnector
from integrations.connectors.klaviyo import KlaviyoConnector
from integrations.connectors.mailchimp import MailchimpConnector
from integrations.connectors.odoo import OdooConnector
from integrations.connectors.salesforce import SalesforceConnector
from integrations.connectors.shopify import ShopifyConnector
from integrations.http import Http
from integrations.tests.fakes import (
    brevo,
    espocrm,
    generic,
    hubspot,
    klaviyo,
    mailchimp,
    odoo,
    salesforce,
    shopify,
)

from .conformance import Conformance

EXAMPLES = Path(__file__).parents[2] / "docs" / "connectors" / "examples"


class AgainstItsFake(Conformance):
    """`connector_class` and `config`, whose `secret` is the key; `fake` opens the vendor."""

    connector_class: type
    config: dict[str, str]
    secret = "api_key"

    @staticmethod
    def fake():
        raise NotImplementedError

    @pytest.fixture
    def vendor(self):
        with type(self).fake() as vendor:
            yield vendor
            vendor.verify()

    @pytest.fixture
    def http(self):
        with Http(allow_private=True, read_timeout=5) as http:
            yield http

    @pytest.fixture
    def connector(self, vendor, http):
        return self.connector_class({"address": vendor.address, **self.config}, http)

    @pytest.fixture
    def refused(self, vendor, http):
        wrong = {**self.config, self.secret: self.wrong}
        return self.connector_class({"address": vendor.address, **wrong}, http)


class TestHubSpot(AgainstItsFake):
    connector_class, secret, config = HubSpotConnector, "token", {"token": "pat-eu1-good"}

    @staticmethod
    def fake():
        return hubspot.HubSpot(hubspot.contract())

    def who_left(self, vendor, email):
        vendor.status[email, "11"] = "UNSUBSCRIBED"
        return "11", lambda: vendor.status[email, "11"] == "UNSUBSCRIBED"


class TestKlaviyo(AgainstItsFake):
    connector_class, config, wrong = KlaviyoConnector, {"api_key": "pk_good"}, "pk_wrong"
    takes_any = "Klaviyo keeps properties of any name: none is unknown"

    @staticmethod
    def fake():
        return klaviyo.Klaviyo(klaviyo.contract())

    def who_left(self, vendor, email):
        number = vendor.add(email=email)
        vendor.left[number, "email"] = "UNSUBSCRIBE"
        return "L1", lambda: vendor.jobs == [] and (number, "email") in vendor.left


class TestMailchimp(AgainstItsFake):
    connector_class, config, wrong = MailchimpConnector, {"api_key": "good-us21"}, "wrong-us21"
    fake = staticmethod(mailchimp.Mailchimp)

    def who_left(self, vendor, email):
        vendor.add(email, "unsubscribed")
        return "audience", lambda: vendor.only()["status"] == "unsubscribed"


class TestBrevo(AgainstItsFake):
    connector_class, config = BrevoConnector, {"api_key": "xkeysib-good"}

    @staticmethod
    def fake():
        return brevo.Brevo(brevo.contract())

    def who_left(self, vendor, email):
        held = vendor.contacts[vendor.add(email)]
        held["listUnsubscribed"] = [1]
        return "1", lambda: held["listIds"] == [] and held["listUnsubscribed"] == [1]


class TestEspoCrm(AgainstItsFake):
    connector_class, config = EspoCrmConnector, {"api_key": "espo-good"}
    extra = {"lastName": "Lee"}
    fake = staticmethod(espocrm.EspoCrm)

    def who_left(self, vendor, email):
        number = vendor.add(emailAddress=email, lastName="Lee")
        vendor.linked[number, "tl1"] = True  # opted out of it
        return "tl1", lambda: vendor.linked == {(number, "tl1"): True}


class TestSalesforce(AgainstItsFake):
    connector_class, secret = SalesforceConnector, "access_token"
    config, wrong = {"domain": "birch", "access_token": "00D!good"}, "00D!wrong"
    extra = {"LastName": "Lee"}

    @staticmethod
    def fake():
        return salesforce.Salesforce(True)

    def who_left(self, vendor, email):
        number = vendor.add(Email=email, LastName="Lee", HasOptedOutOfEmail=True)
        held = vendor.contacts[number]
        return salesforce.campaign(1), lambda: held["HasOptedOutOfEmail"] and not vendor.members


class TestShopify(AgainstItsFake):
    connector_class, secret = ShopifyConnector, "token"
    config, wrong = {"shop": "birch", "token": "shpat_good"}, "shpat_wrong"
    fake = staticmethod(shopify.Shopify)

    def who_left(self, vendor, email):
        held = vendor.customers[vendor.add(email, email_state="UNSUBSCRIBED")]
        return "email", lambda: held["email_state"] == "UNSUBSCRIBED"


class TestOdoo19(AgainstItsFake):
    connector_class, version = OdooConnector, "19"
    wrong = "odoo-wrong"
    # Odoo has one name: who says only the first of two doesn't replace it.
    extra = {"lastname": "Lee"}

    @pytest.fixture
    def vendor(self):
        with odoo.Odoo(self.version) as vendor:
            yield vendor
            vendor.verify()

    @property
    def config(self) -> dict[str, str]:
        login = {"database": "shop", "login": "ci@birch.example"}
        return {"version": self.version, "api_key": "odoo-good", **login}

    def who_left(self, vendor, email):
        number = vendor.insert("mailing.contact", {"name": "Ann", "email": email})
        link = {"contact_id": number, "list_id": 1, "opt_out": True}
        vendor.insert(vendor.link_model, link)
        return "1", lambda: vendor.on == set()


class TestOdoo18(TestOdoo19):
    version = "18"


class TestGenericRest(AgainstItsFake):
    connector_class, secret = GenericRestConnector, "key"
    config = {"key": generic.KEY, "definition": json.dumps(generic.DEFINITION)}
    fake = staticmethod(generic.GenericCrm)

    def who_left(self, vendor, email):
        vendor.people["p/7"] = {"key": "p/7", "mail": email}
        vendor.members["p/7", "1"] = "out"
        return "1", lambda: vendor.members == {("p/7", "1"): "out"}


class OnARealServer(Conformance):
    """A document of ours, on the CRM that CONFORMANCE_<name>_URL and _KEY lead to."""

    no_lists = "the document describes no lists"

    name: str
    names: dict[str, str]  # our meaning → the document's attribute
    no_link = "the document gives no address of a record"

    def config(self) -> dict[str, str]:
        url, key = (os.environ.get(f"CONFORMANCE_{self.name}_{what}") for what in ("URL", "KEY"))
        if not url:
            pytest.skip(f"CONFORMANCE_{self.name}_URL names no server: make conformance starts one")
        definition = (EXAMPLES / f"{self.name.lower()}.json").read_text()
        return {"address": url, "key": key, "definition": definition}

    @pytest.fixture
    def http(self):
        with Http(allow_private=True, read_timeout=20) as http:
            yield http

    @pytest.fixture
    def connector(self, http):
        return GenericRestConnector(self.config(), http)

    @pytest.fixture
    def refused(self, http):
        return GenericRestConnector({**self.config(), "key": self.wrong}, http)

    def attribute(self, connector, meaning: str) -> str:
        return self.names[meaning]


class TestRealTryton(OnARealServer):
    name, names = "TRYTON", {"email": "email", "first_name": "name"}


class TestRealBottleCrm(OnARealServer):
    name, names = "BOTTLECRM", {"email": "email", "first_name": "first_name"}
    extra = {"last_name": "Lee"}
