"""Shopify's Admin API as its reference describes it: GraphQL whose errors come with status 200, a
bucket of points that leaks, addresses and numbers that are on one customer only, lists that
`customerSet` replaces, consents of which the latest counts. No schema file of it is here: the fake
knows the mutations and input fields that the reference names, and refuses any other."""

import itertools
import json
import re
from typing import Any

from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

PATH = "/admin/api/2026-10/graphql.json"
SET_INPUT = {"addresses", "email", "firstName", "lastName", "locale", "note", "phone", "tags",
             "taxExempt", "taxExemptions"}  # fmt: skip
ADDRESS_INPUT = {"address1", "address2", "city", "company", "countryCode", "firstName", "lastName",
                 "phone", "provinceCode", "zip"}  # fmt: skip
# Each mutation with its arguments.
MUTATIONS = {
    "customerSet": {"input", "identifier"},
    "customerDelete": {"input"},
    "tagsAdd": {"id", "tags"},
    "metafieldsSet": {"metafields"},
    "customerAddressCreate": {"customerId", "address", "setAsDefault"},
    "customerAddressUpdate": {"customerId", "addressId", "address", "setAsDefault"},
    "customerEmailMarketingConsentUpdate": {"input"},
    "customerSmsMarketingConsentUpdate": {"input"},
}


def definition(key: str, kind: str, namespace: str = "custom", **more: Any) -> dict[str, Any]:
    name = key.replace("_", " ").capitalize()
    return {"namespace": namespace, "key": key, "name": name, "type": {"name": kind},
            "validations": [], **more}  # fmt: skip


class UserError(Exception):
    def __init__(self, message: str, field: list[str] | None = None, code: str = "") -> None:
        super().__init__(message)
        self.answer = {"field": field, "message": message, **({"code": code} if code else {})}


