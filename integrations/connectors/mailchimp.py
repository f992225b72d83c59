"""Mailchimp, Marketing API 3.0 (https://mailchimp.com/developer/marketing/api).

A connection is to one audience. A member is put by the MD5 of the lower-case address, and what a
new one becomes is said as `status_if_new`; the status of somebody whom Mailchimp knows is theirs
and is never sent, with one exception that asks the person: see mailchimp_consent.py.

Members are asked for one at a time: the call that takes 500 wants a status for each, and the batch
jobs answer minutes later. Mailchimp allows ten calls at once; we make one.
"""

import base64
import re
from functools import cached_property
from typing import Any, ClassVar, Mapping, Sequence
from urllib.parse import quote

from integrations.connectors import mailchimp_consent, mailchimp_notes, mailchimp_shapes as shapes
from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    ConsentTarget,
    CredentialsRefused,
    Delivered,
    NeedsAttention,
    Outcome,
    RetryLater,
    TryLater,
)
from integrations.connectors.json_api import PERSONAL, JsonConnector, Person, Refused, understood
from integrations.http_answer import HttpAnswer

EMAIL, LANGUAGE, TAGS = "EMAIL", "language", "tags"
TAG, TEST_TAG = "CustomerInfo", "CustomerInfo test"
_PAGE = 200
_KEY = re.compile(r"\S+-([a-z]+\d+)")
# Mailchimp's titles of errors that only the person can end.
_THEIR_DECISION = {"Member In Compliance State", "Forgotten Email Not Subscribed"}


