"""The operator's page "Deliveries": what waits, what fails and why, and who is slow."""

from collections import Counter
from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import path, reverse_lazy
from django.utils.timesince import timesince
from django_tenants.utils import get_tenant_model

from integrations import circuit
from integrations.fleet_view import ConnectionRow, Fleet, look

from . import kinds
from .connection_page import OUTCOMES
from .console import ConsoleMenuItem, ConsoleView

LONGEST = 15  # lines of a table
FAILED = ("retry", "needs_attention", "paused", "crashed")


@dataclass(frozen=True)
class Backlog:
    retailer: str
    url: str
    name: str
    kind: str
    words: str
    tone: str
    waiting: int
    overdue: str


@dataclass(frozen=True)
class Cause:
    kind: str
    words: str
    tone: str
    code: str
    number: int
    retailers: int


@dataclass(frozen=True)
class Slow:
    retailer: str
    name: str
    kind: str
    milliseconds: int
    number: int


def backlogs(fleet: Fleet) -> list[Backlog]:
    """The connections where something waits, or that somebody should look at; the worst first."""
    rows = [
        row
        for row in fleet.connections
        if row.waiting or row.state == "paused" or circuit.OPEN_AFTER <= row.failures
    ]
    rows.sort(key=lambda row: (-row.waited(fleet.now), -row.waiting, row.schema))
    urls = addresses({row.schema for row in rows[:LONGEST]})
    return [
        Backlog(
            fleet.retailers[row.schema],
            urls.get(row.schema, ""),
            row.name,
            kind_label(row.kind),
            *state_in_words(row, fleet),
            row.waiting,
            timesince(row.oldest, fleet.now, depth=1) if row.waited(fleet.now) else "",
        )
        for row in rows[:LONGEST]
    ]


def addresses(schemas: set[str]) -> dict[str, str]:
    found = get_tenant_model().objects.filter(schema_name__in=schemas)
    return {retailer.schema_name: retailer.url for retailer in found}


def state_in_words(row: ConnectionRow, fleet: Fleet) -> tuple[str, str]:
    if row.state == "paused":
        words = "Paused by hand" if row.paused_by == "hand" else f"Refused: {row.paused_by}"
        return words, "busy" if row.paused_by == "hand" else "stopped"
    if row.failures >= circuit.OPEN_AFTER:
        return "Not answering", "stopped"
    if row.not_before > fleet.now:
        return "Asked to wait", "busy"
    return "Active", "good"


def causes(fleet: Fleet) -> list[Cause]:
    numbers: Counter = Counter()
    schemas: dict[tuple, set[str]] = {}
    for row in fleet.attempts:
        if row.outcome in FAILED:
            key = (row.kind, row.outcome, row.code)
            numbers[key] += row.number
            schemas.setdefault(key, set()).add(row.schema)
    return [
        Cause(kind_label(kind), *OUTCOMES[outcome], code, number, len(schemas[kind, outcome, code]))
        for (kind, outcome, code), number in numbers.most_common(LONGEST)
    ]


def slowest(fleet: Fleet) -> list[Slow]:
    total, count = Counter(), Counter()
    kind_of = {}
    for row in fleet.attempts:
        key = (row.schema, row.connection_id)
        total[key] += row.milliseconds * row.number
        count[key] += row.number
        kind_of[key] = row.kind
    names = {(row.schema, row.id): row.name for row in fleet.connections}
    rows = [
        Slow(
            fleet.retailers[key[0]],
            names[key],
            kind_label(kind_of[key]),
            round(total[key] / count[key]),
            count[key],
        )
        for key in count
        if key in names
    ]
    return sorted(rows, key=lambda row: -row.milliseconds)[:LONGEST]


def kind_label(key: str) -> str:
    try:
        return kinds.label(key)
    except KeyError:
        return key  # a connector that this code no longer has


class FleetPage(ConsoleView):
    page_title = "Deliveries"
    header_icon = "link"
    template_name = "integrations/fleet.html"

    def get(self, request) -> HttpResponse:
        fleet = look()
        outcomes = Counter()
        for row in fleet.attempts:
            outcomes[row.outcome] += row.number
        overdue = [row for row in fleet.connections if row.state == "active" and row.oldest]
        oldest = min((row.oldest for row in overdue), default=None)
        late = oldest is not None and oldest < fleet.now
        return self.render_to_response(
            self.get_context_data(
                waiting=sum(row.waiting for row in fleet.connections),
                oldest=timesince(oldest, fleet.now, depth=1) if late else "",
                delivered=outcomes["delivered"],
                failed=outcomes["needs_attention"],
                stopped=sum(
                    row.failures >= circuit.OPEN_AFTER
                    or (row.state == "paused" and row.paused_by != "hand")
                    for row in fleet.connections
                ),
                mails=sum(row.unsent for row in fleet.mails),
                backlogs=backlogs(fleet),
                causes=causes(fleet),
                slowest=slowest(fleet),
            )
        )


urls = [path("deliveries/", FleetPage.as_view(), name="fleet_deliveries")]
menu_item = ConsoleMenuItem(
    "Deliveries", reverse_lazy("fleet_deliveries"), name="deliveries", icon_name="link", order=150
)