class Shopify(JsonVendor):
    routes = {f"POST {PATH}": "graphql", "POST /admin/oauth/access_token": "new_token"}

    def __init__(self) -> None:
        super().__init__()
        self.token, self.secret = "shpat_good", "shpss_good"
        self.scopes = ["read_customers", "write_customers"]
        self.points, self.restore = 1e9, 50.0
        self.page_size = 100
        self.customers: dict[str, dict[str, Any]] = {}
        self.wrote: list[str] = []  # the mutations, in their order
        self.ids = itertools.count(7001)
        self.definitions = [
            definition("birth_date", "date", "facts"),
            definition("points", "number_integer", validations=[{"name": "min", "value": "0"}]),
            definition("member", "boolean"),
            definition("likes", "list.single_line_text_field"),
            definition("story", "multi_line_text_field"),
            definition("size", "single_line_text_field",
                       validations=[{"name": "choices", "value": '["Small", "Large"]'}]),
            definition("photo", "file_reference"),
        ]  # fmt: skip

    # for tests

    def add(self, email: str = "", phone: str = "", **values: Any) -> str:
        id = str(next(self.ids))
        usual = {"note": "", "tags": [], "metafields": {}, "address": None, "orders": 0}
        states = {"email_state": "NOT_SUBSCRIBED", "phone_state": "NOT_SUBSCRIBED", "consents": []}
        self.customers[id] = {"email": email, "phone": phone, **usual, **states, **values}
        return id

    @property
    def notes(self) -> list[str]:
        return [line for one in self.customers.values() for line in one["note"].splitlines()]

    # answers

    def authorised(self, call: Call) -> None:
        if call.path == PATH and call.headers.get("X-Shopify-Access-Token") != self.token:
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            raise Refusal(401, {"errors": message})

    def new_token(self, call: Call) -> tuple[int, Any]:
        given = (call.body["grant_type"], call.body["client_id"], call.body["client_secret"])
        if given != ("client_credentials", "our-app", self.secret):
            raise Refusal(400, b"<h1>Oauth error invalid_client</h1>")
        return 200, {"access_token": self.token, "expires_in": 86399}

    def graphql(self, call: Call) -> tuple[int, Any]:
        query, variables = call.body["query"], call.body["variables"]
        if "shop {" in query:
            scopes = [{"handle": one} for one in self.scopes]
            shop = {"name": "Birch", "myshopifyDomain": "birch.myshopify.com"}
            return 200, {"data": {"shop": shop, "currentAppInstallation": {"accessScopes": scopes}}}
        wanted = re.findall(r"(\w+): (\w+)\(([^()]*)\) \{", query.partition(" {")[2])
        declared = set(re.findall(r"\$(\w+):", query.partition("{")[0]))
        assert declared == set(variables), "each variable is declared, and given"
        cost = sum(10 if name in MUTATIONS else 3 for _, name, _ in wanted)
        if cost > self.points:
            state = {"maximumAvailable": 1000.0, "currentlyAvailable": self.points,
                     "restoreRate": self.restore}  # fmt: skip
            spent = {"requestedQueryCost": cost, "actualQueryCost": None, "throttleStatus": state}
            said = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return 200, {"errors": [said], "extensions": {"cost": spent}}
        self.points -= cost
        if "metafieldDefinitions(" in query:
            return 200, {"data": {"metafieldDefinitions": self.page(variables["after"])}}
        needed = "write_customers" if query.startswith("mutation") else "read_customers"
        if needed not in self.scopes:
            message = f"Access denied for {wanted[0][1]} field. Required access: `{needed}`."
            denied = {"message": message, "extensions": {"code": "ACCESS_DENIED"}}
            return 200, {"errors": [denied], "data": None}
        data = {}
        for alias, name, arguments in wanted:
            given = {
                key: variables[variable]
                for key, variable in re.findall(r"(\w+): \$(\w+)", arguments)
            }
            if name == "customerByIdentifier":
                id = self.find(given["identifier"])
                data[alias] = (
                    self.shown(id, given.get("keys", variables.get("keys"))) if id else None
                )
            elif name in MUTATIONS:
                assert set(given) <= MUTATIONS[name], given
                data[alias] = self.mutation(name, given)
        return 200, {"data": data}

    def page(self, after: str | None) -> dict[str, Any]:
        start = int(after or 0)
        end = start + self.page_size
        info = {"hasNextPage": end < len(self.definitions), "endCursor": str(end)}
        return {"nodes": self.definitions[start:end], "pageInfo": info}

    def mutation(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        self.wrote.append(name)
        try:
            return {**getattr(self, name)(**given), "userErrors": []}
        except UserError as error:
            nothing = {"customer": None} if name == "customerSet" else {}
            return {**nothing, "userErrors": [error.answer]}

    def find(self, identifier: dict[str, str]) -> str:
        ((way, value),) = identifier.items()
        for id, held in self.customers.items():
            there = {
                "id": f"gid://shopify/Customer/{id}",
                "emailAddress": held["email"].lower(),
                "email": held["email"].lower(),
                "phoneNumber": held["phone"],
                "phone": held["phone"],
            }
            if there[way] == value:
                return id
        return ""

    def shown(self, id: str, keys: list[str] | None = None) -> dict[str, Any]:
        held = self.customers[id]
        nodes = [
            {"namespace": n.partition(".")[0], "key": n.partition(".")[2], "value": v}
            for n, v in held["metafields"].items()
            if n in (keys or ())
        ]
        email = {"emailAddress": held["email"], "marketingState": held["email_state"]}
        phone = {"phoneNumber": held["phone"], "marketingState": held["phone_state"]}
        return {
            "id": f"gid://shopify/Customer/{id}",
            "email": email if held["email"] else None,
            "phone": phone if held["phone"] else None,
            **{n: held.get(n) for n in ("firstName", "lastName", "locale", "note", "tags")},
            "defaultAddress": held["address"],
            **({"metafields": {"nodes": nodes}} if keys else {}),
        }

    def customerSet(self, input: dict[str, Any], identifier: dict[str, Any]) -> dict[str, Any]:
        assert set(input) <= SET_INPUT, input
        ((way, value),) = identifier.items()
        if way != "id" and input.get(way) != value:
            raise UserError("The identifier doesn't match the input.", ["input"], "INPUT_MISMATCH")
        id = self.find(identifier)
        if way == "id" and not id:
            raise UserError("Resource not found.", ["identifier"], "NOT_FOUND")
        if "@nowhere" in input.get("email", ""):
            raise UserError(f"Email {input['email']} is invalid", ["input", "email"], "INVALID")
        for name in ("email", "phone"):
            other = self.find({name: input[name]}) if input.get(name) else ""
            if other and other != id:
                said = f"{name.capitalize()} has already been taken"
                raise UserError(said, ["input", name], "TAKEN")
        if not str(input.get("phone", "+")).startswith("+"):
            raise UserError("Phone is invalid", ["input", "phone"], "INVALID")
        assert len(input.get("note", "")) <= 5000
        id = id or self.add()
        self.customers[id].update(input)
        return {"customer": self.shown(id)}

    def known(self, gid: str) -> dict[str, Any]:
        return self.customers[gid.rpartition("/")[2]]

    def tagsAdd(self, id: str, tags: list[str]) -> dict[str, Any]:
        held = self.known(id)["tags"]
        held += [tag for tag in tags if tag not in held]
        if any(len(tag) > 255 for tag in tags):
            raise UserError("Tag is too long")
        return {}

    def metafieldsSet(self, metafields: list[dict[str, Any]]) -> dict[str, Any]:
        assert len(metafields) <= 25
        for one in metafields:
            name = f"{one['namespace']}.{one['key']}"
            (kind,) = [o["type"]["name"] for o in self.definitions
                       if f"{o['namespace']}.{o['key']}" == name]  # fmt: skip
            assert isinstance(one["value"], str) and one["type"] == kind
            if kind.startswith("list."):
                json.loads(one["value"])
            if kind == "number_integer" and not one["value"].isdigit():
                raise UserError("Value must be an integer.", ["metafields", "0", "value"])
            self.known(one["ownerId"])["metafields"][name] = one["value"]
        return {}

    def customerAddressCreate(self, customerId: str, address: Any, setAsDefault: bool) -> Any:
        assert set(address) <= ADDRESS_INPUT and setAsDefault
        if len(address.get("countryCode", "NO")) != 2:
            raise UserError("Country is invalid", ["address", "country"])
        held = self.known(customerId)
        held["address"] = {"id": f"gid://shopify/MailingAddress/{customerId[-4:]}", **address}
        return {}

    def customerAddressUpdate(
        self, customerId: str, addressId: str, address: Any, setAsDefault: bool
    ) -> Any:
        assert self.known(customerId)["address"]["id"] == addressId
        return self.customerAddressCreate(customerId, address, setAsDefault)

    def consent(self, input: dict[str, Any], kind: str, given: dict[str, Any]) -> dict[str, Any]:
        held = self.known(input["customerId"])
        assert given["marketingState"] in ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING")
        assert given["marketingOptInLevel"] in ("SINGLE_OPT_IN", "CONFIRMED_OPT_IN")
        held[f"{kind}_state"] = given["marketingState"]
        held["consents"].append(given)
        return {}

    def customerEmailMarketingConsentUpdate(self, input: dict[str, Any]) -> dict[str, Any]:
        return self.consent(input, "email", input["emailMarketingConsent"])

    def customerSmsMarketingConsentUpdate(self, input: dict[str, Any]) -> dict[str, Any]:
        return self.consent(input, "phone", input["smsMarketingConsent"])

    def customerDelete(self, input: dict[str, Any]) -> dict[str, Any]:
        id = input["id"].rpartition("/")[2]
        if id not in self.customers:
            raise UserError("Customer can't be found", ["id"])
        if self.customers[id]["orders"]:
            raise UserError("Customer can’t be deleted because they have associated orders", ["id"])
        del self.customers[id]
        return {}
