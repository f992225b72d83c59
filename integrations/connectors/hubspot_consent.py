"""Consents in HubSpot: subscription types, each with a status for each address.

The calls for one address at a time need no paid edition of HubSpot; those for batches do. HubSpot's
own call would subscribe again whoever left, so the status is always read before it is written.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from integrations.attribute_values import readable
from integrations.connectors.base import ConsentTarget, ConsentTargetChoice, NeedsAttention, Outcome
from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.hubspot import HubSpotConnector

PREFERENCES = "/communication-preferences/2026-03"


def targets(hubspot: "HubSpotConnector") -> list[ConsentTarget]:
    """The subscription types that a person can have; internal ones are HubSpot's own."""
    answer = hubspot.call("GET", f"{PREFERENCES}/definitions")
    with understood():
        return [
            ConsentTarget(str(item["id"]), str(item["name"]), "never")
            for item in answer.json()["results"]
            if item["isActive"] and not item["isInternal"]
        ]


def subscribe(hubspot: "HubSpotConnector", person: Person) -> Outcome | None:
    """Subscribes a person to what they agreed to; why not, if it can't be. Who had left stays
    away, and it is said. Raises Refused."""
    if not person.consents:
        return None
    if not person.email:
        return NeedsAttention(
            "no_address",
            "The contact is in HubSpot. Its consent isn't: HubSpot keeps consents by e-mail"
            " address, and this person gave none.",
        )
    statuses = _statuses(hubspot, person)
    refused: Outcome | None = None
    for choice in person.consents:
        status = statuses.get("all") or statuses.get(choice.target)
        if status == "UNSUBSCRIBED":
            refused = NeedsAttention(
                "unsubscribed",
                "The contact is in HubSpot, but had unsubscribed earlier. Only this person can"
                " subscribe again, by a link in one of your e-mails.",
            )
        elif status != "SUBSCRIBED":
            _write(hubspot, person, choice)
    return refused


def _statuses(hubspot: "HubSpotConnector", person: Person) -> dict[str, str]:
    """Subscription id → status; "all" if the address left everything."""
    path = f"{PREFERENCES}/statuses/{quote(person.email, safe='')}"
    params = {"channel": "EMAIL"}
    one_by_one = hubspot.call_for(person, "GET", path, params=params)
    everything = hubspot.call_for(person, "GET", f"{path}/unsubscribe-all", params=params)
    with understood():
        found = {str(i["subscriptionId"]): str(i["status"]) for i in one_by_one.json()["results"]}
        if any(item["status"] == "UNSUBSCRIBED" for item in everything.json()["results"]):
            found["all"] = "UNSUBSCRIBED"
    return found


def _write(hubspot: "HubSpotConnector", person: Person, choice: ConsentTargetChoice) -> None:
    body: dict[str, Any] = {
        "channel": "EMAIL",
        "statusState": "SUBSCRIBED",
        "subscriptionId": int(choice.target),
        "legalBasis": choice.legal_basis or "CONSENT_WITH_NOTICE",
        "legalBasisExplanation": f"{readable(choice.recorded_at)}: {choice.wording}"[:1000],
    }
    path = f"{PREFERENCES}/statuses/{quote(person.email, safe='')}"
    hubspot.call_for(person, "POST", path, json=body)
