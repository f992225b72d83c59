"""Subscriptions, their invoices, cards that decline, and a clock that one can move."""

import calendar
import copy
from datetime import UTC, datetime

from . import hosted_shapes, shapes
from .meters import Metered
from .store import DAY, ENDED, Refusal, merged, missing, typed

# https://docs.stripe.com/testing: what happens when the card is charged.
DECLINES_AT_ONCE = {
    "4000000000000002": "Your card was declined.",
    "4000000000009995": "Your card has insufficient funds.",
    "4000000000000069": "Your card has expired.",
}
DECLINES_LATER = {"4000000000000341": "Your card was declined."}  # can be kept, not charged
GOOD = "4242424242424242"
RETRY_AFTER = (3 * DAY, 5 * DAY, 7 * DAY)  # after each failed try; then the subscription is unpaid
LIVE = ("trialing", "active", "past_due", "unpaid")


def later(at: int, interval: str, count: int) -> int:
    """So many intervals later, on the same day of the month where there is one."""
    if interval in ("day", "week"):
        return at + count * (DAY if interval == "day" else 7 * DAY)
    moment = datetime.fromtimestamp(at, UTC)
    months = moment.month - 1 + count * (12 if interval == "year" else 1)
    year, month = moment.year + months // 12, months % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return int(moment.replace(year=year, month=month, day=day).timestamp())


def is_metered(price: dict) -> bool:
    return price["recurring"]["usage_type"] == "metered"


def graduated(tiers: list[dict], quantity: int) -> int:
    amount, before = 0, 0
    for tier in tiers:
        upto = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        amount += max(0, upto - before) * tier["unit_amount"]
        before = max(before, upto)
    return amount


