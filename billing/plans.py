"""The plans that stand in plans.toml, as typed objects.

`parse` collects every mistake instead of stopping at the first; the system check in checks.py
shows them, each with its id.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tenants.models import Retailer

from .money import step

PLANS_FILE = Path(__file__).with_name("plans.toml")

INTERVALS = {"month": 1, "year": 12}  # months
BEYOND = "beyond"  # may be left out: then sign-ups beyond the included ones cost nothing
LIMITS = ("pages", "tablets", "connections")
# Stripe's largest unit_amount has eight digits: https://docs.stripe.com/api/prices/object
LARGEST_AMOUNT = 99_999_999

KEY = re.compile(r"\A[a-z][a-z0-9]{0,29}\Z")  # becomes part of Stripe ids and lookup keys
CURRENCY = re.compile(r"\A[a-z]{3}\Z")

# Ids of the system check, by kind of mistake.
FILE, PLAN, PRICE, LIMIT = "billing.E001", "billing.E002", "billing.E003", "billing.E004"


@dataclass(frozen=True)
class PlanPrice:
    """One price of a plan. `amount` is in the currency's smallest unit.

    A metered price costs `amount` for each sign-up beyond `included` in its interval; for the
    plan's own price `included` is None.
    """

    plan: str
    currency: str
    interval: str
    amount: int
    included: int | None = None

    @property
    def is_metered(self) -> bool:
        return self.included is not None

    @property
    def lookup_key(self) -> str:
        """How the price is found in Stripe, whatever its amount is today."""
        key = f"{self.plan}_{self.currency}_{self.interval}"
        return f"{key}_beyond" if self.is_metered else key


@dataclass(frozen=True)
class Plan:
    key: str
    name: str
    description: str
    included_signups: int  # a month
    limits: Mapping[str, int]
    prices: tuple[PlanPrice, ...]

    @property
    def product_id(self) -> str:
        """Stripe lets us choose a product's id, so it can be found again without a search."""
        return f"customerinfo_{self.key}"

    def price(self, currency: str, interval: str, metered: bool = False) -> PlanPrice | None:
        for price in self.prices:
            if (price.currency, price.interval, price.is_metered) == (currency, interval, metered):
                return price
        return None


@dataclass(frozen=True)
class Catalogue:
    trial_days: int
    plans: tuple[Plan, ...]

    @property
    def prices(self) -> tuple[PlanPrice, ...]:
        return tuple(price for plan in self.plans for price in plan.prices)

    @property
    def currencies(self) -> list[str]:
        return sorted({price.currency for price in self.prices})

    def plan(self, key: str) -> Plan | None:
        return next((plan for plan in self.plans if plan.key == key), None)


@dataclass(frozen=True)
class Mistake:
    id: str
    text: str


class PlansError(Exception):
    """plans.toml can't be used; `mistakes` says why."""

    def __init__(self, mistakes: list[Mistake]):
        self.mistakes = mistakes
        super().__init__(" ".join(mistake.text for mistake in mistakes))


def is_count(value) -> bool:
    """A whole number, not negative; TOML's true isn't one, although Python's is."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def parse(text: str) -> Catalogue:
    """Raises `PlansError` with every mistake in it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlansError([Mistake(FILE, f"plans.toml isn't TOML: {error}.")]) from error
    return Parser().catalogue(data)


