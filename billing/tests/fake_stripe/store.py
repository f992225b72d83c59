"""What the fake Stripe knows, and the rules of customers, products and prices."""

import copy
import itertools

from . import shapes

DAY = 24 * 3600
ENDED = {"canceled", "incomplete_expired"}
KINDS = (
    *("customer", "product", "price", "subscription", "event", "invoice", "checkout_session"),
    *("portal_session", "portal_configuration", "meter", "webhook_endpoint"),
)


class Refusal(Exception):
    """Answered as Stripe's error object."""

    def __init__(self, status: int, message: str, code: str | None = None, param=None):
        self.status = status
        self.body = {
            "error": {
                "type": "invalid_request_error",
                "message": message,
                "code": code,
                "param": param,
            }
        }
        super().__init__(message)


def missing(kind: str, id: str, param: str = "id") -> Refusal:
    return Refusal(404, f"No such {kind}: '{id}'", "resource_missing", param)


class Store:
    def __init__(self, livemode: bool = False):
        self.livemode = livemode
        self.numbers = itertools.count(1)
        self.objects: dict[str, dict[str, dict]] = {kind: {} for kind in KINDS}
        self.account_values: dict = {}  # what is different from shapes.account
        self.address = ""  # of this server, for links to its pages

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_fake{next(self.numbers):06}"

    def get(self, kind: str, id: str, param: str = "id") -> dict:
        found = self.objects[kind].get(id)
        if found is None:
            raise missing(kind, id, param)
        return found

    def tell(self, type: str, about: dict, before: dict | None = None) -> None:
        event = shapes.event(self.new_id("evt"), type, copy.deepcopy(about), before, self.livemode)
        self.objects["event"][event["id"]] = event

    def change(self, kind: str, found: dict, values: dict, type: str | None = None) -> dict:
        """Write what differs, and tell it as an event with what was there before."""
        before = {key: copy.deepcopy(found.get(key)) for key in values if found[key] != values[key]}
        found.update(values)
        if before:
            self.tell(type or f"{kind}.updated", found, before)
        return found

    # --- Customers

    def create_customer(self, values: dict) -> dict:
        new = shapes.customer(self.new_id("cus"), self.livemode) | values
        self.objects["customer"][new["id"]] = new
        self.tell("customer.created", new)
        return new

    def update_customer(self, id: str, values: dict) -> dict:
        found = self.get("customer", id)
        if found.get("deleted"):
            raise missing("customer", id)
        return self.change("customer", found, merged(found, values))

    def delete_customer(self, id: str) -> dict:
        found = self.get("customer", id)
        for subscription in self.objects["subscription"].values():
            if subscription["customer"] == id and subscription["status"] not in ENDED:
                self.cancel(subscription["id"])
        self.tell("customer.deleted", found)
        stub = {"id": id, "object": "customer", "deleted": True}
        self.objects["customer"][id] = stub
        return stub

    # --- Products and prices

    def create_product(self, values: dict) -> dict:
        id = values.pop("id", None) or self.new_id("prod")
        if id in self.objects["product"]:
            raise Refusal(400, "Product already exists.", "resource_already_exists")
        if not values.get("name"):
            raise Refusal(400, "Missing required param: name.", "parameter_missing", "name")
        new = shapes.product(id, self.livemode) | typed(values)
        self.objects["product"][id] = new
        self.tell("product.created", new)
        return new

    def update_product(self, id: str, values: dict) -> dict:
        found = self.get("product", id)
        return self.change("product", found, merged(found, typed(values)))

    def create_price(self, values: dict) -> dict:
        tiered = values.get("billing_scheme") == "tiered"
        for name in ("currency", "product", "tiers" if tiered else "unit_amount"):
            if name not in values:
                raise Refusal(400, f"Missing required param: {name}.", "parameter_missing", name)
        self.get("product", values["product"], "product")
        if not tiered and not values["unit_amount"].isdigit():
            raise Refusal(400, "Invalid integer.", "parameter_invalid_integer", "unit_amount")
        interval = values.pop("recurring", None)
        metered = bool(interval) and interval.get("usage_type") == "metered"
        if metered:
            self.get("meter", interval.get("meter", ""), "recurring[meter]")
        self.give_lookup_key(values.get("lookup_key"), values.pop("transfer_lookup_key", "false"))
        new = shapes.price(self.new_id("price"), self.livemode)
        tiers = values.pop("tiers", [])
        new |= values
        if tiered:
            new["tiers"] = [tier(each) for each in tiers]
        else:
            new["unit_amount"] = int(values["unit_amount"])
            new["unit_amount_decimal"] = values["unit_amount"]
        if interval:
            count = int(interval.get("interval_count", 1))
            meter = interval["meter"] if metered else None
            new["recurring"] = shapes.recurring(interval["interval"], count, meter)
            new["type"] = "recurring"
        self.objects["price"][new["id"]] = new
        self.tell("price.created", new)
        return new

    def update_price(self, id: str, values: dict) -> dict:
        found = self.get("price", id)
        transfer = values.pop("transfer_lookup_key", "false")
        if values.get("lookup_key") not in (None, found["lookup_key"]):
            self.give_lookup_key(values["lookup_key"], transfer)
        return self.change("price", found, merged(found, typed(values)))

    def give_lookup_key(self, key: str | None, transfer: str) -> None:
        for holder in self.objects["price"].values():
            if key and holder["lookup_key"] == key:
                if transfer != "true":
                    raise Refusal(400, f"A price (`{holder['id']}`) already uses that lookup key.")
                self.change("price", holder, {"lookup_key": None})


def merged(found: dict, values: dict) -> dict:
    """Metadata is added to, and an empty value takes a key away; the rest is replaced."""
    if "metadata" not in values:
        return values
    both = {**found["metadata"], **(values["metadata"] or {})}
    return {**values, "metadata": {key: each for key, each in both.items() if each != ""}}


def tier(values: dict) -> dict:
    up_to = values["up_to"]
    return {
        "flat_amount": None,
        "flat_amount_decimal": None,
        "unit_amount": int(values["unit_amount"]),
        "unit_amount_decimal": values["unit_amount"],
        "up_to": None if up_to == "inf" else int(up_to),
    }


def typed(values: dict) -> dict:
    """Forms carry text only; Stripe shows these as true and false."""
    words = {"true": True, "false": False}
    return {
        key: words.get(each, each) if key in ("active", "cancel_at_period_end") else each
        for key, each in values.items()
    }
