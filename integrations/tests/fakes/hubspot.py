"""HubSpot as its documentation and its users describe it: who is unique, what merges, what fails a
whole batch and what doesn't. Every exchange is held against HubSpot's own OpenAPI files."""

import itertools
import json
import uuid
from typing import Any

from integrations.tests.contract import Contract, judge
from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

NOW = "2026-11-24T08:00:00Z"
SILENT = {
    "GET /account-info/v3/details *": "developers.hubspot.com, Account information v3",
    "POST /oauth/v2/private-apps/get/access-token-info *": "developers.hubspot.com, Private apps",
    "POST /crm/associations/2026-03/contacts/notes/batch/read *": "…, Associations 2026-03",
    # The same shapes as contacts', whose file is here; notes' file isn't.
    "POST /crm/objects/2026-03/notes/*": "developers.hubspot.com, Notes 2026-03",
}
SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "communication_preferences.read_write",
)


def contract() -> Contract | None:
    return judge("hubspot", undescribed=SILENT)


def error(status: int, category: str, message: str, **more: Any) -> Refusal:
    body = {
        "status": "error",
        "category": category,
        "message": message,
        "correlationId": str(uuid.uuid4()),
        **more,
    }
    return Refusal(status, body)


def prop(name: str, label: str, type: str = "string", field: str = "text", **more: Any) -> dict:
    read_only = more.pop("read_only", False)
    return {
        "name": name,
        "label": label,
        "type": type,
        "fieldType": field,
        "groupName": "contactinformation",
        "description": "",
        "options": more.pop("options", []),
        "hidden": False,
        "hasUniqueValue": False,
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": True,
            "readOnlyValue": read_only,
        },
        **more,
    }


def option(value: str, label: str) -> dict:
    return {"value": value, "label": label, "hidden": False}


