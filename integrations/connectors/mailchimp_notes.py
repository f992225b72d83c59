"""Notes on Mailchimp's members that name the sign-ups they came from. Mailchimp makes a second note
of whatever it is asked twice, so a sign-up's note is looked for first."""

from typing import TYPE_CHECKING

from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.mailchimp import MailchimpConnector

PAGE = 200


def write(mailchimp: "MailchimpConnector", person: Person, path: str) -> None:
    """One note for each of the person's sign-ups, on the member at `path`. Looked for even at a new
    member: `PUT` doesn't say whether it made one."""
    path = f"{path}/notes"
    there = _texts(mailchimp, person, path)
    what = "Test sign-up" if person.record.is_test else "Sign-up"
    for ref in person.refs:
        if not any(ref in text for text in there):
            note = {"note": f"{what} {ref} from CustomerInfo"}
            answer = mailchimp.call_for(person, "POST", path, json=note)
            with understood():  # a proxy's page has status 200 too
                answer.json()["id"]


def _texts(mailchimp: "MailchimpConnector", person: Person, path: str) -> list[str]:
    found: list[str] = []
    while True:
        params = {"count": str(PAGE), "offset": str(len(found))}
        answer = mailchimp.call_for(person, "GET", path, params=params)
        with understood():
            page = answer.json()
            found += [str(note["note"]) for note in page["notes"]]
            if not page["notes"] or len(found) >= page["total_items"]:
                return found
