"""Moves subscribers from a plan's earlier prices to the one of today, if the operator says so.

Nothing is charged for the move itself: the new price holds from the next invoice on. Whoever has a
price that a person made by hand in Stripe keeps it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import stripe

from .plan_sync import Change, Found, StripePrice, cost_of, described
from .plans import Catalogue, Plan, PlanPrice


@dataclass(frozen=True)
class Move:
    """One subscription's item, from an earlier price to the plan's own."""

    subscription: str
    item: str
    earlier: str
    lookup_key: str

    def __call__(self, client: stripe.StripeClient) -> None:
        # Looked up when it is time: a run that changes the price makes it shortly before.
        (price,) = client.v1.prices.list({"lookup_keys": [self.lookup_key]}).data
        values = {
            "items": [{"id": self.item, "price": price.id}],
            "proration_behavior": "none",
        }
        key = f"move:{self.item}:{self.earlier}:{price.id}"
        client.v1.subscriptions.update(self.subscription, values, {"idempotency_key": key})


def earlier_prices(price: PlanPrice, plan: Plan, found: Found) -> Iterable[StripePrice]:
    """What `sync_plans` once made for the same plan, currency, interval and kind."""
    for each in found.prices.values():
        same = (each.product, each.currency, each.interval, bool(each.tiers)) == (
            *(plan.product_id, price.currency, price.interval, price.is_metered),
        )
        if same and each.managed and not each.is_for(price, plan):
            yield each


def moves(client: stripe.StripeClient, catalogue: Catalogue, found: Found) -> list[Change]:
    """One change for each subscription's item. Raises `stripe.StripeError`."""
    made = []
    for plan in catalogue.plans:
        for price in plan.prices:
            for earlier in earlier_prices(price, plan, found):
                subscriptions = client.v1.subscriptions.list({"price": earlier.id, "limit": 100})
                for subscription in subscriptions.auto_paging_iter():
                    made += moves_of(subscription, earlier, price)
    return made


def moves_of(
    subscription: stripe.Subscription, earlier: StripePrice, price: PlanPrice
) -> list[Change]:
    return [
        Change(
            f"> {subscription.customer}: {described(earlier)} → {cost_of(price)}, from the next"
            " invoice on",
            Move(subscription.id, item.id, earlier.id, price.lookup_key),
        )
        for item in subscription["items"].data
        if item.price.id == earlier.id
    ]
