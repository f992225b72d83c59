"""The lists and subscriptions of a CRM that a consent can lead to."""

import hashlib
import json
from dataclasses import asdict

from django.core.cache import cache

from integrations import tokens
from integrations.connectors.base import Connector, ConnectorError, ConsentTarget
from integrations.models import Connection
from integrations.patience import Patience

from .probe import explain

KEEP = 600  # seconds; "Read again" asks afresh
WAIT = 8.0  # seconds; the page is shown without them rather than late


def has_lists(connector: type[Connector]) -> bool:
    return connector.consent_targets is not Connector.consent_targets


def lists_of(connection: Connection, afresh: bool = False) -> tuple[list[ConsentTarget], str]:
    """(what the CRM offers, why it couldn't be asked). Nothing where it knows no lists."""
    if not has_lists(connection.connector_class):
        return [], ""
    address = json.dumps(connection.config, sort_keys=True, default=str).encode()
    key = f"consent-lists:{connection.pk}:{hashlib.sha256(address).hexdigest()[:16]}"
    kept = None if afresh else cache.get(key)
    if kept is not None:
        return [ConsentTarget(**one) for one in kept], ""
    try:
        with Patience(WAIT) as http:
            config = {**connection.config, **tokens.fresh(connection, http)}
            found = connection.connector_class(config, http).consent_targets()
    except ConnectorError as error:
        return [], explain(error, connection.secrets)[1]
    cache.set(key, [asdict(one) for one in found], KEEP)
    return found, ""
