"""Trials and bills, by the retailers' own clicks and Stripe's events."""

from django.contrib.auth import get_user_model
from django.db import connection
from django_tenants.utils import tenant_context

from bench.servers import BenchFailed
from billing import customers, plan_sync, plans, stripe_api
from billing.tests.conftest import post
from billing.tests.fake_stripe.process import FakeStripe
from tenants.tests.people import browser

from .shops import Shop

GOOD, DECLINES_LATER = "4242424242424242", "4000000000000341"
PAGE = "/admin/billing/"


def sell() -> None:
    """Our plans stand in an empty Stripe."""
    client, known = stripe_api.client(), plans.load()
    for change in plan_sync.changes(known, plan_sync.look(client, known)):
        change.make(client)


class Bills:
    def __init__(self, fake: FakeStripe):
        self.fake = fake
        self.heard = 0
        self.told: dict[str, list[str]] = {}  # schema → the states that it went through

    def hear(self) -> None:
        """Stripe's webhooks arrive."""
        events = self.fake.events(after=self.heard)
        self.heard += len(events)
        for event in events:
            if (status := post(event).status_code) != 200:
                raise BenchFailed(f"{event['type']} was answered with {status}")
        connection.set_schema_to_public()

    def note(self, shop: Shop) -> str:
        """The retailer's state; remembers how it changed."""
        state = shop.state()
        states = self.told.setdefault(shop.schema, [])
        if states[-1:] != [state]:
            states.append(state)
        return state

    def subscribe(self, shop: Shop) -> None:
        with tenant_context(shop.retailer):
            visitor = browser(shop.retailer.host)
            visitor.force_login(get_user_model().objects.get(email=shop.retailer.owner_email))
        answer = visitor.post(f"{PAGE}subscribe/", {"price": "starter_eur_month"})
        connection.set_schema_to_public()
        if not getattr(answer, "url", ""):  # see integrations.leaving
            raise BenchFailed(f"{shop.schema} couldn't subscribe: {answer.status_code}")
        status, _ = self.fake.press(answer.url, card=GOOD)
        if status != 303:
            raise BenchFailed(f"{shop.schema}: Checkout answered {status}")

    def customer(self, shop: Shop) -> str:
        return customers.known_customer(shop.retailer).id

    def card(self, shop: Shop, card: str) -> None:
        self.fake.give_card(self.customer(shop), card)

    def pay(self, shop: Shop) -> None:
        """Another card, and what is owed."""
        self.card(shop, GOOD)
        for invoice in self.invoices(shop):
            if invoice["status"] == "open":
                self.fake.pay(invoice["id"])

    def invoices(self, shop: Shop) -> list[dict]:
        customer = self.customer(shop)
        return [each for each in self.fake.objects("invoice") if each["customer"] == customer]
