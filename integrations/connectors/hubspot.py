"""HubSpot, API version 2026-03 (https://developers.hubspot.com/docs/api-reference/2026-03).

HubSpot can't upsert by e-mail address in batches of which one may fail, so each batch is: read who
is known, update those by id, create the others. Reading first also serves the modes of a mapping,
and finds people by the addresses and ids that HubSpot merged into them. Who gave no e-mail address
is created by a unique property of ours, because HubSpot's search lags some seconds behind: an
attempt after a time-out would find nothing and create the person twice.

Consents are in hubspot_consent.py, the notes that name the sign-ups in hubspot_notes.py.
"""

from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Mapping, Sequence
from urllib.parse import quote

from integrations.connectors import (
    hubspot_consent,
    hubspot_lookup,
    hubspot_notes,
    hubspot_shapes as shapes,
)
from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    ConsentTarget,
    CredentialsRefused,
    Delivered,
    OAuth,
    Outcome,
)
from integrations.connectors.hubspot_lookup import CONTACTS, OUR_ID, PROPERTIES
from integrations.connectors.json_api import JsonConnector, Person, Refused, understood
from integrations.http_answer import HttpAnswer

ACCOUNT = "/account-info/v3/details"
_SPLIT = (400, 404, 409, 413)  # the whole call refused because of what one input holds


