"""Checkout and the billing portal: what happens when somebody clicks there."""

from . import hosted_shapes, shapes
from .store import ENDED, Refusal, missing
from .subscriptions import DECLINES_AT_ONCE, Subscriptions


class Declined(Exception):
    """The card was refused; `str` is what Stripe's page says."""


class Hosted(Subscriptions):
    def create_checkout_session(self, values: dict) -> dict:
        customer = self.get("customer", values.get("customer", ""), "customer")
        if customer.get("deleted"):
            raise missing("customer", customer["id"], "customer")
        trial_end = int(values.get("subscription_data", {}).get("trial_end", 0))
        if trial_end and trial_end < shapes.now() + 48 * 3600:
            raise Refusal(400, "The trial_end must be at least 2 days in the future.")
        prices = [self.get("price", item["price"], "price") for item in values["line_items"]]
        tax = values.pop("automatic_tax", {}).get("enabled") == "true"
        new = hosted_shapes.checkout_session(self.new_id("cs_test"), self.livemode)
        new["automatic_tax"]["enabled"] = tax
        shown = ("customer", "success_url", "cancel_url", "client_reference_id", "metadata")
        new |= {name: values[name] for name in shown if name in values}
        amounts = [price["unit_amount"] or 0 for price in prices]
        new["amount_total"] = new["amount_subtotal"] = 0 if trial_end else sum(amounts)
        new["currency"] = prices[0]["currency"]
        new["url"] = f"{self.address}/c/{new['id']}"
        new["_wanted"] = {
            "items": [{"price": price["id"]} for price in prices],
            "trial_end": trial_end,
            "metadata": values.get("subscription_data", {}).get("metadata", {}),
            "tax": tax,
        }
        self.objects["checkout_session"][new["id"]] = new
        return new

    def expire_checkout_session(self, id: str) -> dict:
        found = self.get("checkout_session", id)
        if found["status"] != "open":
            raise Refusal(400, "Only open Checkout Sessions can be expired.")
        values = {"status": "expired", "url": None}
        return self.change("checkout_session", found, values, "checkout.session.expired")

    def complete_checkout(self, id: str, card: str) -> dict:
        """Raises `Declined`, or `Refusal` where the session isn't open any more."""
        found = self.get("checkout_session", id)
        if found["status"] != "open":
            raise Refusal(400, "This Checkout Session isn't open.")
        if card in DECLINES_AT_ONCE:
            raise Declined(DECLINES_AT_ONCE[card])
        wanted = found["_wanted"]
        before = self.cards.get(found["customer"])
        self.cards[found["customer"]] = card
        if not wanted["trial_end"] and not self.can_pay(found["customer"]):
            self.cards.pop(found["customer"])
            if before:
                self.cards[found["customer"]] = before
            raise Declined("Your card was declined.")
        values = {
            "customer": found["customer"],
            "items": wanted["items"],
            "metadata": wanted["metadata"],
            "automatic_tax": {"enabled": "true" if wanted["tax"] else "false"},
        }
        if wanted["trial_end"]:
            values["trial_end"] = str(max(wanted["trial_end"], shapes.now() + 60))
        subscription = self.create_subscription(values)
        values = {
            "status": "complete",
            "payment_status": "no_payment_required" if wanted["trial_end"] else "paid",
            "subscription": subscription["id"],
            "url": None,
        }
        return self.change("checkout_session", found, values, "checkout.session.completed")

    def create_portal_session(self, values: dict) -> dict:
        customer = self.get("customer", values.get("customer", ""), "customer")
        if customer.get("deleted"):
            raise missing("customer", customer["id"], "customer")
        configurations = self.objects["portal_configuration"]
        if values.get("configuration") and values["configuration"] not in configurations:
            raise missing("configuration", values["configuration"], "configuration")
        new = hosted_shapes.portal_session(self.new_id("bps"), customer["id"], self.livemode)
        new |= {"return_url": values.get("return_url"), "url": f"{self.address}/p/{new['id']}"}
        new["configuration"] = values.get("configuration") or "bpc_default"
        self.objects["portal_session"][new["id"]] = new
        return new

    def change_card(self, customer: str, card: str) -> None:
        """Raises `Declined`. What is owed is paid by a click on its invoice, or at the next try."""
        if card in DECLINES_AT_ONCE:
            raise Declined(DECLINES_AT_ONCE[card])
        self.cards[customer] = card
        self.tell("payment_method.attached", payment_method(self.new_id("pm"), customer, card))

    def create_portal_configuration(self, values: dict) -> dict:
        new = hosted_shapes.portal_configuration(self.new_id("bpc"), self.livemode) | values
        self.objects["portal_configuration"][new["id"]] = new
        return new

    def update_portal_configuration(self, id: str, values: dict) -> dict:
        found = self.get("portal_configuration", id)
        found.update(values)
        return found

    def create_webhook_endpoint(self, values: dict) -> dict:
        if not values.get("url", "").startswith(("http://", "https://")):
            raise Refusal(400, "Invalid URL.", "url_invalid", "url")
        new = hosted_shapes.webhook_endpoint(self.new_id("we"), self.livemode) | values
        self.objects["webhook_endpoint"][new["id"]] = new
        # Shown this once, as Stripe does.
        return {**new, "secret": f"whsec_{self.new_id('fake')}"}

    def update_webhook_endpoint(self, id: str, values: dict) -> dict:
        found = self.get("webhook_endpoint", id)
        found.update(values)
        return found

    def live_subscriptions(self, customer: str) -> list[dict]:
        return [
            each
            for each in self.objects["subscription"].values()
            if each["customer"] == customer and each["status"] not in ENDED
        ]


def payment_method(id: str, customer: str, card: str) -> dict:
    return {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "card": {"brand": "visa", "last4": card[-4:], "exp_month": 12, "exp_year": 2034},
        "created": shapes.now(),
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