class MailchimpConnector(JsonConnector):
    kind = "mailchimp"
    label = "Mailchimp"
    summary = "Contacts of a Mailchimp audience, with tags and marketing permissions."
    icon = "mail"
    guide = "Mailchimp: your profile > Extras > API keys > Create a key."
    batch_size = 10  # up to five calls for each
    can_read_back = True
    can_delete = True
    config_fields = (
        ConfigField("api_key", "API key", "secret", "Ends with a dash and letters, as in -us21."),
        ConfigField(
            "audience",
            "Audience ID",
            help="Under Audience > Settings. Leave it empty if you have one audience only.",
            required=False,
        ),
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": EMAIL,
        "meaning:first_name": "FNAME",
        "meaning:last_name": "LNAME",
        "meaning:mobile": "PHONE",
        "meaning:birthday": "BIRTHDAY",
        "meaning:store": TAGS,
        "signup:language": LANGUAGE,
    }
    refused_names = frozenset(
        {"API Key Invalid", "API Key Missing", "API Key Not Allowed", "User Disabled",
         "Wrong Datacenter", "Forbidden"}
    )  # fmt: skip
    passing_names = frozenset({"Internal Server Error", "Compliance Related"})

    # who and what

    def check(self) -> Account:
        with understood():
            account = self.call("GET", "/").json()
            return Account(str(account["account_name"]), f"Audience {self.details['name']}")

    def describe(self) -> list[Attribute]:
        with understood():
            return [
                Attribute(EMAIL, "E-mail", "email", required=True, unique=True),
                *(shapes.attribute(item) for item in self._fields.values()),
                Attribute(LANGUAGE, "Language", "string"),
                Attribute(TAGS, "Tags", "list"),
            ]

    def consent_targets(self) -> list[ConsentTarget]:
        return mailchimp_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        for person in people:
            try:
                self.settle(outcomes, person, self._bring(person))
            except Refused as refused:
                self.settle(outcomes, person, refused.outcome)

    def _bring(self, person: Person) -> Outcome:
        if not person.email:
            message = "Mailchimp knows people by e-mail address only, and this person gave none."
            return NeedsAttention("no_address", message)
        # Mailchimp drops values for fields that it doesn't have without a word.
        unknown = sorted(set(person.record.values) - {EMAIL, LANGUAGE, TAGS, *self._fields})
        if unknown:
            message = f"The audience has no field {', '.join(unknown)}. Look at the mapping."
            return NeedsAttention("unknown_attribute", message)
        if person.must_look_first or person.consents or person.remote_id:
            self._look_up(person)
        answer = self._put(person)
        if answer.status >= 300:
            return self._refused(person, answer)
        with understood():
            member = answer.json()
            person.remote_id = str(member["contact_id"])
            admin = f"https://{self.center}.admin.mailchimp.com"
            url = f"{admin}/lists/members/view?id={member['web_id']}"
            path, status = self.member(str(member["id"])), str(member["status"])
        self._tag(person, path)
        mailchimp_notes.write(self, person, path)
        refused = mailchimp_consent.settle(self, person, path, status)
        return refused or Delivered(person.remote_id, url)

    def _look_up(self, person: Person) -> None:
        """What Mailchimp holds of this person, by its own id or else by address."""
        for key in filter(None, (person.remote_id, shapes.member_key(person.email))):
            answer = self.call("GET", self.member(key), allow=(404,))
            if answer.status == 200:
                with understood():
                    held = answer.json()
                    held["id"] = str(held["id"])
                    person.existing = {
                        **held["merge_fields"],
                        LANGUAGE: held.get("language"),
                        "member": held,
                    }
                return

    def _put(self, person: Person) -> HttpAnswer:
        """Creates or updates. Once looked up, the address stays what it is there: the person may
        have changed it in Mailchimp since."""
        body = self._body(person)
        held: Any = person.existing.get("member")
        if held:
            return self.call("PATCH", self.member(held["id"]), json=body, allow=PERSONAL)
        body |= {
            "email_address": person.email,
            "status_if_new": mailchimp_consent.status_if_new(self, person),
        }
        return self.call(
            "PUT", self.member(shapes.member_key(person.email)), json=body, allow=PERSONAL
        )

    def _body(self, person: Person) -> dict[str, Any]:
        values = person.values()
        values.pop(EMAIL, None)
        values.pop(TAGS, None)
        body: dict[str, Any] = {}
        if language := values.pop(LANGUAGE, None):
            body["language"] = language
        if values:
            body["merge_fields"] = {
                name: (
                    shapes.month_and_day(value)
                    if self._fields[name]["type"] == "birthday"
                    else value
                )
                for name, value in values.items()
            }
        permissions = mailchimp_consent.permissions(person)
        return {**body, "marketing_permissions": permissions} if permissions else body

    def _tag(self, person: Person, path: str) -> None:
        """Adds tags; which the person has already doesn't matter. None is ever taken away."""
        mapped = person.record.values.get(TAGS)
        wanted = list(mapped.value) if mapped and isinstance(mapped.value, (list, tuple)) else []
        if mapped and isinstance(mapped.value, str):
            wanted = [mapped.value]
        wanted.append(TEST_TAG if person.record.is_test else TAG)
        tags = [{"name": str(name)[:100], "status": "active"} for name in wanted]
        answer = self.call_for(person, "POST", f"{path}/tags", json={"tags": tags})
        if answer.status != 204:  # a proxy's page has status 200
            raise TryLater("bad_answer", "The CRM's answer has an unexpected shape.")

    def _refused(self, person: Person, answer: HttpAnswer) -> Outcome:
        name, message = self.error_of(answer)
        if name in _THEIR_DECISION:
            return mailchimp_consent.needs_confirmation()
        if answer.status == 404:
            return RetryLater("vanished", "Mailchimp forgot this contact meanwhile.")
        return self.failed(person, name, message, answer.status, self.wait(answer))

    def _of_audience(self, answer: HttpAnswer) -> Any:
        """What Mailchimp says about the audience itself."""
        if answer.status == 404:
            raise CredentialsRefused("no_audience", "This audience isn't in Mailchimp (any more).")
        return answer.json()

    # one contact, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        answer = self.call("GET", self.member(remote_id), allow=(404,))
        if answer.status == 404:
            return dict.fromkeys(names)
        with understood():
            held = answer.json()
            known = {
                **held["merge_fields"],
                EMAIL: held["email_address"],
                LANGUAGE: held.get("language"),
                TAGS: [tag["name"] for tag in held.get("tags", ())],
            }
        return {name: known.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        """Archives. Deleting for good would keep this address out of the audience for ever."""
        answer = self.call("GET", self.member(remote_id), allow=(404,))
        if answer.status == 200:
            with understood():
                path = self.member(str(answer.json()["id"]))
            self.call("DELETE", path, allow=(404, 405))  # 405: archived already

    # the vendor's ways

    @cached_property
    def center(self) -> str:
        """Mailchimp's data centre, which the key names: us21."""
        found = _KEY.fullmatch((self.config.get("api_key") or "").strip())
        if found is None:
            raise CredentialsRefused("API Key Invalid", "The key doesn't end with -us21 or such.")
        return found[1]

    @cached_property
    def audience(self) -> str:
        """The path of the connection's audience."""
        chosen = (self.config.get("audience") or "").strip()
        if not chosen:
            with understood():
                lists = self.call("GET", "/lists", params={"count": "2"}).json()["lists"]
                if len(lists) != 1:
                    raise CredentialsRefused(
                        "no_audience",
                        f"There {'are several audiences' if lists else 'is no audience'}"
                        " in Mailchimp: name the one in the connection's settings.",
                    )
                chosen = str(lists[0]["id"])
        return f"/lists/{quote(chosen, safe='')}"

    @cached_property
    def details(self) -> Mapping[str, Any]:
        """What Mailchimp says of the audience; asked once for a batch."""
        with understood():
            return dict(self._of_audience(self.call("GET", self.audience, allow=(404,))))

    @cached_property
    def _fields(self) -> dict[str, Mapping[str, Any]]:
        """The audience's merge fields by tag; asked once for a batch."""
        fields: list[Mapping[str, Any]] = []
        while True:
            params = {"count": str(_PAGE), "offset": str(len(fields))}
            path = f"{self.audience}/merge-fields"
            with understood():
                page = self._of_audience(self.call("GET", path, params=params, allow=(404,)))
                fields += page["merge_fields"]
                if not page["merge_fields"] or len(fields) >= page["total_items"]:
                    return {str(item["tag"]): item for item in fields}

    def member(self, key: str) -> str:
        return f"{self.audience}/members/{quote(key, safe='')}"

    def url(self, path: str) -> str:
        address = self.config.get("address") or f"https://{self.center}.api.mailchimp.com/3.0"
        return address.rstrip("/") + path

    def headers(self) -> dict[str, str]:
        key = (self.config.get("api_key") or "").strip()
        return {"Authorization": "Basic " + base64.b64encode(f"key:{key}".encode()).decode()}

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        error = answer.json()
        name, message = str(error["title"]), str(error.get("detail", ""))
        fields = [f"{o.get('field')}: {o.get('message')}" for o in error.get("errors") or ()]
        if name == "Invalid Resource" and "fake or invalid" in message:
            name = "invalid_email"
        return name, "; ".join(fields) or message
