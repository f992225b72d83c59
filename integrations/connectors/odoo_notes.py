"""Notes on Odoo's contacts that name the sign-ups they came from. Odoo makes a second note of
whatever it is asked twice, so a sign-up's note is looked for first."""

from typing import TYPE_CHECKING

from integrations.connectors import odoo_shapes as shapes
from integrations.connectors.base import Outcome
from integrations.connectors.json_api import Person, understood
from integrations.connectors.odoo_lookup import PARTNER
from integrations.connectors.odoo_rpc import Fault

if TYPE_CHECKING:
    from integrations.connectors.odoo import OdooConnector


def write(odoo: "OdooConnector", people: list[Person], outcomes: dict[str, Outcome]) -> None:
    """One note for each sign-up of these people; settles those whose note was refused."""
    refs = [ref for person in people for ref in person.refs]
    if not refs:
        return
    with understood():
        found = odoo.ask(
            "mail.message",
            "search_read",
            domain=[
                ["model", "=", PARTNER],
                ["res_id", "in", [int(person.remote_id) for person in people]],
                *shapes.any_of(["body", "ilike", ref] for ref in refs),
            ],
            fields=["body"],
        )
        bodies = [str(one["body"]) for one in found]
    for person in people:
        what = "Test sign-up" if person.record.is_test else "Sign-up"
        try:
            for ref in person.refs:
                if not any(ref in body for body in bodies):
                    odoo.execute(
                        PARTNER,
                        "message_post",
                        [int(person.remote_id)],
                        body=f"{what} {ref} from CustomerInfo",
                        message_type="comment",
                        subtype_xmlid="mail.mt_note",  # told to nobody
                    )
        except Fault as fault:
            odoo.settle(outcomes, person, odoo.as_outcome(person, fault))
