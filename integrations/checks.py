"""What the operator should know of the connectors: Django's system checks."""

from django.core.checks import Info, register

from . import oauth
from .connectors import CONNECTORS, connector_class


@register
def kinds_without_a_client(app_configs, **kwargs) -> list[Info]:
    """A CRM that only lets in apps that the operator registered there isn't offered without."""
    found = []
    for kind in CONNECTORS:
        connector = connector_class(kind)
        by_key = connector.oauth is None or any(field.secret for field in connector.config_fields)
        if not by_key and oauth.client(kind) is None:
            found.append(
                Info(
                    f"{connector.label} isn't offered to retailers: we have no app there.",
                    hint=f"Register one, then set {kind.upper()}_CLIENT_ID and …_CLIENT_SECRET.",
                    id="integrations.I001",
                )
            )
    return found
