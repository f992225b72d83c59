"""Klaviyo as its documentation and its users describe it: identifiers that collide, ids that answer
404 for another profile's address, a subscribe call that forgets who had left."""

import itertools
import json
import re
from typing import Any

from integrations.tests.contract import Contract, judge
from integrations.tests.fakes.json_vendor import Call, JsonVendor, Refusal

NOW = "2026-11-24T08:00:00Z"
SELF = {"self": "https://a.klaviyo.com/api/"}
SILENT = {
    "POST /api/data-privacy-deletion-jobs *": "developers.klaviyo.com, Request profile deletion",
}
IDENTIFIERS = ("email", "phone_number", "external_id")
TOP = (*IDENTIFIERS, "first_name", "last_name", "organization", "locale", "title", "location")


def contract() -> Contract | None:
    return judge("klaviyo", undescribed=SILENT)


def error(status: int, code: str, detail: str, pointer: str = "/data", **meta: Any) -> Refusal:
    one = {
        "id": "4b7a3f6e",
        "status": status,
        "code": code,
        "title": "No.",
        "detail": detail,
        "source": {"pointer": pointer},
        "meta": meta,
    }
    return Refusal(status, {"errors": [one]})


class Klaviyo(JsonVendor):
    media = "application/vnd.api+json"
    routes = {
        "GET /api/accounts": "accounts",
        "GET /api/lists": "lists",
        "GET /api/profiles": "profiles",
        "POST /api/profile-import": "bring",
        "POST /api/profile-subscription-bulk-create-jobs": "subscribe",
        "POST /api/data-privacy-deletion-jobs": "forget",
    }

    def __init__(self, contract: Contract | None = None) -> None:
        super().__init__(contract)
        self.key, self.scopes = "pk_good", {"accounts", "profiles", "lists", "subscriptions"}
        self.people: dict[str, dict[str, Any]] = {}
        # Three lists, of which a page holds two; the second asks for confirmation.
        self.all_lists = [
            ("L1", "News", "single_opt_in"),
            ("L2", "Club", "double_opt_in"),
            ("L3", "Sale", "single_opt_in"),
        ]
        self.subscribed: set[tuple[str, str, str]] = set()  # (list, channel, id)
        self.left: dict[tuple[str, str], str] = {}  # (id, channel) → reason
        self.left_list: set[tuple[str, str]] = set()  # (id, list)
        self.asked_to_confirm: list[str] = []
        self.jobs: list[int] = []
        self.ids = itertools.count(1)

    def add(self, **values: Any) -> str:
        remote_id = f"01P{next(self.ids)}"
        self.people[remote_id] = {"properties": {}, **values}
        return remote_id

    def authorised(self, call: Call) -> None:
        assert call.headers["revision"] == "2026-07-15"
        if call.headers.get("Authorization") != f"Klaviyo-API-Key {self.key}":
            raise error(401, "not_authenticated", "Authentication credentials were not provided.")

    def limits(self, call: Call) -> dict[str, str]:
        return {"RateLimit-Limit": "75", "RateLimit-Remaining": "74", "RateLimit-Reset": "1"}

    def needs(self, scope: str) -> None:
        if scope not in self.scopes:
            raise error(403, "permission_denied", "You do not have permission to do this.")

    def accounts(self, call: Call) -> tuple[int, Any]:
        attributes = {
            "test_account": False,
            "contact_information": {
                "default_sender_name": "Acorn",
                "default_sender_email": "shop@acorn.example",
                "organization_name": "Acorn",
                "street_address": {},
            },
            "timezone": "Europe/Amsterdam",
            "preferred_currency": "EUR",
            "public_api_key": "Ab1",
            "locale": "nl-NL",
        }
        one = {"type": "account", "id": "Ab1", "attributes": attributes, "links": SELF}
        return 200, {"data": [one], "links": SELF}

    def lists(self, call: Call) -> tuple[int, Any]:
        self.needs("lists")
        start = int(call.query.get("page[cursor]", 0))
        data = [
            {
                "type": "list",
                "id": id,
                "attributes": {"name": name, "opt_in_process": process},
                "links": SELF,
            }
            for id, name, process in self.all_lists[start : start + 2]
        ]
        links: dict[str, str] = dict(SELF)
        if start + 2 < len(self.all_lists):
            links["next"] = f"https://a.klaviyo.com/api/lists?page%5Bcursor%5D={start + 2}"
        return 200, {"data": data, "links": links}

    def profiles(self, call: Call) -> tuple[int, Any]:
        self.needs("profiles")
        found = list(self.people)
        if "filter" in call.query:
            name, values = re.fullmatch(r"any\((\w+),(\[.*\])\)", call.query["filter"]).groups()
            wanted = json.loads(values)
            found = [
                id for id, held in self.people.items()
                if (id if name == "id" else held.get(name)) in wanted
            ]  # fmt: skip
        data = [self._shown(id, "additional-fields[profile]" in call.query) for id in found]
        for one in data if "fields[profile]" in call.query else ():
            named = call.query["fields[profile]"].split(",")
            one["attributes"] = {name: one["attributes"][name] for name in named}
        return 200, {"data": data[: int(call.query.get("page[size]", 20))], "links": SELF}

    def _shown(self, id: str, with_subscriptions: bool) -> dict[str, Any]:
        attributes = {name: self.people[id].get(name) for name in (*TOP, "properties")}
        attributes["location"] = attributes["location"] or {}
        if with_subscriptions:
            attributes["subscriptions"] = {
                "email": {"marketing": self._marketing(id, "email")},
                "sms": {"marketing": self._marketing(id, "sms")},
            }
        return {"type": "profile", "id": id, "attributes": attributes, "links": SELF}

    def _marketing(self, id: str, channel: str) -> dict[str, Any]:
        on = any(one[1:] == (channel, id) for one in self.subscribed)
        left = self.left.get((id, channel))
        consent = "UNSUBSCRIBED" if left else "SUBSCRIBED" if on else "NEVER_SUBSCRIBED"
        marketing: dict[str, Any] = {f"can_receive_{channel}_marketing": on, "consent": consent}
        if channel == "email":
            known = left in ("SPAM_COMPLAINT", "HARD_BOUNCE", "USER_SUPPRESSED")
            marketing["suppression"] = [{"reason": left, "timestamp": NOW}] if known else []
            if known:
                marketing["consent"] = "SUBSCRIBED"
            marketing["list_suppressions"] = [
                {"list_id": list_id, "reason": "USER_SUPPRESSED", "timestamp": NOW}
                for one, list_id in self.left_list
                if one == id
            ]
        return marketing

    def bring(self, call: Call) -> tuple[int, Any]:
        self.needs("profiles")
        data = call.body["data"]
        given, id = dict(data["attributes"]), data.get("id")
        if id and id not in self.people:
            raise error(404, "not_found", f"A profile with id {id} does not exist.", "/data/")
        keys = {name: given[name] for name in IDENTIFIERS if given.get(name)}
        if not keys and not id:
            raise error(400, "invalid", "One or more identifiers is required", "/data/attributes")
        if "@" not in keys.get("email", "@"):
            detail = f"Invalid email address: {keys['email']}"
            raise error(400, "invalid", detail, "/data/attributes/email")
        matches = {
            name: other
            for name, value in keys.items()
            for other, held in self.people.items()
            if held.get(name) == value
        }
        if id and matches.get("email", id) != id:
            # Klaviyo means "another profile has this address", and says this.
            raise error(404, "not_found", f"A profile with id {id} does not exist.", "/data/")
        found = id or next((matches[name] for name in IDENTIFIERS if name in matches), None)
        others = set(matches.values()) - {found}
        if others:
            detail = "A profile already exists with one of these identifiers."
            raise error(409, "duplicate_profile", detail, "/data/attributes",
                        duplicate_profile_id=others.pop())  # fmt: skip
        new = found is None
        found = found or self.add()
        held = self.people[found]
        held["properties"].update(given.pop("properties", {}))
        held["location"] = {**held.get("location", {}), **given.pop("location", {})}
        held.update(given)  # null clears
        return (201 if new else 200), {"data": self._shown(found, False)}

    def subscribe(self, call: Call) -> tuple[int, Any]:
        """As the real one: whoever had left is subscribed again."""
        self.needs("subscriptions")
        data = call.body["data"]
        profiles = data["attributes"]["profiles"]["data"]
        if len(profiles) > 1000:
            raise error(400, "invalid", "At most 1000 profiles", "/data/attributes/profiles")
        self.jobs.append(len(profiles))
        list_id = data["relationships"]["list"]["data"]["id"]
        (process,) = [process for id, _, process in self.all_lists if id == list_id]
        for one in profiles:
            for channel in one["attributes"]["subscriptions"]:
                if process == "double_opt_in":
                    self.asked_to_confirm.append(one["id"])
                else:
                    self.left.pop((one["id"], channel), None)
                    self.subscribed.add((list_id, channel, one["id"]))
        return 202, None

    def forget(self, call: Call) -> tuple[int, Any]:
        id = call.body["data"]["attributes"]["profile"]["data"]["id"]
        if self.people.pop(id, None) is None:
            raise error(404, "not_found", "No such profile.")
        return 202, None
