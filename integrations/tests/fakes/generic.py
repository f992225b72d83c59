"""A CRM that nobody has heard of: JSON, one key, contacts found by a query."""

from typing import Any

from .json_vendor import Call, JsonVendor, Refusal

KEY = "generic-good"
DEFINITION: dict[str, Any] = {
    "format": 1,
    "name": "Nobody's CRM",
    "auth": {"kind": "header", "header": "X-Key"},
    "check": {"path": "/me", "name": "account.name"},
    "attributes": [
        {"name": "email", "type": "email", "required": True},
        {"name": "first_name", "label": "First name"},
        {"name": "phone", "type": "phone"},
        {"name": "colour", "options": ["red", "blue"], "type": "choice"},
        {"name": "note", "type": "text"},
    ],
    "lookup": {
        "email": {"path": "/people", "query": {"mail": "{value}"}, "items": "found", "id": "key"},
        "phone": {
            "method": "POST",
            "path": "/people/search",
            "body": {"where": {"tel": "{value}"}},
            "items": "found",
            "id": "key",
        },
    },
    "create": {
        "path": "/people",
        "body": {
            "mail": "{email}",
            "name": {"first": "{first_name}"},
            "tel": "{phone}",
            "tags": [{"colour": "{colour}"}, "ours"],
            "remark": "From {ref}: {note}",
        },
        "id": "person.key",
    },
    "update": {
        "method": "PUT",
        "path": "/people/{id}",
        "body": {"name": {"first": "{first_name}"}, "tel": "{phone}", "remark": "{note}"},
    },
    "read": {
        "path": "/people/{id}",
        "values": {"email": "mail", "first_name": "name.first", "phone": "tel", "note": "remark"},
    },
    "delete": {"path": "/people/{id}"},
    "errors": {"code": "error.name", "message": "error.text"},
    "consents": {
        "lists": {"path": "/lists", "items": "lists", "id": "no", "label": "title", "next": "more"},
        "state": {
            "path": "/people/{id}/lists/{list}",
            "value": "is",
            "on": ["in"],
            "left": ["out"],
        },
        "subscribe": {
            "method": "PUT",
            "path": "/people/{id}/lists/{list}",
            "body": {"words": "{wording}", "at": "{recorded_at}"},
        },
    },
    "rate_limit": {"remaining": "X-Left", "reset": "X-Reset"},
    "link": "/app/people/{id}",
}


SCHEMA: dict[str, Any] = {
    "definitions": {
        "Person": {
            "type": "object",
            "required": ["email"],
            "properties": {
                "email": {"type": "string", "format": "email", "title": "Mail"},
                "born": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                "size": {"$ref": "#/definitions/Size"},
                "vip": {"type": ["boolean", "null"]},
                "tags": {"type": "array"},
                "number": {"type": "integer", "readOnly": True},
                "plan": {"const": "basic"},
                "odd": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            },
        },
        "Size": {"enum": ["S", "L", None]},
    }
}


class GenericCrm(JsonVendor):
    routes = {
        "GET /me": "me",
        "GET /fields": "fields",
        "GET /people": "search",
        "POST /people/search": "search_by_body",
        "POST /people": "create",
        "GET /people/{key}": "read",
        "PUT /people/{key}": "update",
        "DELETE /people/{key}": "delete",
        "POST /token": "token",
        "GET /schema": "schema",
        "GET /lists": "lists",
        "GET /people/{key}/lists/{number}": "list_state",
        "PUT /people/{key}/lists/{number}": "join",
    }

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, dict] = {}
        self.keys = {KEY}
        self.members: dict[tuple[str, str], str] = {}  # (key, list) → in or out
        self.consents: list[dict] = []

    def authorised(self, call: Call) -> None:
        if call.path == "/token":
            return
        given = call.headers.get("X-Key") or call.headers.get("Authorization", "").split(" ")[-1]
        if given not in self.keys:
            raise Refusal(401, {"error": {"name": "bad_key", "text": "Who are you?"}})

    def me(self, call: Call) -> tuple[int, Any]:
        return 200, {"account": {"name": "Ann's shop"}}

    def fields(self, call: Call) -> tuple[int, Any]:
        listed = [
            {"key": "email", "title": "Mail", "kind": "mail", "must": True},
            {"key": "size", "kind": "pick", "choices": ["S", {"value": "l", "label": "L"}]},
            {"title": "nameless"},
        ]
        return 200, {"fields": listed}

    def schema(self, call: Call) -> tuple[int, Any]:
        return 200, SCHEMA

    def lists(self, call: Call) -> tuple[int, Any]:
        """Two pages, by an address of the next one."""
        if call.query.get("page") == "2":
            return 200, {"lists": [{"no": 2, "title": "Sales"}]}
        return 200, {"lists": [{"no": 1, "title": "News"}], "more": f"{self.address}/lists?page=2"}

    def list_state(self, call: Call, key: str, number: str) -> tuple[int, Any]:
        if (key, number) not in self.members:
            raise Refusal(404, {"error": {"name": "none", "text": "Not on it"}})
        return 200, {"is": self.members[key, number]}

    def join(self, call: Call, key: str, number: str) -> tuple[int, Any]:
        self.members[key, number] = "in"
        self.consents.append(call.body)
        return 200, {}

    def token(self, call: Call) -> tuple[int, Any]:
        if call.body.get("client_secret") != "secret":
            raise Refusal(401, {"error": "invalid_client"})
        self.keys.add("a-token")
        return 200, {"access_token": "a-token", "scope": call.body.get("scope")}

    def search(self, call: Call) -> tuple[int, Any]:
        return 200, {"found": self._found("mail", call.query["mail"])}

    def search_by_body(self, call: Call) -> tuple[int, Any]:
        return 200, {"found": self._found("tel", call.body["where"]["tel"])}

    def _found(self, name: str, value: str) -> list[dict]:
        return [one for one in self.people.values() if one.get(name) == value]

    def create(self, call: Call) -> tuple[int, Any]:
        if call.body.get("name", {}).get("first") == "Bad":
            raise Refusal(422, {"error": {"name": "bad_name", "text": "No such name: Bad"}})
        key = f"p/{len(self.people) + 1}"
        self.people[key] = {**call.body, "key": key}
        return 201, {"person": {"key": key}}

    def read(self, call: Call, key: str) -> tuple[int, Any]:
        return 200, self._person(key)

    def update(self, call: Call, key: str) -> tuple[int, Any]:
        self._person(key).update(call.body)
        return 200, {}

    def delete(self, call: Call, key: str) -> tuple[int, Any]:
        del self.people[self._person(key)["key"]]
        return 200, {}

    def _person(self, key: str) -> dict:
        if key not in self.people:
            raise Refusal(404, {"error": {"name": "gone", "text": "Nobody"}})
        return self.people[key]