class Parser:
    """Reads the whole file and remembers what is wrong with it."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def wrong(self, id: str, text: str) -> None:
        self.mistakes.append(Mistake(id, text))

    def known_keys(self, data: Mapping, known: tuple[str, ...], where: str) -> None:
        for key in data:
            if key not in known:
                self.wrong(PLAN, f"{where}: {key!r} is unknown; use {', '.join(known)}.")

    def table(self, data: Mapping, key: str, id: str, where: str) -> Mapping:
        value = data.get(key)
        if not isinstance(value, dict) or not value:
            self.wrong(id, f"{where}: {key} must be a table with at least one entry.")
            return {}
        return value

    def catalogue(self, data: Mapping) -> Catalogue:
        self.known_keys(data, ("trial_days", "plans"), "plans.toml")
        trial_days = data.get("trial_days")
        if not is_count(trial_days):
            self.wrong(PLAN, "plans.toml: trial_days must be a whole number of days.")
        plans = [
            self.plan(key, plan)
            for key, plan in self.table(data, "plans", PLAN, "plans.toml").items()
        ]
        names = [plan.name for plan in plans]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.wrong(PLAN, f"Two plans are called {name!r}: nobody could tell them apart.")
        if self.mistakes:
            raise PlansError(self.mistakes)
        return Catalogue(trial_days, tuple(plans))

    def plan(self, key: str, data) -> Plan:
        where = f"Plan {key}"
        if not KEY.match(key):
            self.wrong(PLAN, f"{where}: the key must be small letters and digits, up to 30.")
        if not isinstance(data, dict):
            self.wrong(PLAN, f"{where} must be a table.")
            data = {}
        self.known_keys(
            data, ("name", "description", "included_signups", "limits", "prices"), where
        )
        texts = {}
        for field in ("name", "description"):
            texts[field] = data.get(field, "")
            if not isinstance(texts[field], str) or not texts[field].strip():
                self.wrong(PLAN, f"{where}: {field} must be a text.")
                texts[field] = ""
        included = data.get("included_signups")
        if not is_count(included):
            self.wrong(LIMIT, f"{where}: included_signups must be a whole number.")
            included = 0
        prices = self.table(data, "prices", PRICE, where)
        return Plan(
            key=key,
            name=texts["name"],
            description=texts["description"],
            included_signups=included,
            limits=self.limits(where, self.table(data, "limits", LIMIT, where)),
            prices=self.prices(where, key, prices, included),
        )

    def limits(self, where: str, data: Mapping) -> Mapping[str, int]:
        self.known_keys(data, LIMITS, f"{where}, limits")
        for name in LIMITS:
            if data and not (is_count(data.get(name)) and data[name]):
                self.wrong(LIMIT, f"{where}: the limit of {name} must be a whole number above 0.")
        return MappingProxyType(dict(data))

    def prices(self, where: str, plan: str, data: Mapping, included: int) -> tuple[PlanPrice, ...]:
        found = []
        for currency, amounts in data.items():
            here = f"{where}, price in {currency}"
            if not CURRENCY.match(currency):
                self.wrong(PRICE, f"{here}: use the three small letters of ISO 4217.")
            if not isinstance(amounts, dict) or set(amounts) - {BEYOND} != set(INTERVALS):
                self.wrong(PRICE, f"{here}: give a month's and a year's amount, and beyond.")
                continue
            wrong = [name for name in amounts if not self.amount(here, currency, name, amounts)]
            for interval, months in {} if wrong else INTERVALS.items():
                found.append(PlanPrice(plan, currency, interval, amounts[interval]))
                if BEYOND in amounts:
                    most = included * months
                    found.append(PlanPrice(plan, currency, interval, amounts[BEYOND], most))
        return tuple(found)

    def amount(self, here: str, currency: str, name: str, amounts: Mapping) -> bool:
        """Whether Stripe can charge it."""
        amount = amounts[name]
        of = "for a sign-up" if name == BEYOND else f"a {name}"
        if not is_count(amount) or not 0 < amount <= LARGEST_AMOUNT:
            self.wrong(
                PRICE,
                f"{here}: {amount!r} {of} is no amount; give a whole number in the"
                f" smallest unit, from 1 to {LARGEST_AMOUNT}.",
            )
            return False
        if amount % step(currency):
            self.wrong(
                PRICE,
                f"{here}: {amount} {of} can't be charged; Stripe takes multiples"
                f" of {step(currency)} there.",
            )
            return False
        return True


def load(path: Path | None = None) -> Catalogue:
    """Raises `PlansError`."""
    try:
        text = (path or PLANS_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlansError([Mistake(FILE, f"plans.toml can't be read: {error}.")]) from error
    return parse(text)


@cache
def catalogue() -> Catalogue:
    """The plans of this release. Read once: a changed file comes with a new process."""
    return load()


def trial_ends(retailer: Retailer) -> datetime:
    """When the trial that began with onboarding is over."""
    return retailer.created_at + timedelta(days=catalogue().trial_days)
