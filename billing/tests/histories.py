"""Random histories at Stripe, told to us well or badly: in the end we have what Stripe has.

`play` makes one. What happens at Stripe and how its events reach us both come from one number, so
that a history that fails can be played again.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stripe
from django.db import connection
from django.utils import timezone
from djstripe import models as mirror

from billing import customers, processing, reconcile, stripe_api, tasks
from billing.models import ReceivedEvent
from billing.tests.conftest import post
from billing.tests.fake_stripe.process import FakeStripe
from integrations.models import Mail  # noqa: F401 - its table belongs to the world
from tenants.models import Retailer

WAYS = ("doubled", "reversed", "late", "dropped", "troubled")
BEGIN = datetime(2027, 3, 1, 10, tzinfo=UTC)
TRIAL = timedelta(days=30)
PATIENCE = timedelta(days=14)
CARDS = ("4242424242424242", "4000000000000341")
KEYS = ("starter_eur_month", "starter_eur_year")


@dataclass
class Told:
    """What one history had, for the figures."""

    seed: int
    way: str
    events: int
    ending: tuple[str, str]


class World:
    """One history of Acorn and Birch."""

    def __init__(self, fake: FakeStripe, traveller, seed: int):
        self.fake, self.traveller = fake, traveller
        self.dice = random.Random(seed)
        self.retailers = list(Retailer.objects.filter(slug__in=("acorn", "birch")).order_by("slug"))
        self.told: set[str] = set()
        self.client = stripe_api.client()

    # --- At Stripe

    def subscriptions(self, retailer: Retailer) -> list[dict]:
        ids = self.customer_ids(retailer)
        return [s for s in self.fake.objects("subscription") if s["customer"] in ids]

    def customer_ids(self, retailer: Retailer) -> set[str]:
        return set(mirror.Customer.objects.filter(subscriber=retailer).values_list("id", flat=True))

    def living(self, retailer: Retailer) -> list[dict]:
        over = ("canceled", "incomplete_expired")
        return [each for each in self.subscriptions(retailer) if each["status"] not in over]

    def step(self) -> None:
        retailer = self.dice.choice(self.retailers)
        acts: list[Callable] = [self.subscribe] * 3 + [self.wait] * 5 + [self.card] * 3
        acts += [self.pay] * 2 + [self.leave, self.stay, self.cancel, self.change, self.give_up]
        acts += [self.rename, self.forget]
        try:
            self.dice.choice(acts)(retailer)
        except stripe.StripeError:
            pass  # Stripe refuses some of it, as it would

    def subscribe(self, retailer: Retailer) -> None:
        if self.living(retailer) and self.dice.random() < 0.9:
            return
        customer = customers.ensure_customer(retailer)
        key = self.dice.choice(KEYS)
        price = self.client.v1.prices.list({"lookup_keys": [key]}).data[0]
        values = {"customer": customer.id, "items": [{"price": price.id}]}
        if self.dice.random() < 0.3:
            values["trial_period_days"] = self.dice.randint(1, 20)
        self.client.v1.subscriptions.create(values)

    def wait(self, retailer: Retailer) -> None:
        days = self.dice.choice((0.2, 1, 3, 6, 15, 31, 40))
        self.traveller.shift(timedelta(days=days))
        self.fake.advance(days)

    def card(self, retailer: Retailer) -> None:
        for id in sorted(self.customer_ids(retailer)):
            self.fake.give_card(id, self.dice.choice(CARDS))

    def pay(self, retailer: Retailer) -> None:
        ids = self.customer_ids(retailer)
        for invoice in self.fake.objects("invoice"):
            if invoice["customer"] in ids and invoice["status"] == "open":
                self.fake.pay(invoice["id"])

    def leave(self, retailer: Retailer) -> None:
        for each in self.living(retailer):
            self.client.v1.subscriptions.update(each["id"], {"cancel_at_period_end": True})

    def stay(self, retailer: Retailer) -> None:
        for each in self.living(retailer):
            self.client.v1.subscriptions.update(each["id"], {"cancel_at_period_end": False})

    def cancel(self, retailer: Retailer) -> None:
        for each in self.living(retailer):
            self.client.v1.subscriptions.cancel(each["id"])

    def give_up(self, retailer: Retailer) -> None:
        for each in self.living(retailer):
            self.fake.cancel(each["id"], "payment_failed")

    def change(self, retailer: Retailer) -> None:
        price = self.client.v1.prices.list({"lookup_keys": [self.dice.choice(KEYS)]}).data[0]
        for each in self.living(retailer):
            item = {"id": each["items"]["data"][0]["id"], "price": price.id}
            values = {"items": [item], "proration_behavior": "always_invoice"}
            self.client.v1.subscriptions.update(each["id"], values)

    def rename(self, retailer: Retailer) -> None:
        for id in sorted(self.customer_ids(retailer)):
            self.client.v1.customers.update(id, {"description": str(self.dice.random())})

    def forget(self, retailer: Retailer) -> None:
        if self.dice.random() < 0.2:
            for id in sorted(self.customer_ids(retailer)):
                self.client.v1.customers.delete(id)

    # --- On the way to us

    def new_events(self) -> list[dict]:
        found = [event for event in self.fake.events() if event["id"] not in self.told]
        self.told |= {event["id"] for event in found}
        return found

    def arrive(self, events: list[dict], times: int = 1) -> None:
        for event in events:
            deliveries = [event] * times
            if times > 1:
                in_threads(lambda each: post(each).status_code, deliveries)
                in_threads(tasks.process_event, [event["id"]] * times)
            else:
                post(event)
                processing.process(event["id"])

    def tell(self, way: str) -> None:
        events = self.new_events()
        if way == "doubled":
            picked = self.dice.sample(events, min(3, len(events)))
            self.arrive(picked, times=8)
            self.arrive([event for event in events if event not in picked])
        elif way == "reversed":
            self.arrive(events[::-1])
        elif way == "dropped":
            self.arrive([event for event in events if self.dice.random() < 0.4])
        elif way == "troubled":  # Stripe answers badly meanwhile
            for event in self.dice.sample(events, len(events)):
                if self.dice.random() < 0.3:
                    self.fake.fail(self.dice.choice((429, 500, 503)), times=3)
                self.arrive([event])

    def end(self, way: str, late: list[dict]) -> None:
        """What remains to be done by itself: late events come, pauses pass, the hour strikes."""
        if way == "late":
            self.arrive(self.dice.sample(late, len(late)))
        if way in ("dropped", "late"):
            # The clock alone changes things of which no event tells: a grace that is over.
            hour_strikes(self.retailers)
            return
        for _ in range(25):
            if not ReceivedEvent.objects.waiting().exists():
                break
            ReceivedEvent.objects.update(next_try_at=timezone.now())
            for event in ReceivedEvent.objects.waiting():
                processing.process(event.pk)
        assert not ReceivedEvent.objects.waiting().exists()

    # --- What must be

    def differences(self, by_the_hour: bool) -> list[str]:
        found = []
        for retailer in self.retailers:
            for model, kind in ((mirror.Subscription, "subscription"), (mirror.Invoice, "invoice")):
                ours = dict(
                    model.objects.filter(customer__subscriber=retailer).values_list(
                        "id", "stripe_data"
                    )
                )
                for theirs in self.fake.objects(kind):
                    if theirs["customer"] in self.customer_ids(retailer):
                        if kind == "invoice" and theirs["status"] == "draft":
                            continue
                        mine = ours.get(theirs["id"])
                        found += compare(kind, theirs, mine)
            retailer.refresh_from_db()
            expected = self.expected(retailer)
            if retailer.state not in (expected if not by_the_hour else expected[-1:]):
                found.append(f"{retailer}: {retailer.state}, not {expected}")
        return found

    def expected(self, retailer: Retailer) -> list[str]:
        """From the fake's objects alone: what a state may be without the hourly look, and is
        after it (the last one).
        """
        now = timezone.now()
        said = set()
        grace_over = False
        for each in self.subscriptions(retailer):
            status = each["status"]
            if status == "past_due":
                owed = [
                    invoice["created"]
                    for invoice in self.fake.objects("invoice")
                    if invoice["subscription"] == each["id"]
                    and invoice["status"] == "open"
                    and invoice["attempt_count"]
                    and invoice["amount_remaining"]
                ]
                if owed and datetime.fromtimestamp(min(owed), UTC) + PATIENCE <= now:
                    status, grace_over = "unpaid", True
            over_money = each["cancellation_details"]["reason"] == "payment_failed"
            if status == "canceled" and over_money:
                status = "unpaid"
            said.add(status)
        order = ("active", "trialing", "past_due", "unpaid", "canceled")
        names = ("active", "trial", "past_due", "suspended", "closed")
        for status, name in zip(order, names, strict=True):
            if status in said:
                return ["past_due", name] if grace_over else [name]
        if retailer.created_at + TRIAL > now:
            return ["trial"]
        return ["trial", "suspended"]


def compare(kind: str, theirs: dict, mine: dict | None) -> list[str]:
    if mine is None:
        return [f"{theirs['id']} is missing"]
    fields = {
        "subscription": ("status", "cancel_at_period_end", "trial_end", "customer"),
        "invoice": ("status", "amount_due", "amount_remaining", "attempt_count"),
    }[kind]
    found = [
        f"{theirs['id']} {field}: {mine[field]}, at Stripe {theirs[field]}"
        for field in fields
        if mine[field] != theirs[field]
    ]
    if kind == "subscription":
        prices = [[i["price"]["id"] for i in data["items"]["data"]] for data in (mine, theirs)]
        ends = [[i["current_period_end"] for i in d["items"]["data"]] for d in (mine, theirs)]
        if prices[0] != prices[1] or ends[0] != ends[1]:
            found.append(f"{theirs['id']} has other items")
    return found


def hour_strikes(retailers: list[Retailer]) -> None:
    for retailer in retailers:
        reconcile.reconcile(Retailer.objects.get(pk=retailer.pk))


def in_threads(function: Callable, arguments: list) -> None:
    def run(argument):
        try:
            return function(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as threads:
        list(threads.map(run, arguments))


def forget_everything() -> None:
    """As before the first history; commits are real here."""
    ReceivedEvent.objects.all().delete()
    for model in (mirror.Invoice, mirror.SubscriptionItem, mirror.Subscription, mirror.Customer):
        model.objects.all().delete()
    Retailer.objects.exclude(state="template").update(
        state="trial",
        billed_state="trial",
        hold="",
        hold_reason="",
        delete_at=None,
        created_at=timezone.now(),
        state_since=timezone.now(),
    )


def play(fake: FakeStripe, traveller, sell: Callable[[], None], seed: int) -> Told:
    """Raises AssertionError with what differs. `sell` puts the plans into an empty Stripe."""
    way = WAYS[seed % len(WAYS)]
    traveller.move_to(BEGIN)
    fake.reset(now=int(time.time()))
    sell()
    forget_everything()
    world = World(fake, traveller, seed)
    world.new_events()
    late: list[dict] = []
    for _ in range(world.dice.randint(4, 12)):
        world.step()
        if way == "late":
            late += world.new_events()
        elif world.dice.random() < 0.5:
            world.tell(way)
    if way == "late":
        traveller.shift(timedelta(hours=72))
        fake.advance(3)
        late += world.new_events()
    else:
        world.tell(way)
    world.end(way, late)
    differing = world.differences(by_the_hour=way in ("dropped", "late"))
    assert not differing, f"History {seed} ({way}): {differing}"
    ending = tuple(retailer.state for retailer in world.retailers)
    return Told(seed, way, len(world.told), ending)
