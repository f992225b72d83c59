"""Who of a batch Salesforce knows already: by the id of an earlier delivery, by address, by number,
by our own field. Queries read the database itself, not the search index that lags behind."""

import re
from typing import TYPE_CHECKING, Any

from integrations.connectors import salesforce_shapes as shapes
from integrations.connectors.json_api import Person, understood
from integrations.connectors.salesforce_shapes import OUR_ID, quoted

if TYPE_CHECKING:
    from integrations.connectors.salesforce import SalesforceConnector

PHONES = ("MobilePhone", "Phone", "HomePhone", "OtherPhone")
_ID = re.compile(r"[A-Za-z0-9]{15,18}")


def look_up(salesforce: "SalesforceConnector", people: list[Person]) -> None:
    """What Salesforce holds of these people; of several contacts the oldest, today as tomorrow."""
    phones = salesforce.visible(PHONES)
    names = {name for person in people for name in person.record.values}
    names |= {"Id", "Email", *phones, *([OUR_ID] if salesforce.has_our_id else [])}
    numbers = [p.identity.value for p in people if p.identity.kind == "phone"]
    wanted = {
        "Id": [p.remote_id for p in people if _ID.fullmatch(p.remote_id)],
        "Email": [p.email for p in people if p.email],
        OUR_ID: [shapes.our_id(p) for p in people] if salesforce.has_our_id else [],
        **{name: numbers for name in phones},
    }
    conditions = [f"{name} IN ({quoted(values)})" for name, values in wanted.items() if values]
    found = salesforce.query(
        f"SELECT {', '.join(salesforce.visible(names))} FROM Contact"
        f" WHERE {' OR '.join(conditions)} ORDER BY CreatedDate, Id"
    )
    with understood():
        for person in people:
            _recognise(person, found, phones)


def _recognise(person: Person, contacts: list[Any], phones: list[str]) -> None:
    """By the first of these ways that finds somebody."""
    known, person.remote_id = person.remote_id, ""
    number = person.identity.value if person.identity.kind == "phone" else ""
    ways = (
        lambda one: known and _same_id(str(one["Id"]), known),
        lambda one: person.email and str(one.get("Email") or "").lower() == person.email,
        lambda one: number and number in [one.get(name) for name in phones],
        lambda one: str(one.get(OUR_ID) or "").lower() == shapes.our_id(person).lower(),
    )
    for way in ways:
        for contact in contacts:
            if way(contact):
                shapes.known_as(person, contact)
                return


def _same_id(one: str, other: str) -> bool:
    """Salesforce writes ids with 15 characters, or with 3 more that only check them."""
    return one[:15] == other[:15]
