"""EspoCRM, REST API v1 (https://docs.espocrm.com/development/api, sources of 8.4 and 9.1).

EspoCRM knows no upsert: a contact is looked up, then updated by its id or created. Creating, it
answers 409 for an equal *name* as well as for an equal address, so a 409 means "look once more":
whoever shares a name only is somebody else, and is created with X-Skip-Duplicate-Check. Fields
that EspoCRM doesn't know, or that the user may not write, it drops without a word, so they are
compared with its metadata first.

Target lists are in espocrm_consent.py, the notes that name the sign-ups in espocrm_notes.py.
"""

import re
from functools import cached_property
from typing import Any, ClassVar, Mapping, Sequence
from urllib.parse import quote, urlsplit

from integrations.attribute_values import is_blank
from integrations.connectors import espocrm_consent, espocrm_notes, espocrm_shapes as shapes
from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    ConsentTarget,
    CredentialsRefused,
    Delivered,
    NeedsAttention,
    Outcome,
    TryLater,
)
from integrations.connectors.json_api import PERSONAL, JsonConnector, Person, Refused, understood
from integrations.http_answer import HttpAnswer

EMAIL, PHONE, REMARKS = "emailAddress", "phoneNumber", "description"
# What a role has to allow, and why less than "all" isn't enough: contacts that we can't see would
# be created a second time.
RIGHTS = (
    ("Contact", "create", ("yes", "all")),
    ("Contact", "read", ("all",)),
    ("Contact", "edit", ("all",)),
    ("Contact", "stream", ("all",)),
    ("TargetList", "read", ("all",)),
    ("TargetList", "edit", ("all",)),
)


