"""Consents in a CRM that a document describes: its lists, and who has left one stays out."""

from typing import TYPE_CHECKING

from integrations.connectors import generic_pages
from integrations.connectors.base import ConsentTarget, NeedsAttention, Outcome
from integrations.connectors.generic_templates import at
from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.generic_rest import GenericRestConnector


def targets(crm: "GenericRestConnector") -> list[ConsentTarget]:
    told = crm.definition.consents
    if told is None or told.source is None:
        return list(told.lists) if told else []
    with understood():
        return [
            ConsentTarget(str(at(one, told.source.id)), str(at(one, told.label)))
            for one in generic_pages.items(crm, told.source, {})
        ]


def subscribe(crm: "GenericRestConnector", person: Person) -> Outcome | None:
    """Puts a person on the lists that they agreed to; why not, if it can't be. Raises Refused."""
    if not person.consents:
        return None
    told = crm.definition.consents
    if told is None:
        message = "The contact is in the CRM, but its description says nothing of lists."
        return NeedsAttention("no_list", message)
    refused = None
    for choice in person.consents:
        values = {
            "id": person.remote_id,
            "list": choice.target,
            person.identity.kind: person.identity.value,
            "wording": choice.wording,
            "recorded_at": choice.recorded_at.isoformat(),
            "legal_basis": choice.legal_basis,
            "double_opt_in": choice.double_opt_in,
        }
        with understood():
            answer = crm.ask(told.state, values, allow=(404,))
            state = "" if answer.status == 404 else str(at(answer.json(), told.value))
        if state in told.left:
            refused = NeedsAttention(
                "unsubscribed",
                "The contact is in the CRM, but had left the list earlier. If this person really"
                " wants to be back, put them on it in the CRM yourself.",
            )
        elif state not in told.on:
            crm.write(person, told.subscribe, values)
    return refused
