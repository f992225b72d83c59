"""New people into Odoo by `load`, as a spreadsheet would be imported: many rows in one call, each
with an external id that Odoo keeps unique."""

from typing import TYPE_CHECKING

from integrations.connectors.base import Outcome, RetryLater
from integrations.connectors.json_api import Person, understood
from integrations.connectors.odoo_lookup import PARTNER
from integrations.connectors.odoo_rpc import SERIALIZATION, Fault

if TYPE_CHECKING:
    from integrations.connectors.odoo import OdooConnector

Row = tuple[Person, dict[str, str]]  # a cell for each column


def load(odoo: "OdooConnector", rows: list[Row], outcomes: dict[str, Outcome]) -> None:
    """Brings new people in. Who is refused is settled, and the others go once more: one bad
    row fails them all."""
    names = sorted(rows[0][1])
    data = [[row[name] for name in names] for _, row in rows]
    try:
        # Without a time zone of its own `load` takes moments for the user's local time.
        said = odoo.execute(PARTNER, "load", context={"tz": "UTC"}, fields=names, data=data)
    except Fault as fault:
        if fault.name == "AccessError":
            raise odoo.as_error(fault) from fault
        return _refused(odoo, rows, fault, outcomes)
    with understood():
        if said["ids"]:
            for (person, _), id in zip(rows, said["ids"], strict=True):
                person.remote_id, person.arrived = str(id), True
            return
        wrong: dict[int, str] = {}
        for one in said["messages"]:
            if one.get("type") == "error":
                wrong.setdefault(int(one.get("record", -1)), str(one["message"]))
    if any("could not serialize" in text or "duplicate key" in text for text in wrong.values()):
        message = "Odoo was writing the same contact in that moment."
        return _refused(odoo, rows, Fault(SERIALIZATION, message), outcomes)
    text = next(iter(wrong.values()), "Odoo refused the record.")
    if not set(wrong) & set(range(len(rows))):
        return _refused(odoo, rows, Fault("ValidationError", text), outcomes)
    for number, text in wrong.items():
        person = rows[number][0]
        odoo.settle(outcomes, person, odoo.as_outcome(person, Fault("ValidationError", text)))
    left = [row for number, row in enumerate(rows) if number not in wrong]
    if left:
        load(odoo, left, outcomes)


def _refused(
    odoo: "OdooConnector", rows: list[Row], fault: Fault, outcomes: dict[str, Outcome]
) -> None:
    """All of them, and Odoo doesn't say whose fault it was: one by one, unless it was its own."""
    ends = [(person, odoo.as_outcome(person, fault)) for person, _ in rows]
    if len(rows) > 1 and not isinstance(ends[0][1], RetryLater):
        for row in rows:
            load(odoo, [row], outcomes)
    else:
        for person, outcome in ends:
            odoo.settle(outcomes, person, outcome)
