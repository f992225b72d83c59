"""Consents in Brevo: lists, joined at once or after a confirmation by e-mail.

The blacklist is never touched, and whoever is on it, or has left a list, is not put on it again.
"""

from typing import TYPE_CHECKING, Any, Mapping

from integrations.connectors.base import ConsentTarget, NeedsAttention, Outcome
from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.brevo import BrevoConnector

PAGE = 50


def targets(brevo: "BrevoConnector") -> list[ConsentTarget]:
    found: list[ConsentTarget] = []
    while True:
        params = {"limit": str(PAGE), "offset": str(len(found))}
        answer = brevo.call("GET", "/contacts/lists", params=params)
        with understood():
            lists = answer.json().get("lists") or []  # left out where there is none
            found += [ConsentTarget(str(o["id"]), str(o["name"]), "choose") for o in lists]
        if len(lists) < PAGE:
            return found


def subscribe(brevo: "BrevoConnector", person: Person) -> Outcome | None:
    """Puts a person on the lists that they agreed to; why not, if it can't be. Raises Refused."""
    if not person.consents:
        return None
    held: Mapping[str, Any] = person.existing.get("contact") or {}  # type: ignore[assignment]
    on = {str(one) for one in held.get("listIds") or ()}
    left = {str(one) for one in held.get("listUnsubscribed") or ()}
    blocked = held.get("emailBlacklisted") if person.email else held.get("smsBlacklisted")
    at_once, confirmed, refused = [], [], False
    for choice in person.consents:
        if blocked or choice.target in left:
            refused = True
        elif choice.target not in on:
            (confirmed if choice.double_opt_in else at_once).append(int(choice.target))
    if at_once:
        path, params = f"/contacts/{person.remote_id}", {"identifierType": "contact_id"}
        brevo.call_for(person, "PUT", path, params=params, json={"listIds": at_once})
    problem = _ask_to_confirm(brevo, person, confirmed) if confirmed else None
    if refused:
        return NeedsAttention(
            "unsubscribed",
            "The contact is in Brevo, but had unsubscribed earlier. Only this person can subscribe"
            " again, by one of your Brevo forms.",
        )
    return problem


def _ask_to_confirm(brevo: "BrevoConnector", person: Person, lists: list[int]) -> Outcome | None:
    template = (brevo.config.get("template") or "").strip()
    page = (brevo.config.get("confirmed_url") or "").strip()
    if not person.email:
        return NeedsAttention(
            "no_address",
            "The contact is in Brevo. Its consent isn't: double opt-in needs an e-mail address,"
            " and this person gave none.",
        )
    if not template.isdigit() or not page:
        return NeedsAttention(
            "double_opt_in",
            "The contact is in Brevo. Its consent isn't: name the template of your confirmation"
            " e-mail, and the page after it, in the connection's settings.",
        )
    body = {
        "email": person.email,
        "includeListIds": lists,
        "templateId": int(template),
        "redirectionUrl": page,
    }
    path = "/contacts/doubleOptinConfirmation"
    brevo.call_for(person, "POST", path, json=body)
    return None
