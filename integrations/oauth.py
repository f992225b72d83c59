"""Connecting with the CRM's own consent page instead of a key (RFC 6749, 4.1).

Vendors send people back to one address only, which stands at the operator's host: a retailer's own
host can't be registered with each vendor. So the way goes over three hosts:

    retailer's host   a random word goes into the session, and with it, signed, to the vendor
    vendor            asks the person, and sends them to the operator's host with a code
    operator's host   seals code and word, and sends them on to the retailer's host
    retailer's host   opens the seal where the word is the session's, and takes the word out

The word is in one session of one person of one retailer, once, so neither somebody else nor a
second use gets anywhere. The code never stands readable in an address of ours: it is encrypted for
two minutes.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core import signing

from .connectors import connector_class
from .connectors.base import CredentialsRefused, TryLater, call_error, unreachable_error
from .encryption import box
from .http import Http
from .http_answer import Unreachable
from .tokens import filled_in, stored_tokens

CALLBACK = "/oauth/callback/"
STATE_SALT = "integrations.oauth.state"
STATE_SECONDS = 15 * 60  # to log in at the vendor, and to read what it asks
TICKET_SECONDS = 2 * 60  # from one host of ours to the other


class Refused(Exception):
    """What came back isn't what we sent out, or is too old."""


@dataclass(frozen=True)
class Ticket:
    """`code` is empty where the person said no; then `error` is the vendor's word for it."""

    schema: str
    word: str
    code: str
    error: str


def client(kind: str) -> tuple[str, str] | None:
    """Our app's (id, secret) at the vendor; None where the operator has none, or the connector
    doesn't do this."""
    id, secret = settings.OAUTH_CLIENTS.get(kind, ("", ""))
    return (id, secret) if id and secret and connector_class(kind).oauth else None


def callback_url() -> str:
    port = f":{settings.BASE_PORT}" if settings.BASE_PORT else ""
    return f"{settings.BASE_SCHEME}://{settings.OPERATOR_HOST}{port}{CALLBACK}"


def authorize_url(
    kind: str, config: Mapping[str, str], schema: str, word: str, verifier: str
) -> str:
    """Where the person says yes. `verifier` stays in the session until the code is exchanged.

    KeyError if there is no client.
    """
    oauth = connector_class(kind).oauth
    query = {
        "response_type": "code",
        "client_id": settings.OAUTH_CLIENTS[kind][0],
        "redirect_uri": callback_url(),
        "scope": oauth.scope_separator.join(oauth.scopes),
        "state": signing.dumps({"schema": schema, "word": word}, salt=STATE_SALT),
    }
    if oauth.pkce:
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"{filled_in(oauth.authorize_url, config)}?{urlencode(query)}"


def opened_state(state: str) -> tuple[str, str]:
    """(schema, word). Raises Refused."""
    try:
        data = signing.loads(state, salt=STATE_SALT, max_age=STATE_SECONDS)
        return data["schema"], data["word"]
    except (signing.BadSignature, KeyError, TypeError) as error:
        raise Refused from error


def sealed(ticket: Ticket) -> str:
    return box().encrypt(json.dumps(vars(ticket)).encode()).decode()


def opened(text: str) -> Ticket:
    """Raises Refused for what we didn't seal, or too long ago."""
    try:
        return Ticket(**json.loads(box().decrypt(text.encode(), ttl=TICKET_SECONDS)))
    except (InvalidToken, TypeError, ValueError) as error:
        raise Refused from error


def exchange(
    kind: str, config: Mapping[str, str], code: str, verifier: str, http: Http
) -> dict[str, Any]:
    """Tokens for a code, as Connection.secrets keeps them. Raises ConnectorError."""
    client_id, client_secret = settings.OAUTH_CLIENTS[kind]
    way = connector_class(kind).oauth
    form = {
        **dict(way.exchange_fields),
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback_url(),
        "client_id": client_id,
        "client_secret": client_secret,
    }
    if way.pkce:
        form["code_verifier"] = verifier
    address = filled_in(way.token_url, config)
    try:
        answer = http.request("POST", address, data=form)
        said = answer.json() if answer.status < 500 else {}
    except Unreachable as error:
        raise unreachable_error(error) from None
    if answer.status in (400, 401, 403):
        raise CredentialsRefused("code_refused", "It took too long. Please connect once more.")
    failed = call_error(answer.status)
    if failed is not None:
        raise failed
    if not isinstance(said, dict) or not isinstance(said.get("access_token"), str):
        raise TryLater("bad_answer", "The CRM gave no access token.")
    return stored_tokens(said, way)
