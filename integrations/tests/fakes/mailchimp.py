"""Mailchimp as its documentation and its users describe it: a status that only its owner may
change, merge fields dropped without a word, notes made as often as they are sent."""

import base64
import hashlib
import itertools
import re
from typing import Any

from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

LEFT = ("unsubscribed", "cleaned")


def problem(status: int, title: str, detail: str = "", **more: Any) -> Refusal:
    body = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "3c8f",
        **more,
    }
    return Refusal(status, body)


def merge_field(tag: str, name: str, type: str, required: bool = False, **options: Any) -> dict:
    return {"tag": tag, "name": name, "type": type, "required": required, "options": options}


def hashed(email: str) -> str:
    return hashlib.md5(email.lower().encode()).hexdigest()


class Mailchimp(JsonVendor):
    media = "application/problem+json"
    routes = {
        "GET /": "root",
        "GET /lists": "lists",
        "GET /lists/{audience}": "details",
        "GET /lists/{audience}/merge-fields": "merge_fields",
        "GET /lists/{audience}/members": "first_members",
        "GET /lists/{audience}/members/{key}": "member",
        "PUT /lists/{audience}/members/{key}": "put",
        "PATCH /lists/{audience}/members/{key}": "patch",
        "DELETE /lists/{audience}/members/{key}": "archive",
        "POST /lists/{audience}/members/{key}/tags": "tag",
        "GET /lists/{audience}/members/{key}/notes": "notes_of",
        "POST /lists/{audience}/members/{key}/notes": "note",
    }

    def __init__(self) -> None:
        super().__init__()
        self.key = "good-us21"
        self.audiences = {"a1": {"id": "a1", "name": "Acorn's friends", "double_optin": False}}
        self.members: dict[str, dict[str, Any]] = {}  # by contact_id
        self.notes: list[tuple[str, str]] = []
        self.forgotten: set[str] = set()
        self.asked_to_confirm: list[str] = []
        self.ids = itertools.count(1)
        self.fields = [
            merge_field("FNAME", "First name", "text"),
            merge_field("LNAME", "Last name", "text"),
            merge_field("PHONE", "Phone", "phone"),
            merge_field("BIRTHDAY", "Birthday", "birthday", date_format="MM/DD"),
            merge_field("SIZE", "Size", "dropdown", choices=["Small", "Large"]),
            merge_field("POINTS", "Points", "number"),
            merge_field("HOME", "Home", "address"),
        ]

    def add(self, email: str, status: str = "subscribed", **fields: Any) -> str:
        contact_id = f"c{next(self.ids)}"
        self.members[contact_id] = {
            "id": hashed(email),
            "contact_id": contact_id,
            "web_id": 1000 + len(self.members),
            "email_address": email,
            "status": status,
            "merge_fields": {**{one["tag"]: "" for one in self.fields}, **fields},
            "language": "",
            "tags": [],
            "marketing_permissions": [
                {"marketing_permission_id": "p1", "text": "E-mail", "enabled": False}
            ],
        }
        return contact_id

    def only(self) -> dict[str, Any]:
        (held,) = self.members.values()
        return held

    def authorised(self, call: Call) -> None:
        given = base64.b64decode(call.headers["Authorization"].removeprefix("Basic ")).decode()
        if given != f"key:{self.key}":
            raise problem(401, "API Key Invalid", "Your API key may be invalid.")

    def root(self, call: Call) -> tuple[int, Any]:
        return 200, {"account_id": "x", "account_name": "Acorn"}

    def lists(self, call: Call) -> tuple[int, Any]:
        return 200, {"lists": list(self.audiences.values()), "total_items": len(self.audiences)}

    def _audience(self, audience: str) -> dict[str, Any]:
        if audience not in self.audiences:
            raise problem(404, "Resource Not Found", "The requested resource could not be found.")
        return self.audiences[audience]

    def details(self, call: Call, audience: str) -> tuple[int, Any]:
        return 200, self._audience(audience)

    def merge_fields(self, call: Call, audience: str) -> tuple[int, Any]:
        """Four a page, whatever is asked for."""
        self._audience(audience)
        start = int(call.query["offset"])
        page = self.fields[start : start + 4]
        return 200, {"merge_fields": page, "total_items": len(self.fields)}

    def first_members(self, call: Call, audience: str) -> tuple[int, Any]:
        return 200, {"members": list(self.members.values())[:1]}

    def _member(self, audience: str, key: str) -> dict[str, Any]:
        self._audience(audience)
        for held in self.members.values():
            if key in (held["id"], held["contact_id"]):
                return held
        raise problem(404, "Resource Not Found", "The requested resource could not be found.")

    def member(self, call: Call, audience: str, key: str) -> tuple[int, Any]:
        return 200, self._member(audience, key)

    def put(self, call: Call, audience: str, key: str) -> tuple[int, Any]:
        self._audience(audience)
        body = call.body
        email = body["email_address"]
        assert key == hashed(email)
        # The rule that the connector must keep: what they are is theirs to say.
        assert "status" not in body
        if "@" not in email or email.endswith("@nowhere"):
            detail = f"{email} looks fake or invalid, please enter a real email address."
            raise problem(400, "Invalid Resource", detail)
        known = [held for held in self.members.values() if held["id"] == key]
        if not known and email in self.forgotten:
            detail = f"{email} was permanently deleted and cannot be re-imported."
            raise problem(400, "Forgotten Email Not Subscribed", detail)
        self._valid(body)
        if not known:
            held = self.members[self.add(email, body["status_if_new"])]
            if held["status"] == "pending":
                self.asked_to_confirm.append(email)
        else:
            held = known[0]
        return 200, self._changed(held, body)

    def _valid(self, body: dict[str, Any]) -> None:
        given = body.get("merge_fields", {})
        for one in self.fields:
            value = given.get(one["tag"], "")
            message = ""
            if one["required"] and not value:
                message = "This field should not be blank."
            if value and one["type"] == "birthday" and not re.fullmatch(r"\d\d/\d\d", str(value)):
                message = "Please enter a month (01-12) and a day (01-31)."
            if value and one["type"] == "dropdown" and value not in one["options"]["choices"]:
                message = "Please choose one of the options."
            if message:
                errors = [{"field": one["tag"], "message": message}]
                detail = "Your merge fields were invalid."
                raise problem(400, "Invalid Resource", detail, errors=errors)

    def _changed(self, held: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        tags = {one["tag"] for one in self.fields}  # others are dropped without a word
        given = body.get("merge_fields", {})
        held["merge_fields"].update({name: v for name, v in given.items() if name in tags})
        held["language"] = body.get("language", held["language"])
        for one in body.get("marketing_permissions", ()):
            for there in held["marketing_permissions"]:
                if there["marketing_permission_id"] == one["marketing_permission_id"]:
                    there["enabled"] = one["enabled"]
        return held

    def patch(self, call: Call, audience: str, key: str) -> tuple[int, Any]:
        held, body = self._member(audience, key), call.body
        if "status" in body:
            # Nobody but the person: the one thing that may be said is "ask them".
            assert body == {"status": "pending"} and held["status"] == "transactional"
            if held["email_address"].startswith("blocked"):
                detail = f"{held['email_address']} is in a compliance state due to unsubscribe."
                raise problem(400, "Member In Compliance State", detail)
            held["status"] = "pending"
            self.asked_to_confirm.append(held["email_address"])
        self._valid({"merge_fields": {**held["merge_fields"], **body.get("merge_fields", {})}})
        return 200, self._changed(held, body)

    def archive(self, call: Call, audience: str, key: str) -> tuple[int, Any]:
        held = self._member(audience, key)
        if held["status"] == "archived":
            raise problem(405, "Method Not Allowed", "This list member cannot be removed.")
        held["status"] = "archived"
        return 204, None

    def tag(self, call: Call, audience: str, key: str) -> tuple[int, Any]:
        held = self._member(audience, key)
        for one in call.body["tags"]:
            if one["name"] not in [there["name"] for there in held["tags"]]:
                held["tags"].append({"id": len(held["tags"]), "name": one["name"]})
        return 204, None

    def notes_of(self, call: Call, audience: str, key: str) -> tuple[int, Any]:
        """Two a page, whatever is asked for."""
        held, start = self._member(audience, key), int(call.query["offset"])
        found = [{"note": text} for one, text in self.notes if one == held["contact_id"]]
        return 200, {"notes": found[start : start + 2], "total_items": len(found)}

    def note(self, call: Call, audience: str, key: str) -> tuple[int, Any]:
        self.notes.append((self._member(audience, key)["contact_id"], call.body["note"]))
        return 200, {"id": len(self.notes), "note": call.body["note"]}
