"""How Shopify's Admin API is asked: GraphQL, in which errors come with status 200.

https://shopify.dev/docs/api/admin-graphql: rate limits by cost (a leaky bucket; THROTTLED says how
much is missing), status and error codes. /docs/apps/build/authentication-authorization: tokens.
"""

import re
from functools import cached_property
from typing import Any, Mapping, NamedTuple

from integrations.connectors.base import CredentialsRefused, TryLater, unreachable_error
from integrations.connectors.json_api import JsonConnector, understood
from integrations.http_answer import HttpAnswer, Unreachable

API = "/admin/api/2026-10/graphql.json"
_SHOP = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,98}[A-Za-z0-9])?")
# A shop that doesn't pay, is locked for fraud, or is closed: only its owner can mend it.
_CLOSED = {402: "payment_required", 423: "locked"}


class Change(NamedTuple):
    """One mutation of several in a call; `types` are those of its arguments."""

    name: str
    types: Mapping[str, str]
    arguments: Mapping[str, Any]
    answer: str = "userErrors { field message }"


class ShopifyGraphQL(JsonConnector):
    refused_names = frozenset({"ACCESS_DENIED", "SHOP_INACTIVE", "FORBIDDEN"})

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The data of an answer without errors; any error is about the call as a whole."""
        body = {"query": query, "variables": dict(variables or {})}
        answer = self.call("POST", API, json=body)
        with understood():
            said = answer.json()
            if not said.get("errors"):
                return dict(said["data"])
            first = said["errors"][0]
            name = str((first.get("extensions") or {}).get("code") or "error")[:60]
            message = str(first["message"])[:400]
            after = _missing_seconds(said) if name == "THROTTLED" else None
        if name in self.refused_names:
            raise CredentialsRefused(name, message)
        raise TryLater(name, message, after)

    def change(self, changes: list[Change]) -> list[Mapping[str, Any]]:
        """What became of each, in their order. Shopify makes them one after the other."""
        types, fields, variables = [], [], {}
        for number, one in enumerate(changes):
            for name, kind in one.types.items():
                types.append(f"${name}{number}: {kind}")
                variables[f"{name}{number}"] = one.arguments[name]
            given = ", ".join(f"{name}: ${name}{number}" for name in one.types)
            fields.append(f"r{number}: {one.name}({given}) {{ {one.answer} }}")
        said = self.ask(f"mutation({', '.join(types)}) {{ {' '.join(fields)} }}", variables)
        with understood():
            return [dict(said[f"r{number}"]) for number in range(len(changes))]

    def call(self, method: str, path: str, *, allow: tuple[int, ...] = (), **kw: Any) -> HttpAnswer:
        answer = super().call(method, path, allow=(*_CLOSED, *allow), **kw)
        if answer.status in _CLOSED:
            message = "This shop is closed. Log in to Shopify to see why."
            raise CredentialsRefused(_CLOSED[answer.status], message)
        return answer

    @cached_property
    def shop(self) -> str:
        """The shop's name, however much of its address was typed."""
        name = (self.config.get("shop") or "").strip().removeprefix("https://")
        name = name.partition("/")[0].removesuffix(".myshopify.com")
        if not _SHOP.fullmatch(name):
            message = "This isn't a shop's name, as it stands before .myshopify.com."
            raise CredentialsRefused("wrong_address", message)
        return name

    @cached_property
    def token(self) -> str:
        """From the button, typed, or for the secret of the retailer's own app."""
        given = str(self.config.get("access_token") or self.config.get("token") or "").strip()
        client_id = (self.config.get("client_id") or "").strip()
        if self.config.get("access_token") or not client_id:
            return given
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": given,
        }
        try:
            answer = self.http.request("POST", self.url("/admin/oauth/access_token"), data=form)
        except Unreachable as error:
            raise unreachable_error(error) from error
        if answer.status in (400, 401, 403):
            message = "Shopify doesn't know this app and secret, or the app isn't installed."
            raise CredentialsRefused("invalid_client", message)
        with understood():
            return str(answer.json()["access_token"])

    def url(self, path: str) -> str:
        site = self.config.get("address") or f"https://{self.shop}.myshopify.com"
        return site.rstrip("/") + path

    def headers(self) -> dict[str, str]:
        return {"X-Shopify-Access-Token": self.token}

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        """Without a name; only GraphQL's own errors have one."""
        return "", str(answer.json()["errors"])


def _missing_seconds(said: Mapping[str, Any]) -> float:
    """Until the bucket holds what the query costs."""
    cost = said["extensions"]["cost"]
    state = cost["throttleStatus"]
    missing = float(cost["requestedQueryCost"]) - float(state["currentlyAvailable"])
    return max(1.0, missing / max(1.0, float(state["restoreRate"])))
