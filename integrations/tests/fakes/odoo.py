"""Odoo's models behind both of its ways in: JSON-2 of version 19, JSON-RPC of 14 to 18, whose
errors come with status 200. As its sources have it: nothing unique but external ids, a `load` that
one bad row fails whole, blank cells that clear, ValueError and 500 for an unknown field."""

import itertools
from typing import Any

from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

FIELDS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "readonly": True, "store": True, "string": "ID"},
    "name": {"type": "char", "store": True, "string": "Name"},
    "active": {"type": "boolean", "store": True, "string": "Active"},
    "type": {"type": "selection", "store": True, "string": "Address Type",
             "selection": [["contact", "Contact"], ["invoice", "Invoice"]]},
    "email": {"type": "char", "store": True, "string": "Email"},
    "email_normalized": {"type": "char", "readonly": True, "store": True, "string": "Normalized"},
    "is_blacklisted": {"type": "boolean", "readonly": True, "store": False, "string": "Blacklist"},
    "phone": {"type": "char", "store": True, "string": "Phone"},
    "zip": {"type": "char", "store": True, "string": "Zip"},
    "comment": {"type": "html", "store": True, "string": "Notes"},
    "x_points": {"type": "integer", "store": True, "string": "Points"},
    "x_member": {"type": "boolean", "store": True, "string": "Member"},
    "x_birthday": {"type": "date", "store": True, "string": "Birthday"},
    "x_signed_up": {"type": "datetime", "store": True, "string": "Signed up"},
    "x_size": {"type": "selection", "store": True, "string": "Size",
               "selection": [["s", "Small"], ["l", "Large"]]},
    "x_code": {"type": "char", "store": True, "string": "Code", "required": False},
    "image_1920": {"type": "binary", "store": True, "string": "Image"},
    "country_id": {"type": "many2one", "store": True, "string": "Country"},
    "category_id": {"type": "many2many", "store": True, "string": "Tags"},
}  # fmt: skip
STATUS = {"AccessDenied": 403, "AccessError": 403, "MissingError": 404, "UserError": 422,
          "ValidationError": 422, "NotFound": 404, "Unauthorized": 401}  # fmt: skip


