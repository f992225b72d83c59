"""How much is played."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

BEGIN = datetime(2027, 1, 4, 5, 30, tzinfo=UTC)  # a Monday


@dataclass(frozen=True)
class Plan:
    """`retailers` pay and stay; one more never subscribes, is closed, and deleted.

    `days` are those that are lived, counted from the first: over the others the clock jumps.
    """

    days: Sequence[int]
    retailers: int = 5
    a_day: int = 60  # sign-ups of each retailer
    subscribe_on: int = 12
    declines_on: int = 400  # from this day on the second retailer's card is refused
    kept_days: int = 365  # the first retailer's retention; the others keep for ever
    backup_every: int = 14  # lived days

    @property
    def last(self) -> int:
        return self.days[-1]


def whole(years: float, retailers: int, a_day: int, every: int) -> Plan:
    """All days of so many years; or each so-manieth, and more of them while a bill is open."""
    # The one that leaves has to be gone: trial, suspension and closing take 150 days, and each may
    # be noticed a jump late.
    last = max(160 + 4 * every, round(365.25 * years))
    declines_on = min(400, last // 2)
    days = {*range(0, last + 1, every), *range(declines_on, declines_on + 45, min(every, 4))}
    return Plan(
        sorted(days),
        retailers,
        a_day,
        declines_on=declines_on,
        kept_days=365 if years > 1 else 90,
        backup_every=max(2, 14 // every),
    )
