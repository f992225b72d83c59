"""What the fake Stripe knows, and the rules of each kind of object."""

import copy
import itertools

from . import shapes

DAY = 24 * 3600
PERIOD = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}
ENDED = {"canceled", "incomplete_expired"}


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
        self.objects: dict[str, dict[str, dict]] = {
            kind: {}
            for kind in ("customer", "product", "price", "subscription", "invoice", "event")
        }
        self.sessions: dict[str, dict] = {}  # of Checkout and portal
        self.cards: dict[str, str] = {}  # customer → the card that is charged

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
        for name in ("currency", "product", "unit_amount"):
            if name not in values:
                raise Refusal(400, f"Missing required param: {name}.", "parameter_missing", name)
        self.get("product", values["product"], "product")
        if not values["unit_amount"].isdigit():
            raise Refusal(400, "Invalid integer.", "parameter_invalid_integer", "unit_amount")
        self.give_lookup_key(values.get("lookup_key"), values.pop("transfer_lookup_key", "false"))
        new = shapes.price(self.new_id("price"), self.livemode)
        interval = values.pop("recurring", None)
        new |= values
        new["unit_amount"] = int(values["unit_amount"])
        new["unit_amount_decimal"] = values["unit_amount"]
        if interval:
            count = int(interval.get("interval_count", 1))
            new["recurring"] = shapes.recurring(interval["interval"], count)
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

    # --- Subscriptions

    def create_subscription(self, values: dict) -> dict:
        customer = self.get("customer", values.get("customer", ""), "customer")
        if customer.get("deleted"):
            raise missing("customer", customer["id"], "customer")
        prices = [self.get("price", item["price"], "price") for item in values.pop("items", [])]
        if not prices or not all(price["active"] and price["recurring"] for price in prices):
            raise Refusal(400, "The price specified is inactive or not recurring.", param="items")
        trial_days = int(values.pop("trial_period_days", 0))
        new = shapes.subscription(
            self.new_id("sub"), customer["id"], prices[0]["currency"], self.livemode
        )
        start = new["created"]
        if trial_days:
            end = start + trial_days * DAY
            new |= {"status": "trialing", "trial_start": start, "trial_end": end}
        for price in prices:
            period_end = new["trial_end"] or start + PERIOD[price["recurring"]["interval"]]
            new["items"]["data"].append(
                shapes.subscription_item(self.new_id("si"), new["id"], price, start, period_end)
            )
        new |= values
        self.objects["subscription"][new["id"]] = new
        customer["currency"] = new["currency"]
        self.tell("customer.subscription.created", new)
        return new

    def update_subscription(self, id: str, values: dict) -> dict:
        found = self.get("subscription", id)
        if found["status"] in ENDED:
            raise Refusal(400, "A canceled subscription can only update its metadata.")
        return self.change(
            "subscription",
            found,
            merged(found, typed(values)),
            "customer.subscription.updated",
        )

    def cancel(self, id: str, reason: str = "cancellation_requested") -> dict:
        found = self.get("subscription", id)
        if found["status"] in ENDED:
            raise missing("subscription", id)
        at = shapes.now()
        return self.change(
            "subscription",
            found,
            {
                "status": "canceled",
                "canceled_at": at,
                "ended_at": at,
                "cancellation_details": {**found["cancellation_details"], "reason": reason},
            },
            "customer.subscription.deleted",
        )


def merged(found: dict, values: dict) -> dict:
    """Metadata is added to, and an empty value takes a key away; the rest is replaced."""
    if "metadata" not in values:
        return values
    both = {**found["metadata"], **(values["metadata"] or {})}
    return {**values, "metadata": {key: each for key, each in both.items() if each != ""}}


def typed(values: dict) -> dict:
    """Forms carry text only; Stripe shows these as true and false."""
    words = {"true": True, "false": False}
    return {
        key: words.get(each, each) if key in ("active", "cancel_at_period_end") else each
        for key, each in values.items()
    }
