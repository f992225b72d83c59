"""Notes on Brevo's contacts that name the sign-ups they came from. Brevo makes a second note of
whatever it is asked twice, so a sign-up's note is looked for first."""

from typing import TYPE_CHECKING

from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.brevo import BrevoConnector

PAGE = 50


def write(brevo: "BrevoConnector", person: Person) -> None:
    """One note for each of the person's sign-ups. Raises Refused."""
    there = _texts(brevo, person)
    what = "Test sign-up" if person.record.is_test else "Sign-up"
    for ref in person.refs:
        if not any(ref in text for text in there):
            note = {
                "text": f"{what} {ref} from CustomerInfo",
                "contactIds": [int(person.remote_id)],
            }
            answer = brevo.call_for(person, "POST", "/crm/notes", json=note)
            with understood():  # a proxy's page has status 200 too
                answer.json()["id"]


def _texts(brevo: "BrevoConnector", person: Person) -> list[str]:
    found: list[str] = []
    while True:
        params = {
            "entity": "contacts",
            "entityIds": person.remote_id,
            "limit": str(PAGE),
            "offset": str(len(found)),
        }
        answer = brevo.call_for(person, "GET", "/crm/notes", params=params)
        with understood():
            said = answer.json()
            # A list by the reference; some accounts were seen to answer {"items": […]}.
            notes = said if isinstance(said, list) else said["items"]
            page = [str(note["text"]) for note in notes]
            found += page
        if len(page) < PAGE:
            return found
