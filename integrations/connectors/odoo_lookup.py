"""Who of a batch Odoo knows already: by the id of an earlier delivery, by address, by number."""

from typing import TYPE_CHECKING, Any, Mapping

from integrations.connectors import odoo_shapes as shapes
from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.odoo import OdooConnector

PARTNER = "res.partner"
_ALWAYS = ("id", "active", "type", "email", "email_normalized")
_PHONES = ("phone", "mobile", "phone_sanitized")  # of which a version and its apps have some


def look_up(odoo: "OdooConnector", people: list[Person]) -> None:
    """What Odoo holds of these people: by the id of an earlier delivery, else by address or
    number, archived contacts too. Of several the one in use, then the oldest."""
    names = {n for p in people for n in shapes.joined_names(p, odoo.fields)}
    names |= {n for n in (*_ALWAYS, *_PHONES) if n in odoo.fields}
    phones = [name for name in _PHONES if name in odoo.fields]
    conditions: list[list[Any]] = [
        ["id", "in", [int(p.remote_id) for p in people if p.remote_id.isdigit()]],
        ["email_normalized", "in", [p.email for p in people if p.email]],
    ]
    numbers = [p.identity.value for p in people if p.identity.kind == "phone"]
    conditions += [[name, "in", numbers] for name in phones if numbers]
    with understood():
        found = odoo.ask(
            PARTNER,
            "search_read",
            domain=shapes.any_of(conditions),
            fields=sorted(names),
            context={"active_test": False},
        )
        records = sorted(found, key=_least_likely)
        for person in people:
            _recognise(odoo, person, records, phones)


def _recognise(
    odoo: "OdooConnector", person: Person, records: list[Any], phones: list[str]
) -> None:
    known, person.remote_id = person.remote_id, ""
    for record in records:
        same = person.email and record["email_normalized"] == person.email
        if person.identity.kind == "phone":
            same = person.identity.value in [record[name] for name in phones]
        if str(record["id"]) == known or (same and not person.remote_id):
            person.remote_id = str(record["id"])
            person.existing = odoo.named(record)
            if person.remote_id == known:
                return


def _least_likely(record: Mapping[str, Any]) -> tuple[bool, bool, int]:
    """Sorts archived contacts, and addresses of others, to the end."""
    return not record["active"], record.get("type") != "contact", int(record["id"])
