"""The plans on offer, for forms and the pricing page. Billing knows them; it stands above this app,
so it hands them in at start (billing.apps).
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """`price` is written out, such as "29 € a month"; `points` are what is in it."""

    key: str
    name: str
    description: str
    price: str
    interval: str
    points: tuple[str, ...]


@dataclass(frozen=True)
class Offers:
    plans: tuple[Offer, ...] = ()
    trial_days: int = 0

    def choices(self) -> list[tuple[str, str]]:
        return [(plan.key, plan.name) for plan in self.plans]


# (currency or "") → what is on offer.
_source: Callable[[str], Offers] = lambda currency: Offers()  # noqa: E731


def provide(source: Callable[[str], Offers]) -> None:
    global _source
    _source = source


def on_offer(currency: str = "") -> Offers:
    return _source(currency)
