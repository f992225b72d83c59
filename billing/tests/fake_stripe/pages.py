"""Checkout, portal and invoices of the fake Stripe: its API's objects, and pages to click through.

Card numbers as Stripe's own tests have them (https://docs.stripe.com/testing): 4242… pays,
4000…0341 is kept and declines when it is charged, any other is declined at once.
"""

from html import escape
from urllib.parse import parse_qs

from . import shapes
from .store import DAY, Refusal, Store

GOOD, DECLINES_LATER = "4242424242424242", "4000000000000341"

CHECKOUT = {
    *("mode", "customer", "line_items", "success_url", "cancel_url", "client_reference_id"),
    *("allow_promotion_codes", "automatic_tax", "customer_update", "tax_id_collection"),
}
PORTAL = {"customer", "return_url"}


def create_checkout(store: Store, values: dict, host: str) -> dict:
    customer = store.get("customer", values.get("customer", ""), "customer")
    for item in values.get("line_items", []):
        store.get("price", item["price"], "line_items[0][price]")
    if values.get("mode") != "subscription" or not values.get("success_url"):
        raise Refusal(400, "Missing required param: success_url.", param="success_url")
    id = store.new_id("cs_test")
    made = {
        **{"id": id, "object": "checkout.session", "mode": "subscription", "status": "open"},
        **{"customer": customer["id"], "url": f"http://{host}/c/pay/{id}", "livemode": False},
        **{"success_url": values["success_url"], "cancel_url": values.get("cancel_url")},
        **{"client_reference_id": values.get("client_reference_id"), "subscription": None},
        **{"created": shapes.now(), "payment_status": "unpaid"},
    }
    store.sessions[id] = {**made, "items": values["line_items"]}
    return made


def create_portal(store: Store, values: dict, host: str) -> dict:
    customer = store.get("customer", values.get("customer", ""), "customer")
    id = store.new_id("bps")
    made = {
        **{"id": id, "object": "billing_portal.session", "customer": customer["id"]},
        **{"url": f"http://{host}/p/session/{id}", "return_url": values.get("return_url")},
        **{"livemode": False, "created": shapes.now()},
    }
    store.sessions[id] = made
    return made


def bill(store: Store, subscription: dict, paid: bool) -> dict:
    """An invoice over one period of the subscription."""
    (item,) = subscription["items"]["data"]
    id = store.new_id("in")
    made = {
        **{"id": id, "object": "invoice", "customer": subscription["customer"]},
        **{"number": f"FAKE-{id[-4:]}", "created": shapes.now(), "livemode": False},
        **{"currency": subscription["currency"], "total": item["price"]["unit_amount"]},
        **{"status": "paid" if paid else "open", "subscription": subscription["id"]},
        "hosted_invoice_url": f"https://invoice.stripe.test/{id}",
        "invoice_pdf": f"https://invoice.stripe.test/{id}/pdf",
    }
    store.objects["invoice"][id] = made
    store.tell("invoice.paid" if paid else "invoice.payment_failed", made)
    return made


def pay(store: Store, session: dict, card: str) -> str:
    """What Checkout does with a card; returns where the browser goes, "" if it was declined."""
    card = card.replace(" ", "")
    if card not in (GOOD, DECLINES_LATER):
        return ""
    if session["status"] == "open":
        subscription = store.create_subscription(
            {"customer": session["customer"], "items": session["items"]}
        )
        store.cards[session["customer"]] = card
        bill(store, subscription, paid=True)
        session |= {"status": "complete", "payment_status": "paid"}
        session["subscription"] = subscription["id"]
        store.tell("checkout.session.completed", {k: v for k, v in session.items() if k != "items"})
    return session["success_url"]


def next_period(store: Store) -> None:
    """A month goes by: every living subscription is charged, or not."""
    for subscription in list(store.objects["subscription"].values()):
        if subscription["status"] not in ("active", "past_due", "trialing"):
            continue
        if subscription["cancel_at_period_end"]:
            store.cancel(subscription["id"])
            continue
        is_good = store.cards.get(subscription["customer"], GOOD) == GOOD
        bill(store, subscription, paid=is_good)
        for item in subscription["items"]["data"]:
            item["current_period_start"] = item["current_period_end"]
            item["current_period_end"] += 30 * DAY
        wanted = "active" if is_good else "past_due"
        values = {"status": wanted}
        store.change("subscription", subscription, values, "customer.subscription.updated")


def give_up(store: Store) -> None:
    """All retries of what is past due have failed."""
    for subscription in store.objects["subscription"].values():
        if subscription["status"] == "past_due":
            values = {"status": "unpaid"}
            store.change("subscription", subscription, values, "customer.subscription.updated")


def portal(store: Store, session: dict, action: str, card: str) -> None:
    """What one clicks in the portal."""
    customer = session["customer"]
    mine = [
        each
        for each in store.objects["subscription"].values()
        if each["customer"] == customer and each["status"] not in ("canceled",)
    ]
    if action == "card":
        store.cards[customer] = card.replace(" ", "")
        if store.cards[customer] != GOOD:
            return
        for invoice in store.objects["invoice"].values():
            if invoice["customer"] == customer and invoice["status"] == "open":
                invoice["status"] = "paid"
                store.tell("invoice.paid", invoice)
        for each in mine:
            if each["status"] in ("past_due", "unpaid"):
                store.change(
                    "subscription", each, {"status": "active"}, "customer.subscription.updated"
                )
    if action == "cancel":
        for each in mine:
            values = {"cancel_at_period_end": True}
            store.change("subscription", each, values, "customer.subscription.updated")


def page(store: Store, method: str, path: str, body: str) -> tuple[int, str, str]:
    """(status, HTML, where to) of a page that a person clicks through."""
    session = store.sessions.get(path.rsplit("/", 1)[1])
    if session is None:
        return 404, "<h1>No such session</h1>", ""
    asked = {name: values[-1] for name, values in parse_qs(body).items()}
    if session["object"] == "checkout.session":
        if method == "POST":
            to = pay(store, session, asked.get("card", ""))
            return (303, "", to) if to else (402, form(session, "Your card was declined."), "")
        return 200, form(session), ""
    if method == "POST":
        portal(store, session, asked.get("action", ""), asked.get("card", ""))
        return 303, "", session["return_url"]
    return 200, choices(session), ""


STYLE = (
    "<style>body{font:18px system-ui;max-width:26rem;margin:4rem auto;padding:1rem}"
    "input,button{font:inherit;display:block;width:100%;padding:.7rem;margin:.5rem 0;"
    "box-sizing:border-box}</style>"
)


def form(session: dict, error: str = "") -> str:
    return (
        f"<!doctype html><title>Fake Checkout</title>{STYLE}<h1>Fake Stripe: Checkout</h1>"
        f"<p role=alert>{escape(error)}</p><form method=post><label>Card number"
        f"<input name=card value='4242 4242 4242 4242'></label><button>Subscribe</button></form>"
        f"<a href='{escape(session['cancel_url'] or '')}'>Back</a>"
    )


def choices(session: dict) -> str:
    return (
        f"<!doctype html><title>Fake portal</title>{STYLE}<h1>Fake Stripe: portal</h1>"
        "<form method=post><label>Card number<input name=card value='4242 4242 4242 4242'></label>"
        "<button name=action value=card>Use this card</button>"
        "<button name=action value=cancel>Cancel at the end of the period</button></form>"
        f"<a href='{escape(session['return_url'] or '')}'>Back</a>"
    )
