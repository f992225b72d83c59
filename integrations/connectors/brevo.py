"""Brevo, API v3 (https://developers.brevo.com/reference).

A contact is looked up, then updated by its id or created: Brevo's "create or update" doesn't say
which contact it updated, and mustn't be asked to subscribe who had left. Attributes that Brevo
doesn't know it drops without a word, so they are compared with its list first. The phone is as
unique as the e-mail address: two people at one number are not made one.

Lists and the double opt-in are in brevo_consent.py.
"""

import re
from functools import cached_property
from typing import Any, ClassVar, Mapping, Sequence
from urllib.parse import quote

from integrations.connectors import brevo_consent, brevo_notes
from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    ConsentTarget,
    Delivered,
    NeedsAttention,
    Outcome,
)
from integrations.connectors.json_api import PERSONAL, JsonConnector, Person, Refused, understood
from integrations.http_answer import HttpAnswer

_TYPES = {
    "text": "string",
    "date": "date",
    "float": "number",
    "boolean": "boolean",
    "id": "string",
    "phone": "phone",
    "multiple-choice": "list",
    "user": "string",
}
_WRITABLE = ("normal", "category")
# Kept outside of `attributes`, or named otherwise there.
EMAIL, PHONE = "EMAIL", "SMS"
_UNIQUE = (PHONE, "WHATSAPP", "LANDLINE_NUMBER", "EXT_ID")
_IDENTIFIERS = {"email": "email_id", "phone": "phone_id", "external": "ext_id"}
_DUPLICATES = ("duplicate_parameter", "invalid_parameter")  # Brevo has called it both


