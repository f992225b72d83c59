"""The connectors, one module each. A new one is one file, one line here, one test class."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integrations.connectors.base import Connector

CONNECTORS: dict[str, str] = {
    "sandbox": "integrations.connectors.sandbox.SandboxConnector",
    "webhook": "integrations.connectors.webhook.WebhookConnector",
    "brevo": "integrations.connectors.brevo.BrevoConnector",
    "espocrm": "integrations.connectors.espocrm.EspoCrmConnector",
    "generic_rest": "integrations.connectors.generic_rest.GenericRestConnector",
    "hubspot": "integrations.connectors.hubspot.HubSpotConnector",
    "klaviyo": "integrations.connectors.klaviyo.KlaviyoConnector",
    "mailchimp": "integrations.connectors.mailchimp.MailchimpConnector",
    "odoo": "integrations.connectors.odoo.OdooConnector",
    "salesforce": "integrations.connectors.salesforce.SalesforceConnector",
    "shopify": "integrations.connectors.shopify.ShopifyConnector",
}


def connector_class(kind: str) -> "type[Connector]":
    """The class for one kind of CRM; KeyError if there is none. Imported when first asked for,
    so that a process loads only what its retailers use."""
    module, name = CONNECTORS[kind].rsplit(".", 1)
    return getattr(import_module(module), name)
