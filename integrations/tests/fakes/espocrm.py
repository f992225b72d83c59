"""EspoCRM as its documentation and its sources (8.4, 9.1) describe it: 409 for an equal address or
an equal name, unknown fields dropped without a word, opt-outs shared by everybody who has the
address, reasons in a header. It publishes no OpenAPI file, so none judges."""

import itertools
from typing import Any

from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

ALL = {"create": "yes", "read": "all", "edit": "all", "delete": "all", "stream": "all"}


def refusal(status: int, reason: str, body: Any = None) -> Refusal:
    return Refusal(status, body, {"X-Status-Reason": reason} if reason else {})


class EspoCrm(JsonVendor):
    base = "/api/v1"
    routes = {
        "GET /App/user": "app_user",
        "GET /Metadata": "metadata",
        "GET /I18n": "labels",
        "GET /TargetList": "lists",
        "GET /TargetList/{id}": "list_",
        "GET /Contact": "find",
        "POST /Contact": "create",
        "GET /Contact/{id}": "contact",
        "PUT /Contact/{id}": "update",
        "DELETE /Contact/{id}": "delete",
        "GET /Contact/{id}/targetLists": "lists_of",
        "POST /Contact/{id}/targetLists": "link",
        "GET /Contact/{id}/stream": "stream",
        "POST /Note": "note",
    }

    def __init__(self) -> None:
        super().__init__()
        self.key = "espo-good"
        self.acl: dict[str, Any] = {"Contact": dict(ALL), "TargetList": dict(ALL), "Lead": False}
        self.field_acl: dict[str, Any] = {}
        self.locked: set[str] = set()  # contacts that somebody else's team keeps for itself
        self.has_labels = True
        self.contacts: dict[str, dict[str, Any]] = {}
        self.opted_out: set[str] = set()  # addresses and numbers, whoever has them
        self.notes: list[dict[str, Any]] = []
        self.target_lists = {"tl1": "News", "tl2": "Offers", "tl3": "Events"}
        self.linked: dict[tuple[str, str], bool] = {}  # (contact, list) → opted out of it
        self.ids = itertools.count(1)
        self.fields: dict[str, dict[str, Any]] = {
            "name": {"type": "personName"},
            "salutationName": {"type": "enum", "options": ["", "Mr.", "Ms."]},
            "firstName": {"type": "varchar", "maxLength": 100},
            "lastName": {"type": "varchar", "maxLength": 100, "required": True},
            "emailAddress": {"type": "email"},
            "phoneNumber": {"type": "phone", "typeList": ["Mobile", "Home"]},
            "description": {"type": "text"},
            "addressPostalCode": {"type": "varchar"},
            "doNotCall": {"type": "bool"},
            "title": {"type": "varchar", "notStorable": True},
            "account": {"type": "link"},
            "createdAt": {"type": "datetime", "readOnly": True},
            "cBirthday": {"type": "date"},
            "cVisits": {"type": "int"},
            "cSignedUpAt": {"type": "datetime"},
            "cLikes": {"type": "multiEnum", "options": ["tea", "jam"]},
            "cFavouriteStore": {"type": "enum", "options": ["North", "South"]},
        }

    # for tests

    def add(self, **values: Any) -> str:
        id = f"{next(self.ids):017x}"
        self.contacts[id] = {"lastName": "Lee", **values}
        return id

    # answers

    def authorised(self, call: Call) -> None:
        if call.headers.get("X-Api-Key") != self.key:
            raise Refusal(401)

    def needs(self, scope: str, action: str) -> None:
        level = (self.acl.get(scope) or {}).get(action, "no")
        if level == "no":
            raise refusal(403, f"No {action} access.")

    def app_user(self, call: Call) -> tuple[int, Any]:
        user = {"id": "u1", "userName": "customerinfo", "type": "api"}
        return 200, {"user": user, "acl": {"table": self.acl, "fieldTable": self.field_acl}}

    def metadata(self, call: Call) -> tuple[int, Any]:
        assert call.query["key"] == "entityDefs.Contact.fields"
        return 200, self.fields

    def labels(self, call: Call) -> tuple[int, Any]:
        if not self.has_labels:
            return 200, b"{" + b" " * 1_000_001 + b"}"
        return 200, {
            "Global": {"fields": {"createdAt": "Created At", "emailAddress": "Email"}},
            "Contact": {
                "fields": {"cFavouriteStore": "Favourite shop"},
                "options": {"cFavouriteStore": {"North": "The North", "South": "The South"}},
            },
        }

    def page(self, call: Call, rows: list[dict[str, Any]]) -> tuple[int, Any]:
        size, start = int(call.query["maxSize"]), int(call.query.get("offset", 0))
        if size > 200:
            raise refusal(403, "Max size should not exceed 200. Use offset and limit.")
        return 200, {"total": len(rows), "list": rows[start : start + size]}

    def lists(self, call: Call) -> tuple[int, Any]:
        self.needs("TargetList", "read")
        return self.page(call, [{"id": i, "name": n} for i, n in self.target_lists.items()])

    def list_(self, call: Call, id: str) -> tuple[int, Any]:
        if id not in self.target_lists:
            raise Refusal(404)
        return 200, {"id": id}

    def addresses(self, held: dict[str, Any]) -> list[str]:
        return [one.lower() for one in (held.get("emailAddress"), *held.get("others", ())) if one]

    def find(self, call: Call) -> tuple[int, Any]:
        self.needs("Contact", "read")
        attribute, value = call.query["where[0][attribute]"], call.query["where[0][value]"]
        contains = call.query["where[0][type]"] == "contains"
        found = []
        for id, held in self.contacts.items():
            if attribute == "emailAddress":
                fits = value.lower() in self.addresses(held)
            elif contains:
                fits = value in str(held.get(attribute) or "")
            else:
                fits = held.get(attribute) == value
            if fits:
                found.append({"id": id})
        return self.page(call, found)

    def shown(self, id: str) -> dict[str, Any]:
        held = {k: v for k, v in self.contacts[id].items() if k != "others"}
        data = [
            {"emailAddress": o, "primary": not n, "optOut": o in self.opted_out, "invalid": False}
            for n, o in enumerate(self.addresses(self.contacts[id]))
        ]
        phone = held.get("phoneNumber")
        phones = [{"phoneNumber": phone, "primary": True, "optOut": phone in self.opted_out}]
        return {
            "id": id,
            **held,
            "emailAddressData": data,
            "emailAddressIsOptedOut": bool(data and data[0]["optOut"]),
            "phoneNumberData": phones if phone else [],
            "phoneNumberIsOptedOut": phone in self.opted_out,
        }

    def valid(self, values: dict[str, Any], new: bool) -> dict[str, Any]:
        """What EspoCRM keeps of it; raises for what it refuses."""
        closed = {n for n, o in (self.field_acl.get("Contact") or {}).items() if o["edit"] == "no"}
        kept = {
            name: value
            for name, value in values.items()
            if name in self.fields and not self.fields[name].get("readOnly") and name not in closed
        }
        for name, defs in self.fields.items():
            wrong = ""
            if defs.get("required") and (new or name in kept) and not kept.get(name):
                wrong = "required"
            elif name == "emailAddress" and "@nowhere" in str(kept.get(name)):
                wrong = "emailAddress"
            elif defs["type"] == "datetime" and "T" in str(kept.get(name)):
                wrong = "valid"
            if wrong:
                reason = "Field validation failure; entityType: Contact"
                raise refusal(
                    400,
                    f"{reason}, field: {name}, type: {wrong}.",
                    {"messageTranslation": {"label": "validationFailure", "scope": None}},
                )
        return kept

    def create(self, call: Call) -> tuple[int, Any]:
        self.needs("Contact", "create")
        kept = self.valid(call.body, new=True)
        if call.headers.get("X-Skip-Duplicate-Check") != "true":
            same = [
                self.shown(id)
                for id, held in self.contacts.items()
                if str(kept.get("emailAddress")).lower() in self.addresses(held)
                or (kept.get("firstName"), kept["lastName"])
                == (held.get("firstName"), held["lastName"])
            ]
            if same:
                raise refusal(409, "duplicate", same)
        return 200, self.shown(self.add(**kept))

    def found(self, id: str) -> dict[str, Any]:
        if id not in self.contacts:
            raise refusal(404, f"Record {id} not found.")
        return self.contacts[id]

    def contact(self, call: Call, id: str) -> tuple[int, Any]:
        self.needs("Contact", "read")
        self.found(id)
        return 200, self.shown(id)

    def update(self, call: Call, id: str) -> tuple[int, Any]:
        self.needs("Contact", "edit")
        held = self.found(id)
        if id in self.locked:
            raise refusal(403, "No edit access.")
        held.update(self.valid(call.body, new=False))
        return 200, self.shown(id)

    def delete(self, call: Call, id: str) -> tuple[int, Any]:
        self.needs("Contact", "delete")
        self.found(id)
        del self.contacts[id]
        return 200, True

    def lists_of(self, call: Call, id: str) -> tuple[int, Any]:
        self.found(id)
        return self.page(
            call,
            [
                {"id": tl, "name": self.target_lists.get(tl), "isOptedOut": out}
                for (contact, tl), out in self.linked.items()
                if contact == id
            ],
        )

    def link(self, call: Call, id: str) -> tuple[int, Any]:
        self.needs("TargetList", "edit")
        self.found(id)
        self.linked[id, call.body["id"]] = False  # as relating anew: nobody may ask it of us
        return 200, True

    def stream(self, call: Call, id: str) -> tuple[int, Any]:
        self.needs("Contact", "stream")
        self.found(id)
        of_it = [one for one in reversed(self.notes) if one["parentId"] == id]
        return self.page(call, of_it)

    def note(self, call: Call) -> tuple[int, Any]:
        self.needs("Contact", "stream")
        self.notes.append({"id": f"n{len(self.notes)}", **call.body})
        return 200, self.notes[-1]
