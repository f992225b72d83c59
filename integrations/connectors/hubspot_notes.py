"""Notes on HubSpot's contacts that name the sign-ups they came from.

HubSpot makes a second note of whatever it is asked twice, so a sign-up's note is looked for first;
only a contact that was made a moment ago can't have one.
"""

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from integrations.attribute_values import readable
from integrations.connectors.base import Outcome
from integrations.connectors.json_api import PERSONAL, Person, Refused, understood

if TYPE_CHECKING:
    from integrations.connectors.hubspot import HubSpotConnector

NOTES = "/crm/objects/2026-03/notes"
OF_CONTACTS = "/crm/associations/2026-03/contacts/notes/batch/read"
NOTE_TO_CONTACT = 202  # HubSpot's number for this kind of association
AT_ONCE = 100


def write(
    hubspot: "HubSpotConnector", people: list[Person], known: list[Person]
) -> dict[str, Outcome]:
    """One note for each sign-up of these people; `known` are those that HubSpot had before.
    Answers whose note was refused, by the first ref of each."""
    there = _bodies(hubspot, known)
    notes = [
        (person, _note(person, ref))
        for person in people
        for ref in person.refs
        if not any(ref in body for body in there)
    ]
    said: dict[str, Outcome] = {}
    for start in range(0, len(notes), AT_ONCE):
        some = notes[start : start + AT_ONCE]
        body = {"inputs": [note for _, note in some]}
        answer = hubspot.call("POST", f"{NOTES}/batch/create", json=body, allow=PERSONAL)
        if answer.status < 300:
            continue
        for person, note in some:  # one of them is the reason
            try:
                hubspot.call_for(person, "POST", f"{NOTES}/batch/create", json={"inputs": [note]})
            except Refused as refused:
                said[person.refs[0]] = refused.outcome
    return said


def _bodies(hubspot: "HubSpotConnector", people: list[Person]) -> list[str]:
    """The texts of all notes on these people's contacts."""
    inputs: list[dict[str, str]] = [{"id": person.remote_id} for person in people]
    ids: list[str] = []
    while inputs:
        answer = hubspot.call("POST", OF_CONTACTS, json={"inputs": inputs})
        inputs = []
        with understood():
            for one in answer.json()["results"]:
                ids += [str(note["toObjectId"]) for note in one["to"]]
                if "paging" in one:
                    after = str(one["paging"]["next"]["after"])
                    inputs.append({"id": str(one["from"]["id"]), "after": after})
    bodies = []
    for start in range(0, len(ids), AT_ONCE):
        answer = hubspot.call(
            "POST",
            f"{NOTES}/batch/read",
            json={
                "inputs": [{"id": one} for one in ids[start : start + AT_ONCE]],
                "properties": ["hs_note_body"],
                "propertiesWithHistory": [],
            },
        )
        with understood():
            found = answer.json()["results"]
            bodies += [str(note["properties"].get("hs_note_body") or "") for note in found]
    return bodies


def _note(person: Person, ref: str) -> dict[str, Any]:
    what = "Test sign-up" if person.record.is_test else "Sign-up"
    when = person.record.submitted_at or datetime.now(timezone.utc)
    return {
        "properties": {
            "hs_timestamp": readable(when),
            "hs_note_body": f"{what} {ref} from CustomerInfo",
        },
        "associations": [
            {
                "to": {"id": person.remote_id},
                "types": [
                    {
                        "associationCategory": "HUBSPOT_DEFINED",
                        "associationTypeId": NOTE_TO_CONTACT,
                    }
                ],
            }
        ],
    }
