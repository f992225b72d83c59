"""Who of a batch HubSpot knows already: by the id of an earlier delivery, by address, by number.

HubSpot's search lags some seconds behind, its reading by a unique property doesn't.
"""

from typing import TYPE_CHECKING, Any, Iterable

from integrations.connectors import hubspot_shapes as shapes
from integrations.connectors.json_api import Person

if TYPE_CHECKING:
    from integrations.connectors.hubspot import HubSpotConnector

CONTACTS = "/crm/objects/2026-03/contacts"
PROPERTIES = "/crm/properties/2026-03/contacts"
OUR_ID = "customerinfo_id"  # a unique property of ours, for people without an address
PHONES = ("mobilephone", "phone")


def look_up(hubspot: "HubSpotConnector", people: list[Person]) -> None:
    """Who of them HubSpot knows, and what it holds of them."""
    names = {name for person in people for name in person.record.values}
    names |= {"email", shapes.OTHER_ADDRESSES, shapes.MERGED_IDS, OUR_ID}
    by_id: dict[str, list[Person]] = {}
    for person in people:
        if person.remote_id:
            by_id.setdefault(person.remote_id, []).append(person)
        person.remote_id = ""  # until it is seen there: deleted ones are looked for otherwise
    for contact in _read(hubspot, by_id, "", names):
        for person in (person for one in contact.ids for person in by_id.get(one, ())):
            shapes.known_as(person, contact)
    by_email = {p.email: p for p in people if p.email and not p.remote_id}
    for contact in _read(hubspot, by_email, "email", names):
        for email in contact.addresses:
            if email in by_email:
                shapes.known_as(by_email[email], contact)
    by_our_id = {shapes.our_id(p): p for p in people if not p.email and not p.remote_id}
    if by_our_id:
        _ensure_our_property(hubspot)
    for contact in _read(hubspot, by_our_id, OUR_ID, names):
        for person in filter(None, [by_our_id.get(contact.properties.get(OUR_ID))]):
            shapes.known_as(person, contact)
    for person in people:
        if person.identity.kind == "phone" and not person.remote_id:
            _find_by_phone(hubspot, person, names)


def _read(
    hubspot: "HubSpotConnector", keys: Iterable[str], id_property: str, names: set[str]
) -> list[shapes.Contact]:
    wanted = list(keys)
    if not wanted:
        return []
    body: dict[str, Any] = {
        "inputs": [{"id": key} for key in wanted],
        "properties": sorted(names),
        "propertiesWithHistory": [],
    }
    if id_property:
        body["idProperty"] = id_property
    # 207: some of them aren't there. 400: one that HubSpot can't even look for, and writing it will
    # tell what is wrong; it must not hold up the others.
    answer = hubspot.call("POST", f"{CONTACTS}/batch/read", json=body, allow=(400,))
    if answer.status == 400:
        middle = len(wanted) // 2
        halves = (wanted[:middle], wanted[middle:]) if middle else ()
        return [one for half in halves for one in _read(hubspot, half, id_property, names)]
    return shapes.contacts(answer)


def _find_by_phone(hubspot: "HubSpotConnector", person: Person, names: set[str]) -> None:
    filters = [
        {"propertyName": name, "operator": "EQ", "value": person.identity.value} for name in PHONES
    ]
    body = {
        "filterGroups": [{"filters": [one]} for one in filters],  # groups are alternatives
        "properties": sorted(names),
        "sorts": ["createdate"],  # of several the oldest, today as tomorrow
        "limit": 1,
        "after": "0",
    }
    answer = hubspot.call("POST", f"{CONTACTS}/search", json=body, allow=(400,))
    for contact in shapes.contacts(answer) if answer.status == 200 else ():
        shapes.known_as(person, contact)


def _ensure_our_property(hubspot: "HubSpotConnector") -> None:
    if hubspot.call("GET", f"{PROPERTIES}/{OUR_ID}", allow=(404,)).status == 200:
        return
    body = {
        "name": OUR_ID,
        "label": "CustomerInfo ID",
        "groupName": "contactinformation",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": True,
        "description": "Finds people again who signed up without an e-mail address.",
    }
    hubspot.call("POST", PROPERTIES, json=body, allow=(409,))  # 409: another worker was faster