class Subscriptions(Metered):
    def __init__(self, livemode: bool = False):
        super().__init__(livemode)
        self.cards: dict[str, str] = {}  # customer → number; without one every charge works
        self.pending: dict[str, list[dict]] = {}  # subscription → lines of its next invoice

    # --- Subscriptions

    def create_subscription(self, values: dict) -> dict:
        customer = self.get("customer", values.get("customer", ""), "customer")
        if customer.get("deleted"):
            raise missing("customer", customer["id"], "customer")
        prices = [self.get("price", item["price"], "price") for item in values.pop("items", [])]
        if not prices or not all(price["active"] and price["recurring"] for price in prices):
            raise Refusal(400, "The price specified is inactive or not recurring.", param="items")
        if len({price["recurring"]["interval"] for price in prices}) > 1:
            raise Refusal(400, "All prices must have the same interval.", param="items")
        currency = prices[0]["currency"]
        if customer["currency"] not in (None, currency):
            raise Refusal(400, f"You cannot combine currencies on a single customer: {currency}.")
        trial_end = int(values.pop("trial_end", 0))
        trial_days = int(values.pop("trial_period_days", 0))
        new = shapes.subscription(self.new_id("sub"), customer["id"], currency, self.livemode)
        start = new["created"]
        if trial_days or trial_end:
            end = trial_end or start + trial_days * DAY
            new |= {"status": "trialing", "trial_start": start, "trial_end": end}
        elif not self.can_pay(customer["id"]):
            new["status"] = "incomplete"
        recurring = prices[0]["recurring"]
        end = new["trial_end"] or later(start, recurring["interval"], recurring["interval_count"])
        new["items"]["data"] = [
            shapes.subscription_item(self.new_id("si"), new["id"], price, start, end)
            for price in prices
        ]
        tax = values.pop("automatic_tax", {})
        new["automatic_tax"]["enabled"] = tax.get("enabled") == "true"
        new |= values
        self.objects["subscription"][new["id"]] = new
        customer["currency"] = currency
        self.tell("customer.subscription.created", new)
        lines = self.licensed_lines(new, 0 if new["trial_end"] else 1)
        self.make_invoice(new, lines, "subscription_create")
        return new

    def update_subscription(self, id: str, values: dict) -> dict:
        found = self.get("subscription", id)
        if found["status"] in ENDED:
            raise Refusal(400, "A canceled subscription can only update its metadata.")
        items = values.pop("items", None)
        proration = values.pop("proration_behavior", "create_prorations")
        if values.pop("payment_behavior", "") == "error_if_incomplete" and items:
            if not self.can_pay(found["customer"]):
                raise Refusal(402, "Your card was declined.", "card_declined")
        changes = merged(found, typed(values))
        if "cancel_at_period_end" in changes:
            leaves = changes["cancel_at_period_end"]
            end = self.period_end(found)
            changes |= {
                "canceled_at": shapes.now() if leaves else None,
                "cancel_at": end if leaves else None,
            }
            reason = "cancellation_requested" if leaves else None
            changes["cancellation_details"] = {**found["cancellation_details"], "reason": reason}
        if items:
            changes["items"] = self.changed_items(found, items, proration)
        self.change("subscription", found, changes, "customer.subscription.updated")
        if items and proration == "always_invoice":
            self.make_invoice(found, [], "subscription_update")
        return found

    def changed_items(self, found: dict, wanted: list[dict], proration: str) -> dict:
        """The new list of items; what is owed or credited for the change waits in `pending`."""
        items = [dict(each) for each in found["items"]["data"]]
        now = shapes.now()
        for values in wanted:
            item = next((each for each in items if each["id"] == values.get("id")), None)
            if item is None:
                raise missing("subscription_item", values.get("id", ""), "items[0][id]")
            old, price = item["price"], self.get("price", values["price"], "price")
            if price["currency"] != found["currency"]:
                raise Refusal(400, "The price's currency differs from the subscription's.")
            start, end = item["current_period_start"], item["current_period_end"]
            new_end, share = end, end - now
            if price["recurring"]["interval"] != old["recurring"]["interval"]:
                # Another interval begins a new period now.
                recurring = price["recurring"]
                if found["status"] != "trialing":
                    start = now
                    new_end = later(now, recurring["interval"], recurring["interval_count"])
                    share = new_end - now
            if found["status"] != "trialing" and proration != "none" and not is_metered(price):
                length = item["current_period_end"] - item["current_period_start"]
                unused = -(old["unit_amount"] * (item["current_period_end"] - now) // length)
                owed = price["unit_amount"] * share // max(1, new_end - start)
                for amount, of, words in ((unused, old, "Unused"), (owed, price, "Remaining")):
                    self.pending.setdefault(found["id"], []).append(
                        self.line(found, item, of, amount, f"{words} time", now, new_end, True)
                    )
            item |= {
                "price": price,
                "plan": shapes.plan_of(price),
                "current_period_start": start,
                "current_period_end": new_end,
            }
        return {**found["items"], "data": items}

    def period_end(self, subscription: dict) -> int:
        return subscription["items"]["data"][0]["current_period_end"]

    def cancel(
        self, id: str, reason: str = "cancellation_requested", values: dict | None = None
    ) -> dict:
        found = self.get("subscription", id)
        if found["status"] in ENDED:
            raise missing("subscription", id)
        at = shapes.now()
        told = (values or {}).get("cancellation_details", {})
        self.pending.pop(id, None)
        for invoice in self.invoices_of(id, "open", "draft"):
            self.change("invoice", invoice, {"next_payment_attempt": None, "auto_advance": False})
        return self.change(
            "subscription",
            found,
            {
                "status": "canceled",
                "canceled_at": at,
                "ended_at": at,
                "cancellation_details": {**found["cancellation_details"], **told, "reason": reason},
            },
            "customer.subscription.deleted",
        )

    # --- Invoices

    def invoices_of(self, subscription: str, *statuses: str) -> list[dict]:
        return [
            each
            for each in self.objects["invoice"].values()
            if each["subscription"] == subscription and each["status"] in statuses
        ]

    def line(self, subscription, item, price, amount, words, start, end, proration=False) -> dict:
        product = self.objects["product"].get(price["product"], {}).get("name", "")
        values = {
            "amount": amount,
            "currency": subscription["currency"],
            "description": f"{words} ({product})",
            "start": start,
            "end": end,
            "proration": proration,
        }
        ids = (self.new_id("il"), "", subscription["id"], item["id"], price["id"])
        return hosted_shapes.line_item(*ids, values)

    def licensed_lines(self, subscription: dict, times: int = 1) -> list[dict]:
        return [
            self.line(
                *(subscription, item, item["price"]),
                item["price"]["unit_amount"] * times,
                f"A {item['price']['recurring']['interval']}" if times else "Trial period",
                *(item["current_period_start"], item["current_period_end"]),
            )
            for item in subscription["items"]["data"]
            if not is_metered(item["price"])
        ]

    def usage_lines(self, subscription: dict) -> list[dict]:
        """Of the period that ends now."""
        found = []
        for item in subscription["items"]["data"]:
            price = item["price"]
            if is_metered(price):
                start, end = item["current_period_start"], item["current_period_end"]
                meter = self.get("meter", price["recurring"]["meter"])
                used = self.used(meter, subscription["customer"], start, end)
                amount = graduated(price["tiers"], used)
                if used:
                    words = f"{used} sign-ups"
                    found.append(self.line(subscription, item, price, amount, words, start, end))
        return found

    def make_invoice(self, subscription: dict, lines: list[dict], reason: str) -> dict:
        """With what was pending; finalised and charged at once, as far as the status allows."""
        customer = self.get("customer", subscription["customer"])
        new = hosted_shapes.invoice(self.new_id("in"), customer, subscription, reason)
        lines = self.pending.pop(subscription["id"], []) + lines
        for line in lines:
            line["invoice"] = new["id"]
        total = sum(line["amount"] for line in lines)
        new["lines"]["data"] = lines
        new |= {"subtotal": total, "total": total, "total_excluding_tax": total}
        new |= {"subtotal_excluding_tax": total, "amount_due": max(0, total)}
        new["amount_remaining"] = new["amount_due"]
        self.objects["invoice"][new["id"]] = new
        self.tell("invoice.created", new)
        subscription["latest_invoice"] = new["id"]
        if subscription["status"] == "unpaid":  # Stripe goes on making drafts, and asks for nothing
            new["auto_advance"] = False
            return new
        self.finalize(new, customer)
        self.attempt(new)
        return new

    def finalize(self, invoice: dict, customer: dict) -> None:
        balance = customer["balance"]
        due = invoice["total"] + balance
        if due < 0 or balance:
            left = min(due, 0)
            self.change("customer", customer, {"balance": left})
            invoice |= {"starting_balance": balance, "ending_balance": left}
        due = max(0, due)
        number = customer["next_invoice_sequence"]
        customer["next_invoice_sequence"] = number + 1
        url = f"{self.address}/i/{invoice['id']}"
        values = {
            "status": "open",
            "number": f"{customer['invoice_prefix']}-{number:04}",
            "amount_due": due,
            "amount_remaining": due,
            "hosted_invoice_url": url,
            "invoice_pdf": f"{url}/pdf",
            "effective_at": shapes.now(),
        }
        values["status_transitions"] = {
            **invoice["status_transitions"],
            "finalized_at": shapes.now(),
        }
        self.change("invoice", invoice, values, "invoice.finalized")

    def can_pay(self, customer: str) -> bool:
        card = self.cards.get(customer, GOOD)
        return card not in DECLINES_AT_ONCE and card not in DECLINES_LATER

    def attempt(self, invoice: dict) -> bool:
        """Charge the card; whether the invoice is paid now."""
        if invoice["amount_due"] == 0 or self.can_pay(invoice["customer"]):
            self.is_paid(invoice)
            return True
        subscription = self.get("subscription", invoice["subscription"])
        tried = invoice["attempt_count"] + 1
        status = subscription["status"]
        again = None
        if status != "incomplete" and tried <= len(RETRY_AFTER):
            again = shapes.now() + RETRY_AFTER[tried - 1]
        values = {"attempt_count": tried, "attempted": True, "next_payment_attempt": again}
        self.change("invoice", invoice, values, "invoice.payment_failed")
        if status in ("active", "trialing", "past_due"):
            self.set_status(subscription, "past_due" if again else "unpaid")
        return False

    def is_paid(self, invoice: dict) -> None:
        if invoice["status"] == "paid":
            return
        values = {
            "status": "paid",
            "amount_paid": invoice["amount_due"],
            "amount_remaining": 0,
            "attempted": True,
            "attempt_count": invoice["attempt_count"] + (1 if invoice["amount_due"] else 0),
            "next_payment_attempt": None,
            "status_transitions": {**invoice["status_transitions"], "paid_at": shapes.now()},
        }
        self.change("invoice", invoice, values, "invoice.paid")
        subscription = self.get("subscription", invoice["subscription"])
        owing = self.invoices_of(subscription["id"], "open")
        if subscription["status"] in ("past_due", "unpaid", "incomplete") and not owing:
            self.set_status(subscription, "active")

    def set_status(self, subscription: dict, status: str) -> None:
        values = {"status": status}
        self.change("subscription", subscription, values, "customer.subscription.updated")

    def pay_invoice(self, id: str) -> dict:
        """As the customer does on the invoice's page, or Stripe's API is asked to."""
        invoice = self.get("invoice", id)
        if invoice["status"] != "open":
            raise Refusal(400, "This invoice is not open.", "invoice_not_open")
        if not self.attempt(invoice):
            card = self.cards[invoice["customer"]]
            words = (DECLINES_AT_ONCE | DECLINES_LATER)[card]
            raise Refusal(402, words, "card_declined")
        return invoice

    def preview_invoice(self, values: dict) -> dict:
        """What a change would cost, tried on a copy of everything."""
        told = values.get("subscription_details", {})
        clone = copy.deepcopy(self)
        clone.cards[values["customer"]] = GOOD
        changed = clone.update_subscription(
            values["subscription"],
            {"items": told["items"], "proration_behavior": told["proration_behavior"]},
        )
        return clone.objects["invoice"][changed["latest_invoice"]]

    # --- The clock

    def due(self) -> list[tuple[int, str, str]]:
        """(when, what, id) of all that the time will bring."""
        found = []
        for each in self.objects["subscription"].values():
            if each["status"] in LIVE:
                found.append((self.period_end(each), "roll", each["id"]))
            elif each["status"] == "incomplete":
                found.append((each["created"] + 23 * 3600, "expire", each["id"]))
        for each in self.objects["invoice"].values():
            if each["status"] == "open" and each["next_payment_attempt"]:
                found.append((each["next_payment_attempt"], "attempt", each["id"]))
        return sorted(found)

    def advance(self, to: int) -> int:
        """Let the time pass until `to`, and everything happen that it brings."""
        while (due := self.due()) and due[0][0] <= to:
            at, what, id = due[0]
            shapes.set_clock(max(at, shapes.now()))
            if what == "attempt":
                self.attempt(self.get("invoice", id))
            elif what == "expire":
                self.set_status(self.get("subscription", id), "incomplete_expired")
            else:
                self.roll(self.get("subscription", id))
        shapes.set_clock(max(to, shapes.now()))
        return shapes.now()

    def roll(self, subscription: dict) -> None:
        """One period ends; the next begins, or nothing does."""
        usage = [] if subscription["status"] == "trialing" else self.usage_lines(subscription)
        if subscription["cancel_at_period_end"]:
            if usage:
                self.make_invoice(subscription, usage, "subscription_cycle")
            self.cancel(subscription["id"])
            return
        items = []
        for item in subscription["items"]["data"]:
            recurring, start = item["price"]["recurring"], item["current_period_end"]
            end = later(start, recurring["interval"], recurring["interval_count"])
            items.append({**item, "current_period_start": start, "current_period_end": end})
        values = {"items": {**subscription["items"], "data": items}}
        if subscription["status"] == "trialing":
            values["status"] = "active"
        self.change("subscription", subscription, values, "customer.subscription.updated")
        lines = usage + self.licensed_lines(subscription)
        self.make_invoice(subscription, lines, "subscription_cycle")

    # --- A customer's balance

    def create_balance_transaction(self, customer_id: str, values: dict) -> dict:
        customer = self.get("customer", customer_id)
        amount = int(values["amount"])
        self.change("customer", customer, {"balance": customer["balance"] + amount})
        if customer["currency"] is None:
            customer["currency"] = values["currency"]
        return hosted_shapes.balance_transaction(self.new_id("cbtxn"), customer, values)
