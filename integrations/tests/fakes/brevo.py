"""Brevo as its documentation and its users describe it: a phone as unique as an address, unknown
attributes dropped without a word, 400 for an unknown number. The exchanges that the harvested
OpenAPI files know are held against them."""

import itertools
from typing import Any

from integrations.tests.contract import Contract, judge
from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

NOW = "2026-11-24T08:00:00.000Z"
# The files were harvested by a third party, and leave out what developers.brevo.com describes.
SILENT = {
    "GET /v3/account *": "reference/get-account",
    "POST /v3/contacts 204": "reference/create-contact: updated",
    "POST /v3/contacts/doubleOptinConfirmation *": "reference/create-doi-contact",
    "GET /v3/contacts/* 400": "reference/get-contact-info: an unknown phone number",
    "GET /v3/crm/notes *": "reference/get-all-notes",
    "POST /v3/crm/notes *": "reference/create-a-note",
    "* 403": "docs/how-it-works: permission_denied",
    "* 429": "docs/api-limits",
}


def contract() -> Contract | None:
    return judge("brevo", strict=False, undescribed=SILENT)


def refusal(status: int, code: str, message: str, **more: Any) -> Refusal:
    return Refusal(status, {"code": code, "message": message, **more})


class Brevo(JsonVendor):
    base = "/v3"
    routes = {
        "GET /account": "account",
        "GET /contacts/attributes": "attributes",
        "GET /contacts/lists": "lists",
        "POST /contacts/doubleOptinConfirmation": "confirm",
        "POST /contacts": "create",
        "GET /contacts/{key}": "contact",
        "PUT /contacts/{key}": "update",
        "DELETE /contacts/{key}": "delete",
        "GET /crm/notes": "notes_of",
        "POST /crm/notes": "note",
    }

    def __init__(self, contract: Contract | None = None) -> None:
        super().__init__(contract)
        self.key, self.known_address = "xkeysib-good", True
        self.organization = "64f1"
        self.duplicate_code = "duplicate_parameter"
        self.contacts: dict[int, dict[str, Any]] = {}
        self.notes: list[dict[str, Any]] = []
        self.asked_to_confirm: list[tuple[str, list[int]]] = []
        self.notes_in_object = False
        self.list_count = 3
        self.ids = itertools.count(7)
        self.definitions = [
            {"name": "FIRSTNAME", "category": "normal", "type": "text"},
            {"name": "LASTNAME", "category": "normal", "type": "text"},
            {"name": "SMS", "category": "normal", "type": "text"},
            {"name": "BIRTHDAY", "category": "normal", "type": "date"},
            {"name": "POINTS", "category": "normal", "type": "float"},
            {"name": "MEMBER", "category": "normal", "type": "boolean"},
            {"name": "NOTES", "category": "normal", "type": "text"},
            {
                "name": "SIZE",
                "category": "category",
                "enumeration": [{"value": 1, "label": "Small"}, {"value": 2, "label": "Large"}],
            },
            {"name": "SCORE", "category": "calculated", "type": "float"},
        ]

    def add(self, email: str = "", **attributes: Any) -> int:
        id = next(self.ids)
        self.contacts[id] = {
            "email": email,
            "attributes": attributes,
            "listIds": [],
            "listUnsubscribed": [],
            "emailBlacklisted": False,
            "smsBlacklisted": False,
            "ext_id": "",
        }
        return id

    def authorised(self, call: Call) -> None:
        if not self.known_address:
            message = "We have detected you are using an unrecognised IP address 192.0.2.1."
            raise refusal(401, "unauthorized", message)
        if call.headers.get("api-key") != self.key:
            raise refusal(401, "unauthorized", "Key not found")

    def limits(self, call: Call) -> dict[str, str]:
        return {
            "x-sib-ratelimit-limit": "36000",
            "x-sib-ratelimit-remaining": "35999",
            "x-sib-ratelimit-reset": "600",
        }

    def account(self, call: Call) -> tuple[int, Any]:
        return 200, {
            "organization_id": self.organization,
            "companyName": "Birch",
            "email": "shop@birch.example",
        }

    def attributes(self, call: Call) -> tuple[int, Any]:
        return 200, {"attributes": self.definitions}

    def lists(self, call: Call) -> tuple[int, Any]:
        start, size = int(call.query["offset"]), int(call.query["limit"])
        every = [{"id": n, "name": f"List {n}", "folderId": 1, "totalSubscribers": 0,
                  "uniqueSubscribers": 0, "totalBlacklisted": 0}
                 for n in range(1, self.list_count + 1)]  # fmt: skip
        page = every[start : start + size]
        return 200, {"count": len(every), **({"lists": page} if page else {})}

    def _find(self, kind: str, key: str) -> int | None:
        for id, held in self.contacts.items():
            there = {
                "email_id": held["email"].lower(),
                "phone_id": held["attributes"].get("SMS"),
                "ext_id": held["ext_id"],
                "contact_id": str(id),
            }
            if there[kind] == key:
                return id
        return None

    def _found(self, call: Call, key: str) -> int:
        kind = call.query["identifierType"]
        id = self._find(kind, key)
        if id is None:
            if kind == "phone_id":
                raise refusal(400, "invalid_parameter", "Invalid phone number")
            raise refusal(404, "document_not_found", "Contact does not exist")
        return id

    def contact(self, call: Call, key: str) -> tuple[int, Any]:
        id = self._found(call, key)
        held = {k: v for k, v in self.contacts[id].items() if k != "ext_id"}
        if not held["email"]:
            del held["email"]
        return 200, {"id": id, "createdAt": NOW, "modifiedAt": NOW, **held}

    def _write(self, id: int | None, attributes: dict[str, Any], what: str) -> dict[str, Any]:
        """The attributes that Brevo keeps; refuses identifiers that another contact has."""
        phone = self._find("phone_id", attributes.get("SMS", "")) if "SMS" in attributes else None
        email = attributes.get("EMAIL", "").lower()
        other = self._find("email_id", email) if email else None
        named = [n for n, o in (("SMS", phone), ("email", other)) if o is not None and o != id]
        if named:
            raise refusal(
                400,
                self.duplicate_code,
                f"Unable to {what} contact, {named[0]} is already associated with another Contact",
                metadata={"duplicate_identifiers": named},
            )
        if not str(attributes.get("SMS", "+")).startswith("+"):
            raise refusal(400, "invalid_parameter", "Invalid phone number")
        names = {one["name"] for one in self.definitions}
        return {name: value for name, value in attributes.items() if name in names}

    def create(self, call: Call) -> tuple[int, Any]:
        body = call.body
        email, ext_id = body.get("email", ""), body.get("ext_id", "")
        if email.endswith("@nowhere"):
            raise refusal(400, "invalid_parameter", f"email {email} is not valid")
        ways = {"email_id": email.lower(), "ext_id": ext_id}
        if not email and not ext_id:
            ways = {"phone_id": body["attributes"]["SMS"]}
        id = next((f for k, v in ways.items() if v and (f := self._find(k, v)) is not None), None)
        if id is not None and not body.get("updateEnabled"):
            raise refusal(400, "duplicate_parameter", "Contact already exist")
        kept = self._write(id, body["attributes"], "create")
        new = id is None
        id = self.add(email) if id is None else id
        self.contacts[id]["attributes"].update(kept)
        self.contacts[id]["ext_id"] = ext_id or self.contacts[id]["ext_id"]
        return (201, {"id": id}) if new else (204, None)

    def update(self, call: Call, key: str) -> tuple[int, Any]:
        id = self._found(call, key)
        held = self.contacts[id]
        attributes = call.body.get("attributes", {})
        kept = self._write(id, attributes, "update")
        held["attributes"].update(kept)
        held["email"] = attributes.get("EMAIL", held["email"])
        for list_id in call.body.get("listIds", ()):
            if list_id > self.list_count:
                raise refusal(400, "invalid_parameter", "List ID does not exist")
            if list_id not in held["listIds"]:
                held["listIds"].append(list_id)
        return 204, None

    def delete(self, call: Call, key: str) -> tuple[int, Any]:
        del self.contacts[self._found(call, key)]
        return 204, None

    def confirm(self, call: Call) -> tuple[int, Any]:
        if call.body["templateId"] != 5:
            raise refusal(400, "invalid_parameter", "Template is not DOI compliant")
        self.asked_to_confirm.append((call.body["email"], call.body["includeListIds"]))
        return 201, None

    def notes_of(self, call: Call) -> tuple[int, Any]:
        start, size = int(call.query["offset"]), int(call.query["limit"])
        wanted = int(call.query["entityIds"])
        found = [one for one in self.notes if wanted in one["contactIds"]]
        page = found[start : start + size]
        return 200, {"items": page} if self.notes_in_object else page

    def note(self, call: Call) -> tuple[int, Any]:
        self.notes.append({"id": str(len(self.notes)), **call.body})
        return 200, {"id": self.notes[-1]["id"]}
