"""Makes Stripe's products and prices match plans.toml.

First the plan of changes, from what Stripe has now; then the changes, one by one. A run that died
is finished by the next one: everything is compared again, nothing is remembered.

A price can't change its amount at Stripe. A new one takes over the lookup key, the old one is
retired: nobody can subscribe to it any more, whoever has keeps it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import stripe
from djstripe import models as mirror

from . import meters, stripe_api
from .money import written
from .plans import Catalogue, Plan, PlanPrice

MANAGED = {"managed_by": "sync_plans"}  # what hasn't this in its metadata is left alone
PREFIX = "customerinfo_"  # of Plan.product_id
KEYS_PER_CALL = 10  # https://docs.stripe.com/api/prices/list#list_prices-lookup_keys


@dataclass(frozen=True)
class StripeProduct:
    id: str
    name: str
    description: str
    active: bool
    metadata: dict[str, str]

    @classmethod
    def parse(cls, data: dict) -> "StripeProduct":
        return cls(
            data["id"],
            data["name"],
            data["description"] or "",
            data["active"],
            data["metadata"],
        )


@dataclass(frozen=True)
class StripePrice:
    id: str
    product: str
    active: bool
    currency: str
    amount: int | None  # None: by tiers or with fractions, made by hand
    interval: str  # "month", "3 month"; empty for a single payment
    lookup_key: str
    managed: bool
    tiers: tuple[tuple[int | None, int | None], ...] = ()  # (up to, amount each) of a metered one

    @classmethod
    def parse(cls, data: dict) -> "StripePrice":
        recurring = data["recurring"] or {}
        count = recurring.get("interval_count", 1)
        interval = recurring.get("interval", "")
        metered = recurring.get("usage_type") == "metered"
        return cls(
            id=data["id"],
            product=data["product"],
            active=data["active"],
            currency=data["currency"],
            amount=None if metered else data["unit_amount"],
            interval=interval if count == 1 else f"{count} {interval}",
            lookup_key=data["lookup_key"] or "",
            managed=MANAGED.items() <= data["metadata"].items(),
            tiers=tuple((tier["up_to"], tier["unit_amount"]) for tier in data.get("tiers") or []),
        )

    def is_for(self, price: PlanPrice, plan: Plan) -> bool:
        if (self.product, self.currency, self.interval) != (
            *(plan.product_id, price.currency, price.interval),
        ):
            return False
        if price.is_metered:
            return self.tiers == tuple((t["up_to"], t["unit_amount"]) for t in tiers_of(price))
        return self.amount == price.amount


def tiers_of(price: PlanPrice) -> list[dict]:
    """Free up to what is included, then so much each. The last one's end is open: None."""
    beyond = {"up_to": None, "unit_amount": price.amount}
    return [{"up_to": price.included, "unit_amount": 0}, beyond] if price.included else [beyond]


@dataclass(frozen=True)
class Change:
    """`text` is for the person who looks on; `make` asks Stripe for it."""

    text: str
    make: Callable[[stripe.StripeClient], object]


@dataclass(frozen=True)
class Found:
    """What Stripe has."""

    products: dict[str, StripeProduct]
    prices: dict[str, StripePrice]
    meter: str  # its id, empty if there is none

    @property
    def by_lookup_key(self) -> dict[str, StripePrice]:
        return {price.lookup_key: price for price in self.prices.values() if price.lookup_key}


def look(client: stripe.StripeClient, catalogue: Catalogue) -> Found:
    """Our products with all their prices, and whatever holds one of our lookup keys."""
    products = {
        product.id: StripeProduct.parse(product.to_dict())
        for product in client.v1.products.list({"limit": 100}).auto_paging_iter()
        if product.id.startswith(PREFIX)
    }
    keys = [price.lookup_key for price in catalogue.prices]
    how = {"limit": 100, "expand": ["data.tiers"]}
    pages = [client.v1.prices.list({"product": id, **how}) for id in products] + [
        client.v1.prices.list({"lookup_keys": keys[start : start + KEYS_PER_CALL], **how})
        for start in range(0, len(keys), KEYS_PER_CALL)
    ]
    prices = [
        StripePrice.parse(price.to_dict()) for page in pages for price in page.auto_paging_iter()
    ]
    return Found(products, {price.id: price for price in prices}, meters.find(client))


def changes(catalogue: Catalogue, found: Found) -> list[Change]:
    """What to do, in an order in which each step is possible."""
    return [
        *meter_changes(catalogue, found),
        *product_changes(catalogue.plans, found),
        *price_changes(catalogue.plans, found),
        *retirements(catalogue, found),
    ]


def meter_changes(catalogue: Catalogue, found: Found) -> Iterable[Change]:
    if not found.meter and any(price.is_metered for price in catalogue.prices):
        yield Change(f"+ meter {meters.EVENT}", meters.create)


def product_values(plan: Plan) -> dict:
    facts = {"plan": plan.key, "included_signups": str(plan.included_signups)}
    facts |= {f"limit_{name}": str(limit) for name, limit in plan.limits.items()}
    return {
        "name": plan.name,
        "description": plan.description,
        "active": True,
        "metadata": {**facts, **MANAGED},
    }


