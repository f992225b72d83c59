"""What stands above this app adds to the console: bills to the list, sections to a retailer's page,
needs to the start page.

Billing hands bills and sections in at start (billing.apps); needs come by Wagtail's hook
construct_console_needs: a function that takes nothing and gives a list of tenants.needs.Need.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from .models import Retailer


@dataclass(frozen=True)
class Bill:
    """`plan` is what is subscribed to, or was wished for; empty for none."""

    plan: str = ""
    trial_ends: datetime | None = None


@dataclass(frozen=True)
class Section:
    """A table on a retailer's page. `empty` stands there instead of no rows; `url` leads on."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str
    url: str = ""
    link: str = ""


Bills = Callable[[Sequence[Retailer]], dict[int, Bill]]
Sections = Callable[[Retailer], list[Section]]

_bills: Bills = lambda retailers: {}  # noqa: E731
_sections: Sections = lambda retailer: []  # noqa: E731


def provide(bills: Bills, sections: Sections) -> None:
    global _bills, _sections
    _bills, _sections = bills, sections


def bills_of(retailers: Sequence[Retailer]) -> dict[int, Bill]:
    """Number of the retailer → its bill, in a fixed number of queries."""
    return _bills(retailers)


def sections_of(retailer: Retailer) -> list[Section]:
    return _sections(retailer)
