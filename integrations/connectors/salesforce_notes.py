"""Notes on Salesforce's contacts that name the sign-ups they came from. Salesforce makes a second
note of whatever it is asked twice, so a sign-up's note is looked for first."""

from typing import TYPE_CHECKING

from integrations.connectors.base import Outcome
from integrations.connectors.json_api import Person, understood
from integrations.connectors.salesforce_shapes import like, quoted

if TYPE_CHECKING:
    from integrations.connectors.salesforce import SalesforceConnector

AT_ONCE = 200  # records of a call


def write(
    salesforce: "SalesforceConnector", people: list[Person], outcomes: dict[str, Outcome]
) -> None:
    """One note for each sign-up of these people; settles those whose note was refused."""
    if not people:
        return
    found = salesforce.query(
        f"SELECT Title FROM Note WHERE ParentId IN ({quoted(p.remote_id for p in people)})"
        f" AND Title LIKE {like(' from CustomerInfo')}"
    )
    with understood():
        there = [str(one["Title"]) for one in found]
    notes = [
        (person, {"ParentId": person.remote_id, "Title": _title(person, ref)})
        for person in people
        for ref in person.refs
        if not any(ref in title for title in there)
    ]
    for start in range(0, len(notes), AT_ONCE):
        some = notes[start : start + AT_ONCE]
        results = salesforce.collection("POST", "", [("Note", values) for _, values in some])
        for (person, _), result in zip(some, results, strict=True):
            if not result.get("success"):
                salesforce.settle(outcomes, person, salesforce.item_refused(person, result))


def _title(person: Person, ref: str) -> str:
    """Salesforce takes 80 characters."""
    what = "Test sign-up" if person.record.is_test else "Sign-up"
    return f"{what} {ref} from CustomerInfo"