def product_changes(plans: Iterable[Plan], found: Found) -> Iterable[Change]:
    for plan in plans:
        values = product_values(plan)
        product = found.products.get(plan.product_id)
        if product is None:
            # No idempotency key of ours: the id already keeps a second one from being made.
            yield Change(
                f"+ product {plan.name} ({plan.product_id})",
                lambda client, new={"id": plan.product_id, **values}: client.v1.products.create(
                    new
                ),
            )
            continue
        has = {
            "name": product.name,
            "description": product.description,
            "active": product.active,
            "metadata": {key: product.metadata.get(key) for key in values["metadata"]},
        }
        if different := [key for key in values if has[key] != values[key]]:
            yield Change(
                f"~ product {plan.name} ({plan.product_id}): {', '.join(different)}",
                lambda client, id=product.id, new=values: client.v1.products.update(id, new),
            )


def price_changes(plans: Iterable[Plan], found: Found) -> Iterable[Change]:
    holders = found.by_lookup_key
    for plan in plans:
        for price in plan.prices:
            holder = holders.get(price.lookup_key)
            cost = cost_of(price)
            if holder is None:
                text = f"+ price {price.lookup_key}: {cost}"
            elif not holder.is_for(price, plan):
                text = (
                    f"~ price {price.lookup_key}: {described(holder)} → {cost}; {holder.id} is"
                    " retired, its subscribers keep it"
                )
            elif not holder.active:
                yield Change(
                    f"~ price {price.lookup_key}: {holder.id} is sold again",
                    lambda client, id=holder.id: client.v1.prices.update(id, {"active": True}),
                )
                continue
            else:
                continue
            yield Change(text, Creation(price, plan, found, holder))


def cost_of(price: PlanPrice) -> str:
    amount = written(price.amount, price.currency)
    if price.is_metered:
        return f"{amount} for each sign-up beyond {price.included} a {price.interval}"
    return f"{amount} a {price.interval}"


def described(price: StripePrice) -> str:
    if price.tiers:
        steps = (f"{each} up to {upto or 'any number'}" for upto, each in price.tiers)
        return f"{', '.join(steps)} a {price.interval}"
    amount = "?" if price.amount is None else written(price.amount, price.currency)
    return f"{amount} a {price.interval}" if price.interval else amount


@dataclass(frozen=True)
class Creation:
    """A new price that takes over the lookup key; then the old one is retired.

    Between the two steps both can be bought for a moment, never none.
    """

    price: PlanPrice
    plan: Plan
    found: Found
    holder: StripePrice | None

    def values(self) -> dict:
        return {
            "product": self.plan.product_id,
            "currency": self.price.currency,
            **self.amounts(),
            "lookup_key": self.price.lookup_key,
            "transfer_lookup_key": True,
            "nickname": f"{self.plan.name}, {'usage' if self.price.is_metered else 'fee'} a"
            f" {self.price.interval}",
            "metadata": {"plan": self.plan.key, **MANAGED},
        }

    def amounts(self) -> dict:
        interval = {"interval": self.price.interval}
        if not self.price.is_metered:
            return {"unit_amount": self.price.amount, "recurring": interval}
        tiers = [{**tier, "up_to": tier["up_to"] or "inf"} for tier in tiers_of(self.price)]
        return {
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": tiers,
            "recurring": {**interval, "usage_type": "metered"},
        }

    def idempotency_key(self) -> str:
        """The same for two runs that saw the same prices, so that they make one.

        With the prices in it, since Stripe repeats its first answer to a key for a day or more:
        29 → 39 → 29 within a day must make a third price, not find the first, retired one.
        """
        ids = sorted(p.id for p in self.found.prices.values() if p.product == self.plan.product_id)
        seen = [self.values(), ids, self.holder.id if self.holder else ""]
        digest = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
        return f"price:{digest}"

    def __call__(self, client: stripe.StripeClient) -> None:
        values = self.values()
        if self.price.is_metered:  # by now it is there
            values["recurring"]["meter"] = self.found.meter or meters.find(client)
        client.v1.prices.create(values, {"idempotency_key": self.idempotency_key()})
        if self.holder and self.holder.active:
            client.v1.prices.update(self.holder.id, {"active": False})


def retirements(catalogue: Catalogue, found: Found) -> Iterable[Change]:
    """What this command made once and plans.toml doesn't have any more."""
    wanted = {price.lookup_key for price in catalogue.prices}
    for price in found.prices.values():
        if price.active and price.managed and price.lookup_key not in wanted:
            yield Change(
                f"- price {price.lookup_key or price.id}: {described(price)} is retired, its"
                " subscribers keep it",
                lambda client, id=price.id: client.v1.prices.update(id, {"active": False}),
            )
    plans = {plan.product_id for plan in catalogue.plans}
    for product in found.products.values():
        ours = MANAGED.items() <= product.metadata.items()
        if product.active and ours and product.id not in plans:
            yield Change(
                f"- product {product.name} ({product.id}) is retired",
                lambda client, id=product.id: client.v1.products.update(id, {"active": False}),
            )


def fill_mirror(client: stripe.StripeClient, catalogue: Catalogue) -> None:
    """So that dj-stripe needn't ask for them while it writes a subscription."""
    key = stripe_api.secret_key()
    for plan in catalogue.plans:
        product = client.v1.products.retrieve(plan.product_id)
        mirror.Product.sync_from_stripe_data(product, api_key=key)
        for price in client.v1.prices.list(
            {"product": plan.product_id, "limit": 100}
        ).auto_paging_iter():
            mirror.Price.sync_from_stripe_data(price, api_key=key)
