"""Posts in the stream of EspoCRM's contacts that name the sign-ups they came from. EspoCRM makes a
second post of whatever it is asked twice, so a sign-up's post is looked for first."""

from typing import TYPE_CHECKING

from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.espocrm import EspoCrmConnector

PAGE = 100


def write(espo: "EspoCrmConnector", person: Person) -> None:
    """One post for each of the person's sign-ups. Raises Refused."""
    there = _texts(espo, person)
    what = "Test sign-up" if person.record.is_test else "Sign-up"
    for ref in person.refs:
        if not any(ref in text for text in there):
            note = {
                "type": "Post",
                "parentType": "Contact",
                "parentId": person.remote_id,
                "post": f"{what} {ref} from CustomerInfo",
            }
            answer = espo.call_for(person, "POST", "/Note", json=note)
            with understood():  # a proxy's page has status 200 too
                str(answer.json()["id"])


def _texts(espo: "EspoCrmConnector", person: Person) -> list[str]:
    found: list[str] = []
    offset = 0
    while True:
        params = {"filter": "posts", "maxSize": str(PAGE), "offset": str(offset)}
        answer = espo.call_for(
            person, "GET", f"{espo.path(person.remote_id)}/stream", params=params
        )
        with understood():
            page = list(answer.json()["list"])
            found += [str(one.get("post") or "") for one in page]
        offset += len(page)
        if len(page) < PAGE:
            return found
