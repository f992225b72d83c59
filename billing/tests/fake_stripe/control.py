"""What a test may see and do beside Stripe's API: POST /_fake/<name> with JSON."""

import json

from . import shapes
from .hosted import Declined
from .store import Refusal


def control(world, name: str, body: str):
    """`world` is server.World, whose lock is held."""
    values = json.loads(body or "{}")
    if name == "requests":
        return world.requests
    if name == "events":
        return list(world.store.objects["event"].values())[values.get("after", 0) :]
    if name == "objects":
        return list(world.store.objects[values["kind"]].values())
    if name == "reset":
        shapes.set_clock(values.get("now") or int(shapes.time.time()))
        world.begin(values.get("livemode", False))
        return {}
    if name == "fail":  # the next `times` calls; `after`: done, but the answer gets lost
        world.failures += [values] * values.get("times", 1)
        return {}
    try:
        return act(world.store, name, values)
    except (Refusal, Declined) as error:
        return {"refused": str(error)}


def act(store, name: str, values: dict):
    """What only people, cards and the clock do."""
    if name == "cancel":
        return store.cancel(values["id"], values["reason"])
    if name == "subscription":
        found = store.get("subscription", values.pop("id"))
        return store.change("subscription", found, values, "customer.subscription.updated")
    if name == "advance":
        return {"now": store.advance(shapes.now() + values["seconds"])}
    if name == "account":
        store.account_values.update(values)
        return {}
    if name == "forget_usage":
        payloads = (each["payload"] for each in store.reports)
        kept = [p["stripe_customer_id"] != values["customer"] for p in payloads]
        store.reports = [each for each, keep in zip(store.reports, kept, strict=True) if keep]
        return {}
    if name == "now":
        return {"now": shapes.now()}
    if name == "card":
        store.change_card(values["customer"], values["card"])
        return {}
    if name == "checkout":
        return store.complete_checkout(values["id"], values["card"])
    if name == "pay":
        return store.pay_invoice(values["id"])
    return {"unknown": name}
