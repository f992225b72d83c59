"""The CRM's API, apart from how its bytes travel: each call answers (status, JSON)."""

from typing import Any, Callable, Mapping

from customerinfo.demo.crm.contact_attributes import ATTRIBUTES, MATCHES, Refused
from customerinfo.demo.crm.store import Store

MOST = 50  # contacts in one call
Reply = tuple[int, Any]


class ApiError(Exception):
    """A whole call refused, with the vendor's name for the reason."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name, self.message = status, name, message

    def body(self) -> dict[str, Any]:
        return {"error": {"name": self.name, "message": self.message}}


def _no_contact() -> ApiError:
    return ApiError(404, "contact_not_found", "There is no such contact.")


class Api:
    """`think` is called between an upsert's search and its writing, as a real CRM spends time
    there on its own rules."""

    def __init__(self, store: Store, think: Callable[[], object]) -> None:
        self.store, self.think = store, think

    def answer(
        self,
        account: Mapping[str, Any],
        method: str,
        path: str,
        query: list[tuple[str, str]],
        body: Any,
        origin: str,
    ) -> Reply:
        """What the CRM answers to `path` below /api/v1; raises ApiError. `origin` begins the
        links to its pages."""
        slug = account["slug"]
        links = f"{origin}/{slug}/contacts/"
        if (method, path) == ("GET", "/me"):
            return 200, {"name": account["name"], "detail": f"Account {slug}"}
        if (method, path) == ("GET", "/attributes"):
            needed = self.store.required
            return 200, {"attributes": [{**a, "required": a["name"] in needed} for a in ATTRIBUTES]}
        if (method, path) == ("GET", "/contacts"):
            return 200, self._find(slug, query, links)
        if (method, path) == ("POST", "/contacts/upsert"):
            return self._upsert(slug, body, links)
        if path.startswith("/contacts/") and path.count("/") == 2:
            return self._one(slug, method, path.rsplit("/", 1)[1], body, links)
        raise ApiError(404, "no_such_call", f"There is no {method} {path}.")

    def _find(self, slug: str, query: list[tuple[str, str]], links: str) -> dict[str, Any]:
        """By any number of id=, email=, mobile=, signup_id=; else a page of all (limit=,
        offset=), latest change first."""
        numbers = {name: value for name, value in query if name in ("limit", "offset")}
        wanted = [(name, value) for name, value in query if name not in numbers]
        if len(wanted) > MOST:
            raise ApiError(400, "too_many", f"At most {MOST} contacts in one call.")
        if wanted:
            try:
                found = [one for match in wanted for one in self.store.find(slug, *match)]
            except Refused as error:
                raise ApiError(400, error.name, error.message) from None
            contacts = list({contact["id"]: contact for contact in found}.values())
            return {"contacts": [_shown(one, links) for one in contacts], "total": len(contacts)}
        try:
            limit = min(int(numbers.get("limit", 100)), 1000)
            offset = int(numbers.get("offset", 0))
        except ValueError:
            raise ApiError(400, "invalid_page", "limit and offset are numbers.") from None
        contacts = self.store.newest(slug, max(limit, 0), min(max(offset, 0), 10**9))
        shown = [_shown(contact, links) for contact in contacts]
        return {"contacts": shown, "total": self.store.count(slug)}

    def _upsert(self, slug: str, body: Any, links: str) -> Reply:
        contacts = body.get("contacts") if isinstance(body, dict) else None
        if not isinstance(contacts, list) or not contacts:
            raise ApiError(400, "missing_contacts", "contacts must be a list with something in it.")
        if len(contacts) > MOST:
            raise ApiError(400, "too_many", f"At most {MOST} contacts in one call.")
        match = body.get("match", "email")
        if match not in ("id", *MATCHES):
            raise ApiError(400, "invalid_match", "match must be id, " + ", ".join(MATCHES))
        results = self.store.upsert(slug, match, contacts, self.think)
        for result in results:
            if "id" in result:
                result["url"] = links + result["id"]
        return (207 if any("error" in one for one in results) else 200), {"results": results}

    def _one(self, slug: str, method: str, contact_id: str, body: Any, links: str) -> Reply:
        if method == "DELETE":
            if not self.store.delete(slug, contact_id):
                raise _no_contact()
            return 204, None
        if method == "PATCH":
            try:
                attributes = body.get("attributes") if isinstance(body, dict) else None
                contact = self.store.update(slug, contact_id, attributes)
            except Refused as error:
                raise ApiError(422, error.name, error.message) from None
        elif method == "GET":
            contact = self.store.get(slug, contact_id)
        else:
            raise ApiError(405, "method_not_allowed", f"{method} isn't possible here.")
        if not contact:
            raise _no_contact()
        return 200, _shown(contact, links)


def _shown(contact: dict[str, Any], links: str) -> dict[str, Any]:
    return {**contact, "url": links + contact["id"]}
