"""Klaviyo, API revision 2026-07-15 (https://developers.klaviyo.com/en/reference).

Each person is one call of "create or update profile", which says at once what became of it.
Klaviyo's bulk job takes 10,000 but tells neither the profiles' ids nor their outcome for minutes;
750 people a minute are allowed the other way. Subscribing, whose outcome Klaviyo never tells, goes
as a job for each list.

A profile takes properties of any name: those that Klaviyo knows itself, and those seen on the
profiles that changed last, are described. A value of null clears and an omitted one stays, so a
blank is never sent.
"""

import json
from datetime import date
from typing import Any, ClassVar, Mapping, Sequence

from integrations.connectors import klaviyo_consent, klaviyo_shapes as shapes
from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    ConsentTarget,
    CredentialsRefused,
    Delivered,
    NeedsAttention,
    Outcome,
)
from integrations.connectors.json_api import JsonConnector, Person, understood
from integrations.http_answer import HttpAnswer

REVISION = "2026-07-15"
JSON_API = "application/vnd.api+json"
_PHONE, _PAGE = "phone_number", 100
DUPLICATE_PHONE = NeedsAttention(
    "duplicate_phone",
    "The profile is in Klaviyo without its phone number: another profile has that number. If both"
    " are one person, merge them in Klaviyo.",
)


