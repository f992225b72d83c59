"""Consents in Odoo: the mailing lists of the app Email Marketing. Who opted out of a list, or is on
Odoo's blacklist, is not put on a list again, and neither mark is ever touched.

A list's subscriber is a mailing.contact, another record than the contact, of the same address.
"""

from typing import TYPE_CHECKING, Any

from integrations.connectors.base import ConsentTarget, NeedsAttention, Outcome
from integrations.connectors.json_api import Person, understood
from integrations.connectors.odoo_lookup import PARTNER
from integrations.connectors.odoo_rpc import Fault

if TYPE_CHECKING:
    from integrations.connectors.odoo import OdooConnector

LIST, SUBSCRIBER = "mailing.list", "mailing.contact"
_LINKS = ("subscription_ids", "subscription_list_ids")  # called so from 17 on, and before
UNSUBSCRIBED = NeedsAttention(
    "unsubscribed",
    "The contact is in Odoo, but had unsubscribed earlier. If this person really wants to be back,"
    " take them off Odoo's blacklist or opt-out yourself.",
)
NO_ADDRESS = NeedsAttention(
    "no_address",
    "The contact is in Odoo. Its consent isn't: a mailing list needs an e-mail address, and this"
    " person gave none.",
)
NO_LIST = NeedsAttention(
    "no_list", "The contact is in Odoo, but the mailing list that it belongs to isn't any more."
)


def targets(odoo: "OdooConnector") -> list[ConsentTarget]:
    """None where the app isn't installed."""
    with understood():
        found = [(int(one["id"]), str(one["name"])) for one in _lists(odoo, [])]
        return [ConsentTarget(str(id), name) for id, name in found]


def subscribe(odoo: "OdooConnector", people: list[Person], outcomes: dict[str, Outcome]) -> None:
    """Puts people on the lists that they agreed to, and settles those who can't be."""
    wanting = [one for one in people if one.consents and one.refs[0] not in outcomes]
    for person in [one for one in wanting if not one.email]:
        odoo.settle(outcomes, person, NO_ADDRESS)
    wanting = [one for one in wanting if one.email]
    if not wanting:
        return
    with understood():
        blocked = odoo.ask(
            PARTNER,
            "search_read",
            domain=[["id", "in", [int(one.remote_id) for one in wanting]],
                    ["is_blacklisted", "=", True]],
            fields=["id"],
            context={"active_test": False},
        )  # fmt: skip
        left = {str(one["id"]) for one in blocked}
        known = {str(one["id"]) for one in _lists(odoo, wanting)}
        for person in wanting:
            try:
                said = UNSUBSCRIBED if person.remote_id in left else _put_on(odoo, person, known)
            except Fault as fault:
                said = odoo.as_outcome(person, fault)
            if said is not None:
                odoo.settle(outcomes, person, said)


def _put_on(odoo: "OdooConnector", person: Person, known: set[str]) -> Outcome | None:
    """Why not wholly, if so. Raises Fault."""
    wanted = [one.target for one in person.consents if one.target in known]
    said = NO_LIST if len(wanted) < len(person.consents) else None
    if not wanted:
        return said
    found = odoo.execute(
        SUBSCRIBER, "search_read", domain=[["email_normalized", "=", person.email]], fields=["id"]
    )
    ids = [int(one["id"]) for one in found]
    if not ids:
        name = person.record.values.get("name")
        values = {"name": str(name.value) if name else person.email, "email": person.email}
        ids = list(odoo.execute(SUBSCRIBER, "create", vals_list=[values]))
    model = _subscriptions(odoo)
    on = odoo.execute(
        model,
        "search_read",
        domain=[["contact_id", "in", ids], ["list_id", "in", [int(one) for one in wanted]]],
        fields=["list_id", "opt_out"],
    )
    state = {str(one["list_id"][0]): False for one in on}
    state |= {str(one["list_id"][0]): True for one in on if one["opt_out"]}
    new = [{"contact_id": ids[0], "list_id": int(one)} for one in wanted if one not in state]
    if new:
        odoo.execute(model, "create", vals_list=new)
    return UNSUBSCRIBED if any(state.values()) else said


def _lists(odoo: "OdooConnector", people: list[Person]) -> list[Any]:
    """The mailing lists, or those that these people agreed to."""
    ids = sorted({int(c.target) for p in people for c in p.consents if c.target.isdigit()})
    domain = [["id", "in", ids]] if people else []
    try:
        return list(odoo.execute(LIST, "search_read", domain=domain, fields=["name"], order="name"))
    except Fault as fault:
        if fault.is_unknown_model:
            return []
        raise odoo.as_error(fault) from fault


def _subscriptions(odoo: "OdooConnector") -> str:
    """The model between lists and their subscribers, which has had two names."""
    fields = odoo.execute(SUBSCRIBER, "fields_get", allfields=list(_LINKS), attributes=["relation"])
    return str(next(fields[name]["relation"] for name in _LINKS if name in fields))
