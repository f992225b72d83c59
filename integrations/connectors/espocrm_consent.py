"""Consents in EspoCRM: target lists. Who opted out of a list, or whose address or number opted out
of everything, is not put on one again, and the flags are never touched.

An address's flag is shared by everybody who has it, leads and accounts too: so it is read after
writing, when even a new contact may turn out to have opted out.
"""

from typing import TYPE_CHECKING, Any, Mapping
from urllib.parse import quote

from integrations.connectors.base import ConsentTarget, NeedsAttention, Outcome
from integrations.connectors.json_api import Person, Refused, understood

if TYPE_CHECKING:
    from integrations.connectors.espocrm import EspoCrmConnector

PAGE = 100  # EspoCRM refuses more than 200


def targets(espo: "EspoCrmConnector") -> list[ConsentTarget]:
    found = _pages(espo, "/TargetList", {"select": "id,name", "orderBy": "name", "order": "asc"})
    with understood():
        return [ConsentTarget(str(one["id"]), str(one["name"])) for one in found]


def subscribe(espo: "EspoCrmConnector", person: Person) -> Outcome | None:
    """Puts a person on the lists that they agreed to; why not, if it can't be. Raises Refused."""
    if not person.consents:
        return None
    path = espo.path(person.remote_id)
    with understood():
        left = _opted_out(person, espo.call_for(person, "GET", path).json())
        on = {
            str(one["id"]): bool(one.get("isOptedOut"))
            for one in _pages(espo, f"{path}/targetLists", {})
        }
    refused = None
    for choice in person.consents:
        if left or on.get(choice.target):
            refused = NeedsAttention(
                "unsubscribed",
                "The contact is in EspoCRM, but had opted out earlier. If this person really wants"
                " to be back, take the opt-out away in EspoCRM yourself.",
            )
        elif choice.target not in on:
            _put_on(espo, person, choice.target)
    return refused


def _put_on(espo: "EspoCrmConnector", person: Person, target: str) -> None:
    path = f"/TargetList/{quote(target, safe='')}"
    if espo.call("GET", path, params={"select": "id"}, allow=(404,)).status == 404:
        message = (
            "The contact is in EspoCRM, but the target list that it belongs to isn't any more."
        )
        raise Refused(NeedsAttention("no_list", message))
    path = f"{espo.path(person.remote_id)}/targetLists"
    answer = espo.call_for(person, "POST", path, json={"id": target})
    with understood():  # a proxy's page has status 200 too
        answer.json()


def _opted_out(person: Person, contact: Mapping[str, Any]) -> bool:
    """Whether what this person signed up with has opted out; of someone with neither, whether the
    main address has."""
    entries = [
        *((one.get("emailAddress"), one) for one in contact.get("emailAddressData") or ()),
        *((one.get("phoneNumber"), one) for one in contact.get("phoneNumberData") or ()),
    ]
    theirs = [o for value, o in entries if str(value).lower() == person.identity.value.lower()]
    if theirs:
        return any(one.get("optOut") for one in theirs)
    kind = "phoneNumber" if person.identity.kind == "phone" else "emailAddress"
    return bool(contact.get(f"{kind}IsOptedOut"))


def _pages(
    espo: "EspoCrmConnector", path: str, params: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    while True:
        asked = {**params, "maxSize": str(PAGE), "offset": str(len(found))}
        with understood():
            page = list(espo.call("GET", path, params=asked).json()["list"])
        found += page
        if len(page) < PAGE:
            return found