class KlaviyoConnector(JsonConnector):
    kind = "klaviyo"
    label = "Klaviyo"
    # Two years after REVISION: developers.klaviyo.com, API versioning and deprecation policy.
    supported_until = date(2028, 7, 15)
    summary = "Profiles and list subscriptions in Klaviyo."
    icon = "mail"
    guide = "Klaviyo: your account's name > Settings > API keys > Create private API key."
    batch_size = 50  # of the 75 calls a second, and short enough to answer for
    any_attribute = True
    can_read_back = True
    can_delete = True
    address = "https://a.klaviyo.com"
    config_fields = (ConfigField("api_key", "Private API key", "secret", "Begins with pk_."),)
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": "email",
        "meaning:first_name": "first_name",
        "meaning:last_name": "last_name",
        "meaning:mobile": "phone_number",
        "meaning:birthday": "Birthday",
        "meaning:postcode": "location.zip",
        "meaning:address": "location.address1",
        "meaning:country": "location.country",
        "meaning:company": "organization",
        "meaning:loyalty_number": "Loyalty number",
        "meaning:store": "Store",
        "signup:language": "locale",
    }
    refused_names = frozenset(
        {"not_authenticated", "authentication_failed", "permission_denied", "invalid_api_key"}
    )
    passing_names = frozenset({"throttled", "error", "service_unavailable"})

    # who and what

    def check(self) -> Account:
        """Whose account it is. Klaviyo names no rights, so each is tried by a call that changes
        nothing; the right to write shows with the first profile."""
        with understood():
            account = self.call("GET", "/api/accounts").json()["data"][0]["attributes"]
            about = account["contact_information"]
        for right, path in {"profiles": "/api/profiles", "lists": "/api/lists"}.items():
            try:
                self.call("GET", path, params={"page[size]": "1"})
            except CredentialsRefused as refused:
                message = f"The key lacks the right to read {right} ({right}:read)."
                raise CredentialsRefused(refused.code, message) from refused
        return Account(str(about["organization_name"]), str(about["default_sender_email"]))

    def describe(self) -> list[Attribute]:
        params = {"page[size]": str(_PAGE), "sort": "-updated", "fields[profile]": "properties"}
        answer = self.call("GET", "/api/profiles", params=params)
        seen: dict[str, str] = {}
        with understood():
            for profile in answer.json()["data"]:
                for name, value in (profile["attributes"].get("properties") or {}).items():
                    kind = shapes.kind_of(value)
                    if kind and name not in (shapes.SIGNUP_ID, shapes.TEST_MARK) and name[0] != "$":
                        # Where people's values differ in kind, text holds them all.
                        seen[name] = kind if seen.get(name, kind) == kind else "string"
        custom = [Attribute(name, name, kind) for name, kind in sorted(seen.items())]
        return [*shapes.FIXED, *custom]

    def consent_targets(self) -> list[ConsentTarget]:
        return klaviyo_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        self._look_up([person for person in people if person.must_look_first or person.consents])
        said = self._without_others_phones(people)
        for person in people:
            refused = self._write(person)
            if refused:
                said[person.refs[0]] = refused
            if not person.arrived or not person.consents:
                self._settle(outcomes, person, said)
        # Who agreed to something isn't delivered before the consents are on their way.
        agreed = [person for person in people if person.arrived and person.consents]
        said = klaviyo_consent.subscribe(self, agreed) | said
        for person in agreed:
            self._settle(outcomes, person, said)

    def _settle(
        self, outcomes: dict[str, Outcome], person: Person, said: Mapping[str, Outcome]
    ) -> None:
        url = f"https://www.klaviyo.com/profile/{person.remote_id}"
        outcome = said.get(person.refs[0]) or Delivered(person.remote_id, url)
        self.settle(outcomes, person, outcome)

    def _look_up(self, people: list[Person]) -> None:
        """What Klaviyo holds of these people, consents included: one call for each way to find."""
        by_id = {person.remote_id: person for person in people if person.remote_id}
        for profile in self.profiles("id", list(by_id)):
            if profile.id in by_id:
                by_id[profile.id].existing = profile.held
        for kind, attribute in shapes.IDENTIFIERS.items():
            keyed = {
                person.identity.value: person
                for person in people
                if person.identity.kind == kind and not person.existing
            }
            for profile in self.profiles(attribute, list(keyed)):
                person = keyed.get(str(profile.held.get(attribute)).lower())
                if person is not None:
                    person.remote_id, person.existing = profile.id, profile.held

    def profiles(self, attribute: str, values: list[str]) -> list[shapes.Profile]:
        """The profiles with one of these values, with what they are subscribed to."""
        if not values:
            return []
        params = {
            "filter": f"any({attribute},{json.dumps(values, ensure_ascii=False)})",
            "page[size]": str(_PAGE),
            "additional-fields[profile]": "subscriptions",
        }
        answer = self.call("GET", "/api/profiles", params=params, allow=(400,))
        if answer.status == 400:
            # One value that Klaviyo can't even look for: writing it will tell what is wrong.
            middle = len(values) // 2
            halves = (values[:middle], values[middle:]) if middle else ()
            return [profile for half in halves for profile in self.profiles(attribute, half)]
        with understood():
            found = answer.json()["data"]
            return [
                shapes.Profile(str(one["id"]), shapes.held_by(one["attributes"])) for one in found
            ]

    def _without_others_phones(self, people: list[Person]) -> dict[str, Outcome]:
        """Leaves out numbers that belong to a profile with another address: a family's, or a former
        owner's. Klaviyo would take the number for the person, and write the new address over the
        other's. Who had given only the number is the same person, and gets the address."""
        said: dict[str, Outcome] = {}
        wanted = {
            str(person.record.values[_PHONE].value): person
            for person in people
            if person.email and _PHONE in person.record.values
        }
        for owner in self.profiles(_PHONE, list(wanted)):
            person = wanted.get(str(owner.held.get(_PHONE)))
            address = str(owner.held.get("email") or "").lower()
            if person and address and address != person.email and owner.id != person.remote_id:
                person.leave_out(_PHONE)
                said[person.refs[0]] = DUPLICATE_PHONE
        return said

    def _write(self, person: Person) -> Outcome | None:
        """Brings one profile in; why not, or why not wholly, if so."""
        attributes = shapes.attributes_of(person)
        answer = self._import(person.remote_id, attributes)
        name, _ = self.error_of(answer)
        if person.remote_id and (answer.status == 404 or name == "duplicate_profile"):
            # Deleted or merged since we learned the id (404 also stands for "another profile has
            # this address"): the person is looked for by identity.
            person.remote_id = ""
            attributes = shapes.attributes_of(person)
            answer = self._import("", attributes)
            name, _ = self.error_of(answer)
        refused: Outcome | None = None
        if name == "duplicate_profile" and person.email and _PHONE in attributes:
            # Two profiles, one with the address and one with the number: Klaviyo joins them by
            # hand only.
            person.leave_out(_PHONE)
            answer = self._import(person.remote_id, shapes.attributes_of(person))
            refused = DUPLICATE_PHONE
        if answer.status >= 300:
            return self.refused(person, answer)
        with understood():
            person.remote_id, person.arrived = str(answer.json()["data"]["id"]), True
        return refused

    def _import(self, remote_id: str, attributes: Mapping[str, Any]) -> HttpAnswer:
        data: dict[str, Any] = {"type": "profile", "attributes": attributes}
        if remote_id:
            data["id"] = remote_id
        allow = (400, 404, 409, 413, 422, 500)
        return self.call("POST", "/api/profile-import", json={"data": data}, allow=allow)

    # one profile, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        held = {p.id: p.held for p in self.profiles("id", [remote_id])}.get(remote_id, {})
        return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        """Klaviyo deletes by its privacy job only: for good, within minutes."""
        profile = {"data": {"type": "profile", "id": remote_id}}
        data = {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}
        self.call("POST", "/api/data-privacy-deletion-jobs", json={"data": data}, allow=(404,))

    # the vendor's ways

    def headers(self) -> dict[str, str]:
        key = (self.config.get("api_key") or "").strip()
        return {
            "Authorization": f"Klaviyo-API-Key {key}",
            "revision": REVISION,
            "Accept": JSON_API,
            "Content-Type": JSON_API,
        }

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        error = answer.json()["errors"][0]
        pointer = str((error.get("source") or {}).get("pointer", "")).rpartition("/")[2]
        name, detail = str(error["code"]), str(error["detail"])
        if name == "invalid" and pointer and pointer not in ("data", "attributes"):
            return f"invalid_{pointer}", detail
        return name, detail

    def wait(self, answer: HttpAnswer) -> float | None:
        after = super().wait(answer)
        reset = answer.headers.get("RateLimit-Reset", "")
        if after is None and answer.status == 429 and reset.isdigit():
            return float(reset)
        return after