class EspoCrmConnector(JsonConnector):
    kind = "espocrm"
    label = "EspoCRM"
    summary = "Contacts, target lists and notes in your EspoCRM."
    icon = "group"
    guide = "EspoCRM: Administration > API Users > Create API User, with the role for CustomerInfo."
    batch_size = 10  # four calls for each, of a server that may be a small one
    can_read_back = True
    can_delete = True
    config_fields = (
        ConfigField("address", "Address of your EspoCRM", "url", "As in your browser, up to the #"),
        ConfigField("api_key", "API key", "secret", "Of an API user with the method API Key."),
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": EMAIL,
        "meaning:first_name": "firstName",
        "meaning:last_name": "lastName",
        "meaning:mobile": PHONE,
        "meaning:birthday": "cBirthday",
        "meaning:postcode": "addressPostalCode",
        "meaning:address": "addressStreet",
        "meaning:country": "addressCountry",
        "meaning:store": "cStore",
    }
    passing_names = frozenset({"modified"})

    # who and what

    def check(self) -> Account:
        """Whose key it is, and whether its role lets us see and write every contact."""
        lacking = [
            f"{scope}: {action}" for scope, action, enough in RIGHTS
            if self._level(scope, action) not in enough
        ]  # fmt: skip
        if lacking:
            message = f"The API user's role lacks: {', '.join(lacking)}. Set these to all or yes."
            raise CredentialsRefused("missing_rights", message)
        with understood():
            user = self._session["user"]
            return Account(urlsplit(self.site).netloc, f"API user {user['userName']}")

    def describe(self) -> list[Attribute]:
        labels = self._labels()
        return [shapes.attribute(n, d, labels, self._editable(n)) for n, d in self._fields.items()]

    def consent_targets(self) -> list[ConsentTarget]:
        return espocrm_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        for person in people:
            try:
                outcome = self._bring(person)
            except Refused as refused:
                outcome = refused.outcome
            self.settle(outcomes, person, outcome)

    def _bring(self, person: Person) -> Outcome:
        """Raises Refused."""
        dropped = [n for n in person.record.values if not self._writable(n)]
        if dropped:
            message = f"EspoCRM takes no value for {', '.join(sorted(dropped))}: look at the"
            return NeedsAttention("unknown_attribute", f"{message} mapping and the user's role.")
        if person.must_look_first or not person.remote_id:
            self._look_up(person)
        answer = self._put_or_post(person)
        if answer.status == 404 and person.remote_id:
            # Deleted or merged since we learned the id: looked for by identity.
            person.remote_id = ""
            self._look_up(person)
            answer = self._put_or_post(person)
        if answer.status == 409 and not person.remote_id:
            answer = self._after_conflict(person, answer)
        if answer.status >= 300:
            raise Refused(self.refused(person, answer))
        with understood():
            person.remote_id = str(answer.json()["id"])
        espocrm_notes.write(self, person)
        refused = espocrm_consent.subscribe(self, person)
        return refused or Delivered(
            person.remote_id, f"{self.site}/#Contact/view/{person.remote_id}"
        )

    def _look_up(self, person: Person) -> None:
        """What EspoCRM holds of this person: by the id of an earlier delivery, or by identity."""
        if not self._read(person, person.remote_id):
            self._read(person, self._find(person))

    def _read(self, person: Person, remote_id: str) -> bool:
        person.remote_id, person.existing = "", {}
        if not remote_id:
            return False
        answer = self.call("GET", self.path(remote_id), allow=(404,))
        if answer.status == 404:
            return False
        with understood():
            person.existing = dict(answer.json())
        person.remote_id = remote_id
        return True

    def _find(self, person: Person) -> str:
        """The oldest contact with this address, number, or our mark on those who gave neither."""
        attribute, how, value = {
            "email": (EMAIL, "equals", person.identity.value),
            "phone": (PHONE, "equals", person.identity.value),
            "external": (REMARKS, "contains", _mark(person)),
        }[person.identity.kind]
        params = {
            "where[0][type]": how,
            "where[0][attribute]": attribute,
            "where[0][value]": value,
            "select": "id",
            "orderBy": "createdAt",
            "order": "asc",
            "maxSize": "1",
        }
        with understood():
            found = self.call("GET", "/Contact", params=params).json()["list"]
            return str(found[0]["id"]) if found else ""

    def _put_or_post(self, person: Person, *, skip_check: bool = False) -> HttpAnswer:
        values = self._sent(person)
        if person.remote_id:
            # Some set EspoCRM to look for duplicates on updates too; we know who it is.
            return self._write("PUT", self.path(person.remote_id), values, skip_check=True)
        if person.identity.kind == "phone":
            values.setdefault(PHONE, person.identity.value)
        elif person.identity.kind == "external":
            remarks = str(values.get(REMARKS) or "")
            values[REMARKS] = f"{remarks}\n{_mark(person)}".strip()
        return self._write("POST", "/Contact", values, skip_check=skip_check)

    def _write(
        self, method: str, path: str, values: Mapping[str, Any], *, skip_check: bool
    ) -> HttpAnswer:
        headers = {"X-Skip-Duplicate-Check": "true"} if skip_check else {}
        answer = self.call(method, path, json=values, headers=headers, allow=(403, *PERSONAL))
        if answer.status == 403 and self._level("Contact", "edit") in ("", "no"):
            raise CredentialsRefused("no_access", "The API user may no longer change contacts.")
        if answer.status == 403 and method == "POST":
            raise CredentialsRefused("no_access", self.error_of(answer)[1] or "No create access.")
        return answer

    def _after_conflict(self, person: Person, answer: HttpAnswer) -> HttpAnswer:
        """409: created by somebody else since we looked, or somebody of the same name."""
        name, _ = self.error_of(answer)
        if name != "duplicate":
            return answer
        self._look_up(person)
        return self._put_or_post(person, skip_check=True)

    def _sent(self, person: Person) -> dict[str, Any]:
        """Values as EspoCRM takes them. The address stays what it is there: it may have been
        changed in EspoCRM since, or be one of several."""
        values = {
            name: shapes.sent(value, str(self._fields[name].get("type")))
            for name, value in person.values().items()
        }
        values.pop(EMAIL, None)
        known = bool(person.remote_id)
        if person.email and (
            not known or (person.existing and is_blank(person.existing.get(EMAIL)))
        ):
            values[EMAIL] = person.email
        return values

    # what the user may do, and what a contact is

    @cached_property
    def _session(self) -> Mapping[str, Any]:
        """The user behind the key, with what its roles allow."""
        with understood():
            said = self.call("GET", "/App/user").json()
            return {"user": said["user"], "table": dict(said["acl"]["table"]),
                    "fields": dict(said["acl"].get("fieldTable") or {})}  # fmt: skip

    def _level(self, scope: str, action: str) -> str:
        """yes, all, team, own or no; "" where the role says nothing of the scope."""
        allowed = self._session["table"].get(scope)
        if isinstance(allowed, Mapping):
            return str(allowed.get(action, ""))
        return "all" if allowed is True else ""

    def _editable(self, name: str) -> bool:
        levels = self._session["fields"].get("Contact") or {}
        with understood():
            return (levels.get(name) or {}).get("edit", "yes") != "no"

    def _writable(self, name: str) -> bool:
        held = self._fields.get(name)
        return held is not None and shapes.is_writable(held) and self._editable(name)

    @cached_property
    def _fields(self) -> dict[str, Mapping[str, Any]]:
        """EspoCRM's fields of contacts, by name; asked once for a batch."""
        with understood():
            answer = self.call("GET", "/Metadata", params={"key": "entityDefs.Contact.fields"})
            return {n: d for n, d in answer.json().items() if shapes.is_shown(d)}

    def _labels(self) -> Mapping[str, Any]:
        """What EspoCRM calls things, in its own language; nice to have."""
        try:
            with understood():
                said = self.call("GET", "/I18n", params={"default": "true"}).json()
                return {"Global": said["Global"], "Contact": said["Contact"]}
        except TryLater:  # large installations say more than we read
            return {}

    # one contact, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        answer = self.call("GET", self.path(remote_id), allow=(404,))
        with understood():
            held = answer.json() if answer.status == 200 else {}
            return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        self.call("DELETE", self.path(remote_id), allow=(404,))

    # the vendor's ways

    @property
    def site(self) -> str:
        """The address as it stands in a browser, however much of it was copied."""
        address = (self.config.get("address") or "").strip().partition("#")[0].rstrip("/")
        return address.removesuffix("/api/v1")

    def path(self, remote_id: str) -> str:
        return f"/Contact/{quote(remote_id, safe='')}"

    def url(self, path: str) -> str:
        return f"{self.site}/api/v1{path}"

    def headers(self) -> dict[str, str]:
        return {"X-Api-Key": (self.config.get("api_key") or "").strip()}

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        """EspoCRM says why in a header; the body is for its own pages."""
        reason = answer.headers.get("X-Status-Reason", "")
        if answer.status == 401:
            return "unauthorized", "EspoCRM doesn't know this API key, or its user isn't active."
        if reason in ("duplicate", "modified"):
            return reason, "Somebody changed this contact in the same moment."
        failed = re.search(r"field: (\w+), type: (\w+)", reason)
        if failed and failed[2] == "required":
            message = f"EspoCRM wants a value for {failed[1]}. Map it, or give it a default."
            return "validationFailure", message
        if failed:
            return "validationFailure", f"EspoCRM refused the value for {failed[1]} ({failed[2]})."
        return "forbidden" if answer.status == 403 else "", reason


def _mark(person: Person) -> str:
    return f"CustomerInfo {person.identity.value}"