class HubSpot(JsonVendor):
    routes = {
        "GET /account-info/v3/details": "details",
        "POST /oauth/v2/private-apps/get/access-token-info": "token_info",
        "GET /crm/properties/2026-03/contacts": "properties",
        "POST /crm/properties/2026-03/contacts": "add_property",
        "GET /crm/properties/2026-03/contacts/{name}": "property",
        "POST /crm/objects/2026-03/contacts/batch/{verb}": "batch",
        "POST /crm/objects/2026-03/contacts/search": "search",
        "GET /crm/objects/2026-03/contacts/{id}": "contact",
        "DELETE /crm/objects/2026-03/contacts/{id}": "archive",
        "POST /crm/associations/2026-03/contacts/notes/batch/read": "notes_of",
        "POST /crm/objects/2026-03/notes/batch/{verb}": "batch_notes",
        "GET /communication-preferences/2026-03/definitions": "definitions",
        "GET /communication-preferences/2026-03/statuses/{email}": "statuses",
        "POST /communication-preferences/2026-03/statuses/{email}": "set_status",
        "GET /communication-preferences/2026-03/statuses/{email}/unsubscribe-all": "left_all",
    }

    def __init__(self, contract: Contract | None = None) -> None:
        super().__init__(contract)
        self.tokens = {"pat-eu1-good": 4711}
        self.scopes = list(SCOPES)
        self.contacts: dict[str, dict[str, str]] = {}
        self.merged: dict[str, str] = {}  # the id that lost → the one that stayed
        self.notes: dict[str, dict[str, Any]] = {}
        self.status: dict[tuple[str, str], str] = {}
        self.left: set[str] = set()
        self.search_lags = False  # HubSpot's index takes some seconds to see what is new
        self.ids = itertools.count(101)
        self.fields = {
            one["name"]: one
            for one in (
                prop("email", "Email"),
                prop("firstname", "First name"),
                prop("lastname", "Last name"),
                prop("mobilephone", "Mobile phone", field="phonenumber"),
                prop("phone", "Phone", field="phonenumber"),
                prop("zip", "Postal code"),
                prop("message", "Message", field="textarea"),
                prop("birthday", "Birthday", "date", "date"),
                prop("visits", "Visits", "number", "number"),
                prop("member", "Member", "bool", "booleancheckbox",
                     options=[option("true", "Yes"), option("false", "No")]),
                prop("size", "Size", "enumeration", "select",
                     options=[option("s", "Small"), option("l", "Large")]),
                prop("likes", "Likes", "enumeration", "checkbox",
                     options=[option("tea", "Tea"), option("jam", "Jam"), option("pie", "Pie")]),
                prop("hubspot_owner_id", "Owner", "enumeration", "select"),
                prop("createdate", "Create date", "datetime", "date", read_only=True),
                prop("hs_additional_emails", "More addresses", "enumeration", read_only=True),
                prop("hs_merged_object_ids", "Merged", "enumeration", read_only=True),
                prop("hs_secret", "Inside", hidden=True),
            )
        }  # fmt: skip

    # for tests

    def add(self, **values: str) -> str:
        remote_id = str(next(self.ids))
        self.contacts[remote_id] = values
        return remote_id

    def merge(self, loser: str, winner: str) -> None:
        gone, held = self.contacts.pop(loser), self.contacts[winner]
        self.merged[loser] = winner
        held["hs_merged_object_ids"] = ";".join(
            filter(None, [held.get("hs_merged_object_ids"), loser])
        )
        held["hs_additional_emails"] = gone["email"]

    # answers

    def authorised(self, call: Call) -> None:
        token = call.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def limits(self, call: Call) -> dict[str, str]:
        return {
            "X-HubSpot-RateLimit-Max": "190",
            "X-HubSpot-RateLimit-Remaining": "180",
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }

    def needs(self, scope: str) -> None:
        if scope not in self.scopes:
            message = "This app hasn't been granted all required scopes to make this call."
            context = {"requiredGranularScopes": [scope]}
            detail = {"message": "One or more of these are required.", "context": context}
            raise error(403, "MISSING_SCOPES", message, errors=[detail])

    def details(self, call: Call) -> tuple[int, Any]:
        return 200, {"portalId": 4711, "uiDomain": "app-eu1.hubspot.com", "timeZone": "Europe/Oslo"}

    def token_info(self, call: Call) -> tuple[int, Any]:
        return 200, {"userId": 1, "hubId": 4711, "appId": 2, "scopes": self.scopes}

    def properties(self, call: Call) -> tuple[int, Any]:
        self.needs("crm.schemas.contacts.read")
        return 200, {"results": list(self.fields.values())}

    def property(self, call: Call, name: str) -> tuple[int, Any]:
        if name not in self.fields:
            raise error(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist")
        return 200, self.fields[name]

    def add_property(self, call: Call) -> tuple[int, Any]:
        self.needs("crm.schemas.contacts.write")
        body = call.body
        made = prop(body["name"], body["label"], hasUniqueValue=body["hasUniqueValue"])
        self.fields[body["name"]] = made
        return 201, made

    def batch(self, call: Call, verb: str) -> tuple[int, Any]:
        self.needs(f"crm.objects.contacts.{'read' if verb == 'read' else 'write'}")
        inputs = call.body["inputs"]
        if len(inputs) > 100:
            raise error(400, "VALIDATION_ERROR", "The maximum number of inputs is 100")
        keys = [(one.get("idProperty"), one["id"]) for one in inputs if "id" in one]
        if verb != "read" and len(keys) != len(set(keys)):
            raise error(409, "CONFLICT", "Duplicate IDs found in batch input")
        if verb == "upsert" and len(inputs) > 1:
            if any(one.get("idProperty") == "email" for one in inputs):
                raise error(400, "VALIDATION_ERROR", "No partial upsert with idProperty=email")
        traced = all(one.get("objectWriteTraceId") for one in inputs)
        results, errors = [], []
        for one in inputs:
            try:
                results.append(self._one(verb, one, call.body))
            except Refusal as refusal:
                missing = refusal.answer[1]["category"] == "OBJECT_NOT_FOUND"
                if not (missing or traced):
                    raise  # the whole batch fails for the one
                trace = one.get("objectWriteTraceId")
                context = {"objectWriteTraceId": [trace]} if trace else {"ids": [one["id"]]}
                said = refusal.answer[1]
                errors.append(
                    {
                        "status": "error",
                        "category": said["category"],
                        "message": said["message"],
                        "errors": said.get("errors", []),
                        "context": context,
                        "links": {},
                    }
                )
        whole = {"status": "COMPLETE", "results": results, "startedAt": NOW, "completedAt": NOW}
        if errors:
            return 207, {**whole, "numErrors": len(errors), "errors": errors}
        return (201 if verb == "create" else 200), whole

    def _one(self, verb: str, one: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        id_property = one.get("idProperty") or body.get("idProperty")
        remote_id = self._find(id_property, one["id"]) if "id" in one else ""
        if verb == "read" or verb == "update":
            if not remote_id:
                raise error(404, "OBJECT_NOT_FOUND", "resource not found")
        if verb == "read":
            return self._shown(remote_id, body["properties"])
        self._valid(one["properties"])
        email = one["properties"].get("email", "").lower()
        other = self._find("email", email) if email else ""
        if other and other != remote_id:
            raise error(409, "CONFLICT", f"Contact already exists. Existing ID: {other}")
        new = not remote_id
        remote_id = remote_id or self.add()
        held = self.contacts[remote_id]
        held.update(one["properties"])
        for name in [name for name, value in held.items() if value == ""]:
            del held[name]  # an empty text clears
        shown = self._shown(remote_id, list(held))
        if verb == "upsert":
            shown["new"] = new
        return {**shown, "objectWriteTraceId": one.get("objectWriteTraceId", "")}

    def _valid(self, properties: dict[str, str]) -> None:
        for name, value in properties.items():
            code = ""
            if name not in self.fields:
                code = "PROPERTY_DOESNT_EXIST"
            elif self.fields[name]["modificationMetadata"]["readOnlyValue"]:
                code = "READ_ONLY_VALUE"
            elif name == "email" and "@" not in value:
                code = "INVALID_EMAIL"
            elif self.fields[name]["type"] == "enumeration" and self.fields[name]["options"]:
                known = {one["value"] for one in self.fields[name]["options"]}
                code = "" if set(value.split(";")) <= known else "INVALID_OPTION"
            if code:
                inside = [{"isValid": False, "message": f"{value} is wrong", "error": code,
                           "name": name}]  # fmt: skip
                text = f"Property values were not valid: {json.dumps(inside)}"
                raise error(400, "VALIDATION_ERROR", text)

    def _find(self, id_property: str | None, key: str) -> str:
        if not id_property:
            key = self.merged.get(key, key)
            return key if key in self.contacts else ""
        if id_property not in self.fields:
            raise error(400, "VALIDATION_ERROR", f"{id_property} is no unique property")
        for remote_id, held in self.contacts.items():
            addresses = [held.get(id_property, "")]
            if id_property == "email":
                addresses += held.get("hs_additional_emails", "").split(";")
            if key.lower() in (one.lower() for one in addresses if one):
                return remote_id
        return ""

    def _shown(self, remote_id: str, names: list[str]) -> dict[str, Any]:
        held = self.contacts[remote_id]
        return {
            "id": remote_id,
            # HubSpot shows null for what isn't there, which its own file doesn't allow.
            "properties": {name: held[name] for name in names if name in held},
            "createdAt": NOW,
            "updatedAt": NOW,
            "archived": False,
        }

    def search(self, call: Call) -> tuple[int, Any]:
        self.needs("crm.objects.contacts.read")
        found = []
        if not self.search_lags:
            for group in call.body["filterGroups"]:
                for remote_id, held in self.contacts.items():
                    fits = [
                        held.get(one["propertyName"]) == one["value"] for one in group["filters"]
                    ]
                    if all(fits) and remote_id not in found:
                        found.append(remote_id)
        shown = [self._shown(one, call.body["properties"]) for one in sorted(found, key=int)]
        return 200, {"total": len(shown), "results": shown[: call.body["limit"]]}

    def contact(self, call: Call, id: str) -> tuple[int, Any]:
        if id not in self.contacts:
            raise error(404, "OBJECT_NOT_FOUND", "resource not found")
        return 200, self._shown(id, call.query["properties"].split(","))

    def archive(self, call: Call, id: str) -> tuple[int, Any]:
        if self.contacts.pop(id, None) is None:
            raise error(404, "OBJECT_NOT_FOUND", "resource not found")
        return 204, None

    def notes_of(self, call: Call) -> tuple[int, Any]:
        """Two a page, so that paging is walked."""
        results = []
        for one in call.body["inputs"]:
            ids = [note for note, held in self.notes.items() if held["contact"] == one["id"]]
            start = int(one.get("after") or 0)
            to = [{"toObjectId": note, "associationTypes": []} for note in ids[start : start + 2]]
            if to:
                result: dict[str, Any] = {"from": {"id": one["id"]}, "to": to}
                if start + 2 < len(ids):
                    result["paging"] = {"next": {"after": str(start + 2)}}
                results.append(result)
        return 200, {"status": "COMPLETE", "results": results}

    def batch_notes(self, call: Call, verb: str) -> tuple[int, Any]:
        results = []
        for one in call.body["inputs"]:
            note = one.get("id") or str(next(self.ids))
            if verb == "create":
                (link,) = one["associations"]
                held = {"contact": link["to"]["id"], "body": one["properties"]["hs_note_body"]}
                self.notes[note] = held
            properties = {"hs_note_body": self.notes[note]["body"]}
            results.append({"id": note, "properties": properties, "archived": False})
        return (201 if verb == "create" else 200), {"status": "COMPLETE", "results": results}

    def definitions(self, call: Call) -> tuple[int, Any]:
        self.needs("communication_preferences.read_write")
        kinds = [("11", "Newsletter", True, False), ("12", "Old", False, False),
                 ("13", "Sales", True, True)]  # fmt: skip
        results = [
            {
                "id": id,
                "name": name,
                "description": "",
                "isActive": active,
                "isInternal": internal,
                "isDefault": False,
                "createdAt": NOW,
                "updatedAt": NOW,
            }
            for id, name, active, internal in kinds
        ]
        return 200, {"status": "COMPLETE", "results": results, "startedAt": NOW, "completedAt": NOW}

    def statuses(self, call: Call, email: str) -> tuple[int, Any]:
        self.needs("communication_preferences.read_write")
        found = [self._status(email, id) for one, id in self.status if one == email]
        return 200, {"status": "COMPLETE", "results": found, "startedAt": NOW, "completedAt": NOW}

    def _status(self, email: str, id: str) -> dict[str, Any]:
        return {
            "channel": "EMAIL",
            "source": "CustomerInfo",
            "status": self.status[email, id],
            "subscriberIdString": email,
            "subscriptionId": int(id),
            "timestamp": NOW,
        }

    def set_status(self, call: Call, email: str) -> tuple[int, Any]:
        """As the real one since version 4: it subscribes again whoever left."""
        self.needs("communication_preferences.read_write")
        id = str(call.body["subscriptionId"])
        if id not in ("11", "12", "13"):
            raise error(400, "VALIDATION_ERROR", "There is no such subscription")
        self.status[email, id] = call.body["statusState"]
        found = [self._status(email, id)]
        return 200, {"status": "COMPLETE", "results": found, "startedAt": NOW, "completedAt": NOW}

    def left_all(self, call: Call, email: str) -> tuple[int, Any]:
        """Empty unless the address left everything."""
        wide = {
            "channel": "EMAIL",
            "status": "UNSUBSCRIBED",
            "subscriberIdString": email,
            "timestamp": NOW,
            "wideStatusType": "PORTAL_WIDE",
        }
        found = [wide] if email in self.left else []
        return 200, {"status": "COMPLETE", "results": found, "startedAt": NOW, "completedAt": NOW}
