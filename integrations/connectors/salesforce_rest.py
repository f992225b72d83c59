"""How Salesforce's REST API is asked: tokens, queries, collections of records.

https://developer.salesforce.com/docs/platform/api-rest/guide: sObject Collections, Query, Duplicate
Rule Header, Status Codes and Error Responses.
"""

import re
from functools import cached_property
from typing import Any, Mapping
from urllib.parse import urlsplit

from integrations.connectors.base import CredentialsRefused, TryLater, unreachable_error
from integrations.connectors.json_api import JsonConnector, understood
from integrations.http_answer import HttpAnswer, Unreachable

DATA = "/services/data/v62.0"
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,100}[A-Za-z0-9])?")
_HOSTS = (".salesforce.com", ".force.com", ".cloudforce.com", ".salesforce.mil")
_LIMIT = "REQUEST_LIMIT_EXCEEDED"


class SalesforceRest(JsonConnector):
    refused_names = frozenset(
        {"INVALID_SESSION_ID", "INVALID_AUTH_HEADER", "API_DISABLED_FOR_ORG", "invalid_client_id",
         "API_CURRENTLY_DISABLED", "invalid_client", "invalid_grant", "OAUTH_APP_ACCESS_DENIED"}
    )  # fmt: skip
    passing_names = frozenset(
        {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION",
         "ENTITY_IS_DELETED", "STORAGE_LIMIT_EXCEEDED", _LIMIT}
    )  # fmt: skip

    def collection(
        self, method: str, path: str, records: list[tuple[str, dict[str, Any]]]
    ) -> list[Mapping[str, Any]]:
        """What became of each record, (object, values), in their order; one that fails doesn't
        hold up the others."""
        if not records:
            return []
        body = {
            "allOrNone": False,
            "records": [{"attributes": {"type": kind}, **values} for kind, values in records],
        }
        headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
        url = f"{DATA}/composite/sobjects{path}"
        answer = self.call(method, url, json=body, headers=headers, allow=(400,))
        if answer.status == 400:
            # A value of the wrong kind makes the whole body unreadable for Salesforce.
            if len(records) > 1:
                middle = len(records) // 2
                halves = (records[:middle], records[middle:])
                return [one for half in halves for one in self.collection(method, path, half)]
            name, message = self.error_of(answer)
            return [{"success": False, "errors": [{"statusCode": name, "message": message}]}]
        with understood():
            results = list(answer.json())
            if len(results) != len(records):
                raise ValueError("an answer for each record")
            return [dict(one) for one in results]

    def query(self, soql: str) -> list[Mapping[str, Any]]:
        """All records of all pages."""
        answer = self.call("GET", f"{DATA}/query", params={"q": soql})
        found: list[Mapping[str, Any]] = []
        while True:
            with understood():
                page = answer.json()
                found += page["records"]
                if page["done"]:
                    return found
                more = str(page["nextRecordsUrl"])
            answer = self.call("GET", more)

    def call(self, method: str, path: str, *, allow: tuple[int, ...] = (), **kw: Any) -> HttpAnswer:
        """Salesforce says 403 for its limits as well as for missing rights."""
        answer = super().call(method, path, allow=(403, *allow), **kw)
        if answer.status == 403:
            name, message = self.error_of(answer)
            if name == _LIMIT:
                raise TryLater(name, message, 3600.0)  # of the last 24 hours
            raise CredentialsRefused(name or "credentials_refused", message or "No access.")
        return answer

    # the vendor's ways

    @cached_property
    def site(self) -> str:
        """The server of this organisation: as the token's answer said, else by its name."""
        if self.config.get("address"):
            return str(self.config["address"]).rstrip("/")
        said = urlsplit(str(self.config.get("instance_url") or ""))
        if said.scheme == "https" and (said.hostname or "").endswith(_HOSTS):
            return f"https://{said.hostname}"
        domain = (self.config.get("domain") or "").strip()
        if not _DOMAIN.fullmatch(domain):
            raise CredentialsRefused("wrong_address", "This isn't the name of a My Domain.")
        return f"https://{domain}.my.salesforce.com"

    @cached_property
    def token(self) -> str:
        """From the button, or for the key of the retailer's own app."""
        if self.config.get("access_token"):
            return str(self.config["access_token"])
        form = {
            "grant_type": "client_credentials",
            "client_id": (self.config.get("client_id") or "").strip(),
            "client_secret": (self.config.get("client_secret") or "").strip(),
        }
        try:
            answer = self.http.request("POST", f"{self.site}/services/oauth2/token", data=form)
        except Unreachable as error:
            raise unreachable_error(error) from error
        if answer.status in (400, 401, 403):
            name, message = self.error_of(answer)
            raise CredentialsRefused(name or "invalid_client", message or "No access.")
        with understood():
            return str(answer.json()["access_token"])

    def url(self, path: str) -> str:
        return self.site + path

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        said = answer.json()
        if isinstance(said, dict):  # of OAuth
            return str(said["error"]), str(said.get("error_description", ""))
        return str(said[0]["errorCode"]), str(said[0].get("message", ""))
