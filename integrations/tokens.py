"""Access tokens that run out: renewed under a lock, saved before they are used.

Many vendors hand out a new refresh token with each renewal and let the old one die. If two workers
renewed at once, the loser would save a dead token and the connection would be lost. So one renews
and the other one waits, reads again, and finds a fresh token.
"""

import re
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import connection as database

from .connectors.base import CredentialsRefused, OAuth, TryLater, call_error, unreachable_error
from .http import Http
from .http_answer import Unreachable
from .locks import advisory_lock
from .models import Connection

MARGIN = 60.0  # seconds; a token that dies during the call is of no use


def fresh(connection: Connection, http: Http, refused: str = "") -> Mapping[str, Any]:
    """The connection's secrets, with an access token that is good for a while.

    `refused` is an access token that the CRM no longer takes, whatever its date says. Raises
    ConnectorError as the vendor's renewal does. No transaction may be open.
    """
    oauth = connection.connector_class.oauth
    if oauth is None or not is_stale(connection.secrets, refused):
        return connection.secrets
    name = f"{database.schema_name}:token:{connection.pk}"
    with advisory_lock(name, wait=True):
        stored = Connection.objects.only("secrets", "config", "kind").get(pk=connection.pk)
        if is_stale(stored.secrets, refused):
            stored.secrets = {**stored.secrets, **renew(stored, oauth, http)}
            Connection.objects.filter(pk=connection.pk).update(secrets=stored.secrets)
        connection.secrets = stored.secrets
    return connection.secrets


def is_stale(secrets: Mapping[str, Any], refused: str = "") -> bool:
    """Whether there is a token that can be renewed and has to be."""
    if not secrets.get("refresh_token"):
        return False
    token = secrets.get("access_token")
    if not token or token == refused:
        return True
    expires_at = secrets.get("expires_at")
    return expires_at is not None and float(expires_at) < time.time() + MARGIN


def renew(connection: Connection, oauth: OAuth, http: Http) -> dict[str, Any]:
    """A new access token (RFC 6749, 6), as it is stored. Raises ConnectorError."""
    client_id, client_secret = settings.OAUTH_CLIENTS.get(connection.kind, ("", ""))
    form = {
        "grant_type": "refresh_token",
        "refresh_token": connection.secrets["refresh_token"],
        "client_id": client_id,
        "client_secret": client_secret,
    }
    try:
        answer = http.request("POST", filled_in(oauth.token_url, connection.config), data=form)
        said = answer.json() if answer.status < 500 else {}
    except Unreachable as error:
        raise unreachable_error(error) from None
    said = said if isinstance(said, dict) else {}
    if answer.status in (400, 401, 403):
        # invalid_grant: the retailer took the permission back, or it ran out.
        code = str(said.get("error", "credentials_refused"))[:60]
        raise CredentialsRefused(code, "The CRM no longer renews our permission.")
    failed = call_error(answer.status)
    if failed is not None:
        raise failed
    if not isinstance(said.get("access_token"), str):
        raise TryLater("bad_answer", "The CRM gave no access token.")
    return stored_tokens(said, oauth)


def filled_in(address: str, config: Mapping[str, str]) -> str:
    """An address of OAuth with the retailer's account in it. Raises CredentialsRefused for what is
    no name in a host: our own secret at the vendor goes there, and a retailer types this."""
    for name in re.findall(r"\{(\w+)\}", address):
        value = str(config.get(name, ""))
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,200}[A-Za-z0-9])?", value):
            raise CredentialsRefused("wrong_address", "This isn't the name of an account.")
        # What follows is the vendor's own domain, so no name leads elsewhere.
        if not re.search(rf"://\{{{name}\}}\.[a-z]", address):
            raise ValueError(f"In {address}, {name} doesn't stand before the vendor's domain.")
        address = address.replace(f"{{{name}}}", value)
    return address


def stored_tokens(said: Mapping[str, Any], oauth: OAuth) -> dict[str, Any]:
    """From a token answer: what belongs into Connection.secrets. No new refresh token, the old
    one stays; no word of its end, it is used until it is refused, or as long as it surely lasts.
    Salesforce says at which of its servers the account is."""
    names = ("access_token", "refresh_token", "instance_url")
    kept = {name: said[name] for name in names if said.get(name)}
    seconds = said.get("expires_in")
    if not isinstance(seconds, (int, float)):
        seconds = oauth.token_seconds
    return {**kept, "expires_at": None if seconds is None else time.time() + float(seconds)}
