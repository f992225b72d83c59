"""Salesforce as its REST guide describes it: collections in which each record ends for itself, a
query language, duplicate rules that warn or block, limits that answer 403, a body that is refused
whole for one value of the wrong kind. It publishes no OpenAPI file of these calls."""

import itertools
import re
from typing import Any

from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

DATA = "/services/data/v62.0"
_TEXT = r"'((?:[^'\\]|\\.)*)'"


def field(name: str, type: str = "string", **more: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "label": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removesuffix("__c")),
        "type": type,
        "nillable": True,
        "createable": True,
        "updateable": True,
        "defaultedOnCreate": False,
        "unique": False,
        "externalId": False,
        "picklistValues": [],
    }
    return {**usual, **more}


def campaign(number: int) -> str:
    """An id: the last three characters only check the others."""
    return f"701{number:012}AAA"


def option(value: str, label: str, active: bool = True) -> dict[str, Any]:
    return {"value": value, "label": label, "active": active}


def error(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, [{"errorCode": code, "message": message}])


class ItemError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.answer = {
            "success": False,
            "errors": [{"statusCode": code, "message": message, "fields": []}],
        }


class Salesforce(JsonVendor):
    routes = {
        "POST /services/oauth2/token": "token",
        f"GET {DATA}/sobjects/Contact/describe": "describe",
        f"GET {DATA}/sobjects/Contact/{{id}}": "contact",
        f"DELETE {DATA}/sobjects/Contact/{{id}}": "delete",
        f"GET {DATA}/query": "query",
        f"GET {DATA}/query/{{page}}": "more",
        f"POST {DATA}/composite/sobjects": "create",
        f"PATCH {DATA}/composite/sobjects": "update",
        f"PATCH {DATA}/composite/sobjects/Contact/CustomerInfo_ID__c": "upsert",
    }

    def __init__(self, our_field: bool = True) -> None:
        super().__init__()
        self.access_token, self.secret = "00D!good", "consumer-secret"
        self.rights = {"queryable": True, "createable": True, "updateable": True}
        self.duplicate_rule = ""  # "alert" or "block": for equal last names
        self.page_size = 2000
        self.locked: set[str] = set()
        self.pages: dict[str, list[Any]] = {}
        self.numbers = itertools.count(1)
        self.tables: dict[str, dict[str, dict[str, Any]]] = {
            "Contact": {},
            "Note": {},
            "CampaignMember": {},
            "Organization": {"00D1": {"Name": "Birch"}},
            "Campaign": {
                campaign(n): {"Name": f"Campaign {n}", "IsActive": n < 3} for n in (1, 2, 3)
            },
        }
        self.fields = {
            one["name"]: one
            for one in (
                field("Id", "id", createable=False, updateable=False, nillable=False),
                field("FirstName"),
                field("LastName", nillable=False),
                field("Email", "email"),
                field("MobilePhone", "phone"),
                field("Phone", "phone"),
                field("Birthdate", "date"),
                field("MailingPostalCode"),
                field("Description", "textarea"),
                field("HasOptedOutOfEmail", "boolean", nillable=False, defaultedOnCreate=True),
                field("CreatedDate", "datetime", createable=False, updateable=False),
                field("AccountId", "reference"),
                field("Points__c", "double"),
                field("Member__c", "boolean", nillable=False, defaultedOnCreate=True),
                field("Code__c", unique=True),
                field("Size__c", "picklist",
                      picklistValues=[option("s", "Small"), option("l", "Large"),
                                      option("x", "Gone", active=False)]),
                field("Likes__c", "multipicklist",
                      picklistValues=[option("tea", "Tea"), option("jam", "Jam")]),
            )
        }  # fmt: skip
        if our_field:
            self.fields["CustomerInfo_ID__c"] = field(
                "CustomerInfo_ID__c", unique=True, externalId=True
            )

    # for tests

    @property
    def contacts(self) -> dict[str, dict[str, Any]]:
        return self.tables["Contact"]

    @property
    def notes(self) -> list[str]:
        return [one["Title"] for one in self.tables["Note"].values()]

    @property
    def members(self) -> set[tuple[str, str]]:
        """(contact, number of the campaign)"""
        return {
            (one["ContactId"], one["CampaignId"][14])
            for one in self.tables["CampaignMember"].values()
        }

    def add(self, **values: Any) -> str:
        return self.insert("Contact", {"LastName": "Lee", "HasOptedOutOfEmail": False, **values})

    def insert(self, table: str, values: dict[str, Any]) -> str:
        id = f"003{next(self.numbers):012}AAA"
        self.tables[table][id] = values
        return id

    # answers

    def authorised(self, call: Call) -> None:
        if call.path == "/services/oauth2/token":
            return
        if call.headers.get("Authorization") != f"Bearer {self.access_token}":
            raise error(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def limits(self, call: Call) -> dict[str, str]:
        return {"Sforce-Limit-Info": f"api-usage={len(self.calls)}/15000"}

    def token(self, call: Call) -> tuple[int, Any]:
        assert call.body["grant_type"] == "client_credentials"
        if (call.body["client_id"], call.body["client_secret"]) != ("consumer-key", self.secret):
            said = {"error": "invalid_client", "error_description": "invalid client credentials"}
            raise Refusal(400, said)
        return 200, {"access_token": self.access_token, "instance_url": self.address}

    def describe(self, call: Call) -> tuple[int, Any]:
        return 200, {"name": "Contact", **self.rights, "fields": list(self.fields.values())}

    def known(self, table: str, names: Any) -> None:
        for name in set(names) - set(self.fields) if table == "Contact" else ():
            raise error(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type Contact")

    def query(self, call: Call) -> tuple[int, Any]:
        assert len(call.target) < 16_384, "Salesforce takes no longer address"
        soql = call.query["q"]
        found = re.fullmatch(
            r"SELECT (.+?) FROM (\w+)(?: WHERE (.+?))?(?: ORDER BY [\w, ]+)?", soql, re.DOTALL
        )
        if not found:
            raise error(400, "MALFORMED_QUERY", soql)
        names, table = found[1].split(", "), found[2]
        self.known(table, names)
        records = []
        for id, held in self.tables[table].items():
            held = {"Id": id, **held}
            if found[3] is None or where(held, found[3]):
                about = {"attributes": {"type": table}}
                records.append({**about, **{name: held.get(name) for name in names}})
        return 200, self.page(records)

    def page(self, records: list[Any]) -> dict[str, Any]:
        shown, rest = records[: self.page_size], records[self.page_size :]
        answer: dict[str, Any] = {"totalSize": len(records), "done": not rest, "records": shown}
        if rest:
            name = f"01g-{len(self.pages)}"
            self.pages[name] = rest
            answer["nextRecordsUrl"] = f"{DATA}/query/{name}"
        return answer

    def more(self, call: Call, page: str) -> tuple[int, Any]:
        return 200, self.page(self.pages[page])

    def each(self, call: Call, work: Any) -> tuple[int, Any]:
        records = call.body["records"]
        assert call.body["allOrNone"] is False and 0 < len(records) <= 200
        for record in records:
            if record["attributes"]["type"] == "Contact":
                self.known("Contact", set(record) - {"attributes", "id"})
            if "points" in str(record.get("Points__c", "")):
                raise error(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of double")
        ids = [record["id"] for record in records if "id" in record]
        if len(ids) != len(set(ids)):
            raise error(400, "DUPLICATE_VALUE", "duplicate id specified")
        results = []
        for record in records:
            values = {k: v for k, v in record.items() if k not in ("attributes", "id")}
            try:
                id = work(record, values, call)
                results.append({"id": id, "success": True, "errors": []})
            except ItemError as refused:
                results.append(refused.answer)
        return 200, results

    def valid(self, id: str, values: dict[str, Any], call: Call) -> None:
        if not values.get("LastName", "x") or (not id and "LastName" not in values):
            message = "Required fields are missing: [LastName]"
            raise ItemError("REQUIRED_FIELD_MISSING", message)
        if "@nowhere" in str(values.get("Email")):
            message = f"Email: invalid email address: {values['Email']}"
            raise ItemError("INVALID_EMAIL_ADDRESS", message)
        if values.get("Description") == "busy":
            raise ItemError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")
        for name in ("Code__c", "CustomerInfo_ID__c"):
            for other, held in self.contacts.items():
                if values.get(name) and other != id and held.get(name) == values[name]:
                    message = f"duplicate value found: {name} duplicates value on record: {other}"
                    raise ItemError("DUPLICATE_VALUE", message)
        same = [o for o in self.contacts if o != id and self.contacts[o]["LastName"] ==
                values.get("LastName")]  # fmt: skip
        seen = "allowSave=true" in call.headers.get("Sforce-Duplicate-Rule-Header", "")
        if same and (self.duplicate_rule == "block" or (self.duplicate_rule and not seen)):
            raise ItemError("DUPLICATES_DETECTED", "Use one of these records?")

    def create(self, call: Call) -> tuple[int, Any]:
        return self.each(call, self.create_one)

    def create_one(self, record: dict[str, Any], values: dict[str, Any], call: Call) -> str:
        table = record["attributes"]["type"]
        if table == "Contact":
            self.valid("", values, call)
            return self.add(**values)
        if table == "CampaignMember" and values in self.tables[table].values():
            raise ItemError("DUPLICATE_VALUE", "Already a campaign member.")
        if table == "Note":
            assert len(values["Title"]) <= 80
            if self.contacts[values["ParentId"]].get("Description") == "no note":
                raise ItemError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "No notes here.")
        return self.insert(table, values)

    def update(self, call: Call) -> tuple[int, Any]:
        return self.each(call, self.update_one)

    def update_one(self, record: dict[str, Any], values: dict[str, Any], call: Call) -> str:
        id = record["id"]
        if id not in self.contacts:
            raise ItemError("ENTITY_IS_DELETED", "entity is deleted")
        if id in self.locked:
            raise ItemError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights")
        self.valid(id, values, call)
        self.contacts[id].update(values)
        return id

    def upsert(self, call: Call) -> tuple[int, Any]:
        return self.each(call, self.upsert_one)

    def upsert_one(self, record: dict[str, Any], values: dict[str, Any], call: Call) -> str:
        key = values["CustomerInfo_ID__c"]
        found = [id for id, o in self.contacts.items() if o.get("CustomerInfo_ID__c") == key]
        self.valid(found[0] if found else "", values, call)
        if found:
            self.contacts[found[0]].update(values)
            return found[0]
        return self.add(**values)

    def contact(self, call: Call, id: str) -> tuple[int, Any]:
        if id not in self.contacts:
            raise error(404, "NOT_FOUND", "The requested resource does not exist")
        names = call.query["fields"].split(",")
        self.known("Contact", names)
        return 200, {"Id": id, **{name: self.contacts[id].get(name) for name in names}}

    def delete(self, call: Call, id: str) -> tuple[int, Any]:
        if id not in self.contacts:
            raise error(404, "ENTITY_IS_DELETED", "entity is deleted")
        del self.contacts[id]
        return 204, None


def where(record: dict[str, Any], condition: str) -> bool:
    """Conditions with either OR or AND between them; texts may hold anything."""
    texts: list[str] = []

    def keep(found: re.Match) -> str:
        texts.append(re.sub(r"\\(.)", r"\1", found[1]))
        return f"<{len(texts) - 1}>"

    bare = re.sub(_TEXT, keep, condition)
    assert "'" not in bare, "a text that ended too early"
    joined = all if " AND " in bare else any
    return joined(holds(record, one, texts) for one in re.split(r" AND | OR ", bare))


def holds(record: dict[str, Any], condition: str, texts: list[str]) -> bool:
    name, operator, rest = condition.split(" ", 2)
    if operator == "=":
        return bool(record.get(name)) == (rest == "true")
    given = [texts[int(number)] for number in re.findall(r"<(\d+)>", rest)]
    value = str(record.get(name) or "")
    if operator == "LIKE":
        return given[0].strip("%").replace("\\", "") in value
    if name.endswith("Id"):  # 15 characters name a record as well as 18
        return value[:15] in [one[:15] for one in given]
    return value.lower() in [one.lower() for one in given]
