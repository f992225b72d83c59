"""All of it together: the days, one after the other."""

import io
import random
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pyrage
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import override_settings

from bench.servers import BenchFailed
from billing.tests.fake_stripe.process import FakeStripe

from . import bills as money, days, shops
from .clock import Clock
from .periodic import Beat, Worker
from .plan import BEGIN, Plan
from .shops import Shop

SHOP_HOURS = (timedelta(hours=7), timedelta(hours=13))  # after the night's work at half past five
LEAVER = "leaver"
SILENCE = 90  # on each so-manieth day the first retailer's CRM answers nobody


@dataclass
class Life:
    plan: Plan
    clock: Clock
    beat: Beat
    worker: Worker
    bills: money.Bills
    crm: object  # customerinfo.demo.crm.tests.process.Process
    say: Callable[[str], None]
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    shops: list[Shop] = field(default_factory=list)
    leaver: Shop | None = None
    backups: int = 0
    backup_seconds: float = 0.0
    silent: bool = False
    subscribed: set[str] = field(default_factory=set)
    declined: bool = False
    owed_since: int | None = None
    paid: bool = False

    @property
    def staying(self) -> list[Shop]:
        return [shop for shop in self.shops if shop is not self.leaver]

    def begin(self) -> None:
        money.sell()
        slugs = [f"shop-{number}" for number in range(1, self.plan.retailers + 1)]
        for slug in (*slugs, LEAVER):
            shops.ask_for(slug)
        self.settle()
        for number, slug in enumerate((*slugs, LEAVER)):
            kept = None if number else self.plan.kept_days
            self.shops.append(shops.open_shop(slug, self.crm.url, kept))
        self.leaver = self.shops[-1]

    def settle(self) -> None:
        """What is due by the clock is sent for and done, and what that brings."""
        self.bills.hear()
        self.worker.work()
        for _ in self.beat.tick():
            self.worker.work()
        self.bills.hear()
        self.worker.work()

    def live(self) -> None:
        started = time.perf_counter()
        for lived, day in enumerate(self.plan.days):
            self.day(lived, day)
            if lived and lived % 20 == 0:
                pace = (time.perf_counter() - started) / lived
                number = sum(shop.signed_up for shop in self.shops)
                self.say(f"day {day}, {number} sign-ups, {pace:.2f} s a day")
        # A last day without shoppers: what was left is delivered.
        self.end_silence()
        for hours in (24, 30, 48):
            self.clock.go_to(BEGIN + timedelta(days=self.plan.last, hours=hours))
            self.settle()
        self.back_up()  # and drops the old ones, as each night's does on a server

    def day(self, lived: int, day: int) -> None:
        morning = BEGIN + timedelta(days=day)
        self.clock.go_to(morning)
        cache.clear()  # Redis' clock can't be moved: overnight it would have forgotten all of it
        self.settle()
        if lived % self.plan.backup_every == 0:
            self.back_up()
        self.trouble(day)
        self.paperwork(day)
        for hours in SHOP_HOURS:
            self.clock.go_to(morning + hours)
            for shop in self.shops:
                if shop.state() and shop.retailer.is_collecting:
                    days.shoppers(shop, self.plan.a_day // len(SHOP_HOURS), self.chance)
                    days.tablet_says(shop)
            self.settle()
        self.visits(lived)
        self.worker.work()

    def back_up(self) -> None:
        started = time.perf_counter()
        call_command("backup_retailer", stdout=io.StringIO())
        self.backups += 1
        self.backup_seconds = time.perf_counter() - started

    def trouble(self, day: int) -> None:
        """Now and then a CRM is out for a day."""
        self.end_silence()
        if day % SILENCE == SILENCE - 1:
            self.crm.api(
                "POST",
                "/faults",
                {"kind": "500", "times": 10**6, "chance": 1, "path": "contacts"},
                key=shops.key_of(self.shops[0].retailer.slug),
            )
            self.silent = True

    def end_silence(self) -> None:
        if self.silent:
            self.crm.api("DELETE", "/faults", key=shops.key_of(self.shops[0].retailer.slug))
            self.silent = False

    def paperwork(self, day: int) -> None:
        """Subscribing, a card that is refused for a while, and what the states say."""
        for shop in self.shops:
            self.bills.note(shop)
            if shop is self.leaver:
                continue
            if day >= self.plan.subscribe_on and shop.schema not in self.subscribed:
                self.bills.subscribe(shop)
                self.subscribed.add(shop.schema)
        debtor = self.shops[1 % self.plan.retailers]
        if day >= self.plan.declines_on and not self.declined:
            self.bills.card(debtor, money.DECLINES_LATER)
            self.declined = True
        if self.bills.note(debtor) == "past_due" and self.owed_since is None:
            self.owed_since = day
        elif self.owed_since is not None and not self.paid and day >= self.owed_since + 5:
            self.bills.pay(debtor)
            self.paid = True
        self.settle()

    def visits(self, lived: int) -> None:
        """Staff and the operator log in on Mondays; each month the page says something new."""
        for shop in self.staying:
            if lived % 7 == 0:
                days.owner_looks_in(shop)
            if lived % 30 == 4:
                days.owner_rewords(shop)
            if lived % 90 == 5:
                days.operator_helps(shop)
        if lived % 7 == 0:
            days.operator_looks_in()


@contextmanager
def settings_of_the_bench(fake: FakeStripe, folder: Path):
    """Billing at the fake Stripe, backups into a folder, mails to nobody, passwords hashed quickly
    (a log-in would take half a second, and hashing isn't what is looked at)."""
    from billing import stripe_api
    from billing.tests.conftest import SECRET, TEST_KEY

    key = pyrage.x25519.Identity.generate()
    backups = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(folder / "backups")},
    }
    with override_settings(
        STRIPE_SECRET_KEY=TEST_KEY,
        STRIPE_TEST_SECRET_KEY=TEST_KEY,
        STRIPE_WEBHOOK_SECRET=SECRET,
        STRIPE_API_BASE=fake.url,
        BACKUP_RECIPIENT=str(key.to_public()),
        STORAGES={**settings.STORAGES, "backups": backups},
        MEDIA_ROOT=str(folder / "media"),
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        OPERATORS_NEED_SECOND_FACTOR=False,
    ):
        stripe_api.configure()
        yield
    stripe_api.configure()


@contextmanager
def lived(plan: Plan, crm, fake: FakeStripe, folder: Path, say: Callable[[str], None]):
    """The life, when it is over and the clock still stands at its end."""
    with settings_of_the_bench(fake, folder), time_machine.travel(BEGIN, tick=True) as traveller:
        fake.reset(now=int(time.time()))
        worker = Worker()
        try:
            life = Life(plan, Clock(traveller, fake), Beat(), worker, money.Bills(fake), crm, say)
            life.begin()
            life.live()
            if worker.failures:
                raise BenchFailed(f"Tasks failed: {worker.failures[:5]} of {len(worker.failures)}")
            yield life
        finally:
            worker.close()