class BrevoConnector(JsonConnector):
    kind = "brevo"
    label = "Brevo"
    summary = "Contacts, lists and double opt-in in Brevo (once Sendinblue)."
    icon = "mail"
    guide = "Brevo: your account's name > SMTP & API > API keys > Generate a new API key."
    batch_size = 10  # one call or two for each, of the 10 a second that small accounts have
    can_read_back = True
    can_delete = True
    address = "https://api.brevo.com/v3"
    config_fields = (
        ConfigField("api_key", "API key", "secret", "Begins with xkeysib-."),
        ConfigField(
            "template",
            "Double opt-in template",
            help="Only for double opt-in: the number of your confirmation e-mail's template.",
            required=False,
            leads_elsewhere=False,
        ),
        ConfigField(
            "confirmed_url",
            "Page after confirming",
            "url",
            "Only for double opt-in: where the link in that e-mail leads in the end.",
            required=False,
            leads_elsewhere=False,
        ),
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": EMAIL,
        "meaning:first_name": "FIRSTNAME",
        "meaning:last_name": "LASTNAME",
        "meaning:mobile": PHONE,
        "meaning:birthday": "BIRTHDAY",
        "meaning:postcode": "POSTCODE",
        "meaning:store": "STORE",
        "signup:id": "SIGNUP_ID",
    }
    refused_names = frozenset({"unauthorized", "permission_denied", "account_under_validation"})

    # who and what

    def check(self) -> Account:
        """Whose account it is. A key of Brevo's may do everything, from the addresses allowed."""
        with understood():
            account = self.call("GET", "/account").json()
            # One person may have several organisations, all with their name and address.
            about = [account["email"], account.get("organization_id")]
            return Account(str(account["companyName"]), ", ".join(str(one) for one in about if one))

    def describe(self) -> list[Attribute]:
        return [
            Attribute(EMAIL, "E-mail", "email", unique=True),
            *(_attribute(item) for item in self._definitions.values() if item["name"] != EMAIL),
        ]

    def consent_targets(self) -> list[ConsentTarget]:
        return brevo_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        for person in people:
            unknown = sorted(set(person.record.values) - {EMAIL, PHONE, *self._definitions})
            if unknown:
                message = f"Brevo has no attribute {', '.join(unknown)}. Look at the mapping."
                self.settle(outcomes, person, NeedsAttention("unknown_attribute", message))
                continue
            try:
                said = self._write(person)
                brevo_notes.write(self, person)
                said = brevo_consent.subscribe(self, person) or said
            except Refused as refused:
                said = refused.outcome
            url = f"https://app.brevo.com/contact/index/{person.remote_id}"
            self.settle(outcomes, person, said or Delivered(person.remote_id, url))

    def _write(self, person: Person) -> Outcome | None:
        """Brings one contact in; why not wholly, if so. Raises Refused."""
        if person.must_look_first or person.consents or not person.remote_id:
            self._look_up(person)
        answer = self._put_or_post(person)
        if answer.status == 404 and person.remote_id:
            # Deleted or merged since we learned the id: looked for by identity.
            person.remote_id, person.existing = "", {}
            self._look_up(person)
            answer = self._put_or_post(person)
        refused: Outcome | None = None
        taken = [name for name in _duplicates(answer) if name in person.record.values]
        if person.email and taken == [PHONE] and self._is_without_address(person):
            answer = self._put_or_post(person)  # of the contact that had given only the number
        elif person.email and taken:
            # The number is another contact's: a family's, or a former owner's. Merging two
            # people for it would be a mistake, keeping this one out a pity.
            for name in taken:
                person.leave_out(name)
            answer = self._put_or_post(person)
            refused = NeedsAttention(
                "duplicate_phone",
                "The contact is in Brevo without its phone number: another contact has that"
                " number. If both are one person, merge them in Brevo.",
            )
        if answer.status >= 300:
            raise Refused(self.refused(person, answer))
        if answer.status == 201:
            with understood():
                person.remote_id = str(answer.json()["id"])
        elif not person.remote_id:
            self._look_up(person)  # created by somebody else since we looked, and updated by us
        return refused

    def _look_up(self, person: Person) -> None:
        ways = [(_IDENTIFIERS[person.identity.kind], person.identity.value)]
        if person.remote_id:
            ways.insert(0, ("contact_id", person.remote_id))
        person.remote_id = ""
        for kind, value in ways:
            answer = self._get(kind, value)
            if answer.status == 200:
                with understood():
                    held = answer.json()
                    person.remote_id = str(held["id"])
                    person.existing = {**self._named(held), "contact": held}
                return

    def _get(self, kind: str, value: str) -> HttpAnswer:
        path = f"/contacts/{quote(value, safe='')}"
        # Brevo answers 400 instead of 404 to a phone number that it doesn't know.
        return self.call("GET", path, params={"identifierType": kind}, allow=(400, 404))

    def _is_without_address(self, person: Person) -> bool:
        """Whether who has this person's number gave no address yet: then it's the same person."""
        answer = self._get("phone_id", str(person.record.values[PHONE].value))
        if person.remote_id or answer.status != 200:
            return False
        with understood():
            held = answer.json()
            if held.get("email"):
                return False
            person.remote_id = str(held["id"])
            person.existing = {**self._named(held), "contact": held}
            return True

    def _put_or_post(self, person: Person) -> HttpAnswer:
        values = self._sent(person)
        values.pop(EMAIL, None)
        if person.remote_id:
            if person.email and EMAIL in person.existing and not person.existing[EMAIL]:
                values[EMAIL] = person.email
            # Else the address stays what it is there: they may have changed it in Brevo since.
            path = f"/contacts/{person.remote_id}"
            params = {"identifierType": "contact_id"}
            return self.call(
                "PUT", path, params=params, json={"attributes": values}, allow=PERSONAL
            )
        body: dict[str, Any] = {"attributes": values, "updateEnabled": True}
        if person.email:
            body["email"] = person.email
        elif person.identity.kind == "phone":
            values.setdefault(PHONE, person.identity.value)
        else:
            body["ext_id"] = person.identity.value
        return self.call("POST", "/contacts", json=body, allow=PERSONAL)

    def _sent(self, person: Person) -> dict[str, Any]:
        """Values as Brevo takes them: an option of a category is a number."""
        sent: dict[str, Any] = {}
        for name, value in person.values().items():
            numeric = self._definitions.get(name, {}).get("category") == "category"
            digits = str(value)
            sent[name] = int(digits) if numeric and digits.isdigit() else value
        return sent

    def _named(self, contact: Mapping[str, Any]) -> dict[str, object]:
        """What Brevo holds, under the names that a mapping has for it."""
        held = {EMAIL: contact.get("email"), **(contact.get("attributes") or {})}
        for name, value in held.items():
            if self._definitions.get(name, {}).get("type") == "multiple-choice":
                held[name] = value if isinstance(value, list) else [value] if value else []
        return held

    @cached_property
    def _definitions(self) -> dict[str, Mapping[str, Any]]:
        """Brevo's attributes of contacts, by name; asked once for a batch."""
        with understood():
            items = self.call("GET", "/contacts/attributes").json()["attributes"]
            return {str(item["name"]): item for item in items if item["category"] in _WRITABLE}

    # one contact, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        answer = self._get("contact_id", remote_id)
        with understood():
            held = self._named(answer.json()) if answer.status == 200 else {}
            return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        path = f"/contacts/{quote(remote_id, safe='')}"
        self.call("DELETE", path, params={"identifierType": "contact_id"}, allow=(404,))

    # the vendor's ways

    def headers(self) -> dict[str, str]:
        return {"api-key": (self.config.get("api_key") or "").strip()}

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        error = answer.json()
        name, message = str(error["code"]), str(error.get("message", ""))
        if name == "unauthorized" and "IP address" in message:
            message = (
                "Brevo refuses our server's address. In Brevo, under Security > Authorized IPs,"
                " allow it or switch the block for unknown addresses off."
            )
        return name, message

    def wait(self, answer: HttpAnswer) -> float | None:
        after = super().wait(answer)
        reset = answer.headers.get("x-sib-ratelimit-reset", "")
        if after is None and answer.status == 429 and re.fullmatch(r"\d{1,6}(\.\d+)?", reset):
            return float(reset)
        return after


def _attribute(item: Mapping[str, Any]) -> Attribute:
    name, category = str(item["name"]), item["category"]
    options: list[tuple[str, str]] = []
    if category == "category":
        options = [(str(o["value"]), str(o["label"])) for o in item.get("enumeration", ())]
    elif item.get("type") == "multiple-choice":
        options = [(str(one), str(one)) for one in item.get("multiCategoryOptions", ())]
    kind = "choice" if category == "category" else _TYPES.get(item.get("type", ""), "string")
    return Attribute(
        name=name,
        label=name.replace("_", " ").capitalize(),
        type="phone" if name == PHONE else kind,
        unique=name in _UNIQUE,
        options=tuple(options),
    )


def _duplicates(answer: HttpAnswer) -> list[str]:
    """The identifiers that another contact has already."""
    if answer.status not in (400, 409):
        return []
    with understood():
        error = answer.json()
        if error["code"] not in _DUPLICATES:
            return []
        named = (error.get("metadata") or {}).get("duplicate_identifiers") or ()
        if not named and "SMS is already associated" in str(error.get("message")):
            named = (PHONE,)  # before 2024 only the text said which
        return [str(one) for one in named]