class Trouble(Exception):
    """An exception inside of Odoo."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name)
        self.name, self.message = name, message

    @property
    def shown(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "message": self.message,
            "arguments": [self.message],
            "context": {},
            "debug": "Traceback (most recent call last): …",
        }

    @property
    def status(self) -> int:
        return STATUS.get(self.name.rpartition(".")[2], 500)


class Odoo(JsonVendor):
    routes = {"POST /json/2/{model}/{method}": "json2", "POST /jsonrpc": "jsonrpc"}

    def __init__(self, version: str = "19") -> None:
        super().__init__()
        self.version, self.key, self.database = version, "odoo-good", "shop"
        self.rights = {"read", "create", "write", "unlink"}
        self.mail_rights = True
        self.locked: set[int] = set()  # contacts that a rule of the company's hides from writing
        self.races = 0  # this many of the next loads lose one
        self.shy = False  # load doesn't say which row is wrong
        self.blacklist: set[str] = set()
        self.external: dict[str, int] = {}
        self.ids = itertools.count(7)
        self.fields = {name: dict(field) for name, field in FIELDS.items()}
        if version == "18":
            self.fields["mobile"] = {"type": "char", "store": True, "string": "Mobile"}
            self.fields["phone_sanitized"] = {**self.fields["email_normalized"]}
        self.link_field = "subscription_ids" if version == "19" else "subscription_list_ids"
        self.link_model = {
            "19": "mailing.subscription", "18": "mailing.contact.subscription",
        }[version]  # fmt: skip
        self.tables: dict[str, dict[int, dict[str, Any]]] = {
            "res.partner": {},
            "res.partner.category": {},
            "res.users": {
                2: {
                    "name": "CustomerInfo",
                    "company_id": [1, "Birch"],
                    "create_date": "2026-11-24 08:00:00",
                }
            },
            "res.country": {
                20: {"code": "NO", "name": "Norway"},
                21: {"code": "FR", "name": "France"},
            },
            "mail.message": {},
            "mailing.list": {n: {"name": f"List {n}"} for n in (1, 2, 3)},
            "mailing.contact": {},
            self.link_model: {},
        }

    # for tests

    @property
    def partners(self) -> dict[int, dict[str, Any]]:
        return self.tables["res.partner"]

    @property
    def notes(self) -> list[str]:
        return [one["body"] for one in self.tables["mail.message"].values()]

    @property
    def on(self) -> set[tuple[str, int]]:
        """(address, list) of whom gets mail."""
        people = self.tables["mailing.contact"]
        return {
            (people[one["contact_id"]]["email"], one["list_id"])
            for one in self.tables[self.link_model].values()
            if not one["opt_out"]
        }

    def add(self, **values: Any) -> int:
        return self.insert("res.partner", {"name": "Lee", **values})

    def insert(self, model: str, values: dict[str, Any]) -> int:
        id = next(self.ids)
        new: dict[str, Any] = {}
        if model == "res.partner":
            new = {"active": True, "type": "contact", "category_id": []}
        if model == self.link_model:
            new = {"opt_out": False}
        self.tables[model][id] = {**new, **values}
        return id

    # the two ways in

    def json2(self, call: Call, model: str, method: str) -> tuple[int, Any]:
        if self.version != "19":
            raise Refusal(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html"})
        try:
            if call.headers.get("Authorization") != f"bearer {self.key}":
                raise Trouble("werkzeug.exceptions.Unauthorized", "Invalid apikey")
            if call.headers.get("X-Odoo-Database", self.database) != self.database:
                raise Trouble("psycopg2.OperationalError", 'FATAL:  database "x" does not exist\n')
            given = dict(call.body)
            ids, context = given.pop("ids", []), given.pop("context", {})
            return 200, self.called(model, method, ids, context, given)
        except Trouble as trouble:
            return trouble.status, trouble.shown

    def jsonrpc(self, call: Call) -> tuple[int, Any]:
        params = call.body["params"]
        shell = {"jsonrpc": "2.0", "id": call.body["id"]}
        try:
            assert call.body["method"] == "call"
            args = list(params["args"])
            if args[0] != self.database:
                raise Trouble("psycopg2.OperationalError", 'FATAL:  database "x" does not exist\n')
            if params["service"] == "common":
                good = args[1:3] == ["ci@birch.example", self.key]
                return 200, {**shell, "result": 2 if good else False}
            _, uid, key, model, method, positional, named = args
            if (uid, key) != (2, self.key):
                raise Trouble("odoo.exceptions.AccessDenied", "Access Denied")
            context, given, ids = named.pop("context", {}), named, []
            if method == "create":
                given["vals_list"] = positional[0]
            elif positional:
                ids = positional[0]
            return 200, {**shell, "result": self.called(model, method, ids, context, given)}
        except Trouble as trouble:
            error = {"code": 200, "message": "Odoo Server Error", "data": trouble.shown}
            return 200, {**shell, "error": error}

    # the models

    def called(self, model: str, method: str, ids: Any, context: Any, given: Any) -> Any:
        if model not in self.tables:
            if self.version == "19":
                message = f"the model {model!r} does not exist"
                raise Trouble("werkzeug.exceptions.NotFound", message)
            raise Trouble("odoo.exceptions.UserError", f"Object {model} doesn't exist")
        if model.startswith("mailing.") and not self.mail_rights:
            raise Trouble("odoo.exceptions.AccessError", "You are not allowed to access Lists.")
        return getattr(self, method)(model, ids, context, **given)

    def context_get(self, model: str, ids: Any, context: Any) -> dict[str, Any]:
        return {"lang": "en_US", "tz": "Europe/Oslo", "uid": 2}

    def has_access(self, model: str, ids: Any, context: Any, operation: str) -> bool:
        return operation in self.rights

    def check_access_rights(
        self, model: str, ids: Any, context: Any, operation: str, raise_exception: bool
    ) -> bool:
        assert self.version == "18" and not raise_exception
        return operation in self.rights

    def fields_get(
        self, model: str, ids: Any, context: Any, allfields: list[str], attributes: list[str]
    ) -> dict[str, Any]:
        if model == "mailing.contact":
            known: dict[str, Any] = {
                self.link_field: {"type": "one2many", "relation": self.link_model}
            }
        else:
            known = self.fields
        names = [name for name in allfields if name in known] if allfields else list(known)
        return {n: {k: v for k, v in known[n].items() if k in attributes} for n in names}

    def known(self, model: str, names: Any) -> None:
        if model == "res.partner":
            for name in set(names) - set(self.fields):
                raise Trouble("builtins.ValueError", f"Invalid field {name!r} on 'res.partner'")

    def shown(self, model: str, id: int) -> dict[str, Any]:
        held = {"id": id, **self.tables[model][id]}
        if model in ("res.partner", "mailing.contact"):
            held["email_normalized"] = str(held.get("email") or "").lower() or False
            held["is_blacklisted"] = held["email_normalized"] in self.blacklist
        if "phone_sanitized" in self.fields and held.get("phone"):
            held["phone_sanitized"] = "".join(c for c in held["phone"] if c in "+0123456789")
        for name, table in (("country_id", "res.country"), ("list_id", "mailing.list")):
            if held.get(name):
                held[name] = [held[name], self.tables[table].get(held[name], {}).get("name")]
        return held

    def search_read(
        self,
        model: str,
        ids: Any,
        context: Any,
        domain: list[Any],
        fields: list[str],
        order: str = "",
    ) -> list[dict[str, Any]]:
        if "read" not in self.rights:
            raise Trouble("odoo.exceptions.AccessError", "You are not allowed to access Contacts.")
        self.known(model, fields)
        everything = [self.shown(model, id) for id in self.tables[model]]
        if context.get("active_test", True):
            everything = [one for one in everything if one.get("active", True)]
        found = [one for one in everything if fits(one, domain)]
        return [{"id": o["id"], **{n: o.get(n) or False for n in fields}} for o in found]

    def create(self, model: str, ids: Any, context: Any, vals_list: list[Any]) -> list[int]:
        if model == "res.partner":
            raise AssertionError("creating contacts like this makes duplicates")
        return [self.insert(model, values) for values in vals_list]

    def valid(self, values: dict[str, Any]) -> None:
        self.known("res.partner", values)
        if "@nowhere" in str(values.get("email")):
            raise Trouble("odoo.exceptions.ValidationError", f"Bad address {values['email']}")
        if "T" in str(values.get("x_signed_up")):
            raise Trouble("builtins.ValueError", "unconverted data remains")
        for name, field in self.fields.items():
            options = [one[0] for one in field.get("selection", ())]
            if values.get(name) and options and values[name] not in options:
                message = f"Wrong value for res.partner.{name}: {values[name]!r}"
                raise Trouble("builtins.ValueError", message)

    def write(self, model: str, ids: list[int], context: Any, vals: dict[str, Any]) -> bool:
        if "write" not in self.rights or self.locked & set(ids):
            raise Trouble("odoo.exceptions.AccessError", "You are not allowed to modify Contacts.")
        self.valid(vals)
        for id in ids:
            if id not in self.tables[model]:
                raise Trouble("odoo.exceptions.MissingError", "Record does not exist.")
            self.set(id, vals)
        return True

    def set(self, id: int, values: dict[str, Any]) -> None:
        held = self.partners[id]
        for name, value in values.items():
            if name == "category_id":
                held[name] += [tag for _, tag in value if tag not in held[name]]
            else:
                held[name] = value

    def load(
        self, model: str, ids: Any, context: Any, fields: list[str], data: list[list[str]]
    ) -> dict[str, Any]:
        if "create" not in self.rights:
            raise Trouble("odoo.exceptions.AccessError", "You are not allowed to create Contacts.")
        if self.races:
            self.races -= 1
            text = (
                "Unknown error during import: could not serialize access due to concurrent update"
            )
            return {"ids": False, "messages": [{"type": "error", "message": text, "record": 0}]}
        rows, messages = [], []
        for number, cells in enumerate(data):
            row = dict(zip(fields, cells, strict=True))
            external = row.pop("id")
            values = {
                n.removesuffix("/.id"): self.parsed(n, cell, context) for n, cell in row.items()
            }
            try:
                self.valid(values)
            except Trouble as trouble:
                if trouble.name == "builtins.ValueError" and "Invalid field" in trouble.message:
                    raise
                about = {} if self.shy else {"record": number}
                messages.append({"type": "error", "message": trouble.message, **about})
            rows.append((external, values))
        if messages:
            messages.append({"type": "warning", "message": "Something else.", "record": 0})
            return {"ids": False, "messages": messages}
        made = []
        for external, values in rows:
            id = self.external.get(external)
            if id not in self.partners:
                id = self.external[external] = self.add()
            self.set(id, values)
            made.append(id)
        return {"ids": made, "messages": []}

    def parsed(self, column: str, cell: str, context: Any) -> Any:
        assert isinstance(cell, str), "a spreadsheet holds texts"
        name = column.removesuffix("/.id")
        if not cell:
            return False
        if name == "country_id":
            return int(cell)
        if name == "category_id":
            return [[4, int(one)] for one in cell.split(",")]
        kind = self.fields.get(name, {}).get("type")
        if kind == "datetime":
            assert context["tz"] == "UTC", "else it is the user's time"
        if kind == "boolean":
            return cell in ("1", "true", "yes")
        return int(cell) if kind == "integer" else cell

    def unlink(self, model: str, ids: list[int], context: Any) -> bool:
        for id in ids:
            if id not in self.partners:
                raise Trouble("odoo.exceptions.MissingError", "Record does not exist.")
            if self.partners[id].get("x_code") == "invoiced":
                raise Trouble("odoo.exceptions.UserError", "There are invoices.")
            del self.partners[id]
        return True

    def message_post(
        self,
        model: str,
        ids: list[int],
        context: Any,
        body: str,
        message_type: str,
        subtype_xmlid: str,
    ) -> list[int]:
        if "no note" in str(self.partners[ids[0]].get("comment")):
            raise Trouble("odoo.exceptions.UserError", "No notes here.")
        values = {"model": model, "res_id": ids[0], "body": f"<p>{body}</p>"}
        assert (message_type, subtype_xmlid) == ("comment", "mail.mt_note")
        return [self.insert("mail.message", values)]


def fits(record: dict[str, Any], domain: list[Any]) -> bool:
    """A domain: conditions with and between them, but for those behind a "|"."""
    stack = []
    for term in reversed(domain):
        if term == "|":
            stack.append(stack.pop() | stack.pop())
        else:
            stack.append(holds(record, *term))
    return all(stack)


def holds(record: dict[str, Any], name: str, operator: str, value: Any) -> bool:
    held = record.get(name) or False
    if isinstance(held, list) and held and isinstance(held[1], str):
        held = held[0]
    if operator == "in":
        return held in value
    return value in str(held) if operator == "ilike" else held == value