class HubSpotConnector(JsonConnector):
    kind = "hubspot"
    label = "HubSpot"
    # 18 months after 2026-03: developers.hubspot.com, platform and API version schedule.
    supported_until = date(2027, 9, 1)
    summary = "Contacts, subscriptions and notes in HubSpot."
    icon = "group"
    guide = "HubSpot: Settings > Integrations > Private apps > your app > Auth."
    # HubSpot takes 100; each consent costs three calls of the 190 that it allows in 10 seconds.
    batch_size = 50
    can_read_back = True
    can_delete = True
    address = "https://api.hubapi.com"
    config_fields = (
        ConfigField("token", "Access token", "secret", "Of a private app. Begins with pat-."),
    )
    oauth: ClassVar[OAuth | None] = OAuth(
        authorize_url="https://app.hubspot.com/oauth/authorize",
        token_url="https://api.hubapi.com/oauth/v1/token",
        scopes=("oauth", *shapes.RIGHTS),
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": "email",
        "meaning:first_name": "firstname",
        "meaning:last_name": "lastname",
        "meaning:mobile": "mobilephone",
        "meaning:birthday": "date_of_birth",
        "meaning:postcode": "zip",
        "meaning:address": "address",
        "meaning:country": "country",
        "meaning:company": "company",
    }
    refused_names = frozenset(
        {"INVALID_AUTHENTICATION", "EXPIRED_AUTHENTICATION", "MISSING_SCOPES", "INVALID_OAUTH"}
    )
    passing_names = frozenset({"INTERNAL_ERROR", "RATE_LIMITS", "OBJECT_NOT_FOUND"})

    # who and what

    def check(self) -> Account:
        """Whose portal it is. A private app's token also says which rights it has; what an OAuth
        token may do was asked for, and granted whole, when it was made."""
        with understood():
            details = self.call("GET", ACCOUNT).json()
            portal, place = details["portalId"], details.get("uiDomain", "app.hubspot.com")
            if self.token.startswith("pat-"):
                info = self.call(
                    "POST",
                    "/oauth/v2/private-apps/get/access-token-info",
                    json={"tokenKey": self.token},
                ).json()
                missing = [right for right in shapes.RIGHTS if right not in info["scopes"]]
                if missing:
                    raise CredentialsRefused("MISSING_SCOPES", shapes.lacking(missing))
        return Account(f"HubSpot {portal}", place)

    def describe(self) -> list[Attribute]:
        answer = self.call("GET", PROPERTIES, params={"archived": "false"})
        with understood():
            found = [item for item in answer.json()["results"] if not item.get("hidden")]
            return [shapes.attribute(item) for item in found]

    def consent_targets(self) -> list[ConsentTarget]:
        return hubspot_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        hubspot_lookup.look_up(self, people)
        # Two identities can turn out to be one contact; HubSpot refuses a batch that names an id
        # twice, so the second goes after the first, with what that one left behind.
        firsts: dict[str, Person] = {}
        later: list[Person] = []
        for person in people:
            if firsts.setdefault(person.remote_id or f"new {person.refs[0]}", person) != person:
                later.append(person)
        known = [person for person in firsts.values() if person.remote_id]
        new = [person for person in firsts.values() if not person.remote_id]
        self._update(known, outcomes)
        self._send("create", [person for person in new if person.email], outcomes)
        self._send("upsert", [person for person in new if not person.email], outcomes)
        arrived = [person for person in firsts.values() if person.arrived]
        no_note = hubspot_notes.write(self, arrived, known=[p for p in arrived if p in known])
        # Nobody counts as delivered before the consents are: a failure on the way brings the
        # whole sign-up again, and nothing of it twice.
        for person in arrived:
            try:
                said = no_note.get(person.refs[0]) or hubspot_consent.subscribe(self, person)
            except Refused as refused:
                said = refused.outcome
            self.settle(outcomes, person, said or self._delivered(person))
        if later:
            self.deliver(later, outcomes)

    def _properties(self, person: Person) -> dict[str, str]:
        """What to send of this person; HubSpot wants every value as text."""
        values = dict(person.values())
        if person.existing.get("email"):
            values.pop("email", None)  # another one of theirs may be the main one by now
        elif person.email:
            values.setdefault("email", person.email)
        return {name: shapes.as_text(value) for name, value in values.items()}

    def _input(self, verb: str, person: Person) -> dict[str, Any]:
        one: dict[str, Any] = {
            "properties": self._properties(person),
            # HubSpot answers 207 and tells whose error it is only to those who name each input.
            "objectWriteTraceId": person.refs[0],
        }
        if verb == "create":
            return {**one, "associations": []}
        if verb == "upsert":
            one["properties"].setdefault(OUR_ID, shapes.our_id(person))
            return {**one, "id": shapes.our_id(person), "idProperty": OUR_ID}
        return {**one, "id": person.remote_id}

    def _send(self, verb: str, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        """One call for all; if HubSpot refuses the whole call because of what an input holds,
        halves of it, down to the one that is the reason."""
        if not people:
            return
        body = {"inputs": [self._input(verb, person) for person in people]}
        path = f"{CONTACTS}/batch/{verb}"
        answer = self.call("POST", path, json=body, allow=(500, *_SPLIT))
        if answer.status in _SPLIT and len(people) > 1:
            middle = len(people) // 2
            self._send(verb, people[:middle], outcomes)
            self._send(verb, people[middle:], outcomes)
        elif answer.status < 300:
            self._read_results(people, answer, outcomes)
        elif answer.status == 409 and (known := self._taken(answer)) and not people[0].remote_id:
            people[0].remote_id = known
            self._update_after_all(people, outcomes)
        else:
            for person in people:
                self.settle(outcomes, person, self.refused(person, answer))

    def _taken(self, answer: HttpAnswer) -> str:
        with understood():
            return shapes.existing_id(answer.json())

    def _read_results(
        self, people: list[Person], answer: HttpAnswer, outcomes: dict[str, Outcome]
    ) -> None:
        by_trace = {person.refs[0]: person for person in people}
        by_id = {person.remote_id: person for person in people if person.remote_id}
        by_email = {person.email: person for person in people if person.email}
        taken: list[Person] = []
        with understood():
            data = answer.json()
            for contact in data["results"]:
                email = str(contact["properties"].get("email") or "").lower()
                trace = contact.get("objectWriteTraceId", "")
                person = by_trace.get(trace) or by_id.get(contact["id"]) or by_email.get(email)
                if person is not None:
                    person.remote_id, person.arrived = str(contact["id"]), True
            for error in data.get("errors", ()):
                context = error.get("context", {})
                for trace in context.get("objectWriteTraceId", ()):
                    if trace in by_trace:
                        person, known = by_trace[trace], shapes.existing_id(error)
                        if known and not person.remote_id:
                            person.remote_id = known
                            taken.append(person)
                        else:
                            refused = self.failed(person, *shapes.named(error), 400)
                            self.settle(outcomes, person, refused)
        self._update_after_all(taken, outcomes)

    def _update(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        for person in people:
            person.arrived = not self._properties(person)  # nothing to change
        self._send("update", [person for person in people if not person.arrived], outcomes)

    def _update_after_all(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        """Created by somebody else since we looked, so there is something to look at now."""
        hubspot_lookup.look_up(self, people)
        self._update([person for person in people if person.remote_id], outcomes)

    def _delivered(self, person: Person) -> Delivered:
        url = f"https://app.hubspot.com/contacts/{self.portal}/record/0-1/{person.remote_id}"
        return Delivered(person.remote_id, url)

    # one contact, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        params = {"properties": ",".join(names)}
        path = f"{CONTACTS}/{quote(remote_id, safe='')}"
        answer = self.call("GET", path, params=params, allow=(404,))
        with understood():
            held = answer.json()["properties"] if answer.status == 200 else {}
            return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        """Into HubSpot's recycle bin, where it can be restored for 90 days."""
        self.call("DELETE", f"{CONTACTS}/{quote(remote_id, safe='')}", allow=(404,))

    # the vendor's ways

    @cached_property
    def portal(self) -> str:
        with understood():
            return str(self.call("GET", ACCOUNT).json()["portalId"])

    @property
    def token(self) -> str:
        return (self.config.get("access_token") or self.config.get("token") or "").strip()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        return shapes.named(answer.json())

    def wait(self, answer: HttpAnswer) -> float | None:
        """HubSpot seldom says Retry-After; its limits are per 10 seconds and per day."""
        after = super().wait(answer)
        if after is not None or answer.status != 429:
            return after
        if b'"DAILY"' in answer.body:
            return 3600.0
        interval = answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
        return int(interval) / 1000 if interval.isdigit() else 10.0
