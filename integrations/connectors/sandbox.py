"""The sandbox CRM of the demo (customerinfo.demo.crm), a stand-in for a real vendor.

One call brings a whole batch. The CRM searches by the match attribute and creates what it
doesn't find, so the attempt after a time-out finds what the lost one created. It has no guard
against two callers at once: the delivery's lock per identity is what prevents duplicates.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Iterator, Mapping, Sequence
from urllib.parse import quote, urlsplit

from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    Connector,
    ConnectorError,
    CredentialsRefused,
    Delivered,
    MappedValue,
    NeedsAttention,
    Outcome,
    Record,
    RetryLater,
    TryLater,
    call_error,
    unreachable_error,
)
from integrations.http_answer import HttpAnswer, Unreachable, retry_after
from integrations.mapping import combine, merge

TEST_TAG = "CustomerInfo test"
_MATCH = {"email": "email", "phone": "mobile", "external": "signup_id"}
_TYPES = {
    "line": "string",
    "longtext": "text",
    "email": "email",
    "phone": "phone",
    "date": "date",
    "yesno": "boolean",
    "number": "number",
    "select": "choice",
    "tags": "list",
}
# The vendor's names decide before the status does.
_REFUSED = ("invalid_api_key", "key_revoked")
_PASSING = ("internal_error", "record_locked")
_GONE = "contact_not_found"
_SPLIT = (400, 413, 422)  # the whole call refused because of what one record holds


@dataclass(frozen=True)
class _Result:
    """One line of the CRM's answer to an upsert."""

    ref: str
    contact_id: str
    url: str
    error: str
    message: str


class _Person:
    """The records of one identity in a batch: they share one contact and one outcome."""

    def __init__(self, records: list[Record]) -> None:
        self.refs = [record.ref for record in records]
        self.record = combine(records)
        self.values = dict(self.record.values)
        if self.record.is_test:
            self.values["tags"] = MappedValue([TEST_TAG], "append")
        self.remote_id = self.record.remote_id
        self.match = _MATCH[self.record.identity.kind]
        self.existing: Mapping[str, object] = {}

    @property
    def key(self) -> tuple[str, str]:
        """How the CRM finds the contact: its id where known, else the identity."""
        if self.remote_id:
            return "id", self.remote_id
        return self.match, self.record.identity.value

    @property
    def must_look_first(self) -> bool:
        return any(value.mode != "overwrite" for value in self.values.values())

    def payload(self) -> dict[str, Any]:
        attributes = merge(self.values, self.existing)
        match, value = self.key
        if match == self.match:
            attributes.setdefault(match, value)
        return {
            "ref": self.record.ref,
            "match": match,
            "match_value": value,
            "attributes": attributes,
        }


class SandboxConnector(Connector):
    kind = "sandbox"
    label = "Sandbox CRM"
    summary = "A small CRM that comes with the demo. See your sign-ups turn into contacts."
    icon = "group"
    demo_only = True
    can_read_back = True
    can_delete = True
    batch_size = 50
    config_fields = (
        ConfigField("base_url", "Address", "url", "Where the CRM's web page is."),
        ConfigField("api_key", "API key", "secret", "From the account's page in the CRM."),
    )
    hints = {
        "meaning:email": "email",
        "meaning:first_name": "first_name",
        "meaning:last_name": "last_name",
        "meaning:mobile": "mobile",
        "meaning:birthday": "birthday",
        "meaning:store": "store",
        "consent:marketing": "marketing_consent",
        "consent:marketing:wording": "marketing_consent_text",
        "signup:language": "language",
        "signup:id": "signup_id",
    }

    def check(self) -> Account:
        answer = self._call("GET", "/me")
        with _understood():
            data = answer.json()
            return Account(str(data["name"]), str(data.get("detail", "")))

    def describe(self) -> list[Attribute]:
        answer = self._call("GET", "/attributes")
        with _understood():
            return [_attribute(item) for item in answer.json()["attributes"]]

    def upsert(self, records: Sequence[Record]) -> dict[str, Outcome]:
        by_identity: dict[tuple[str, str], list[Record]] = {}
        for record in records:
            identity = record.identity
            by_identity.setdefault((identity.kind, identity.value), []).append(record)
        people = [_Person(group) for group in by_identity.values()]
        outcomes: dict[str, Outcome] = {}
        try:
            self._look_up([person for person in people if person.must_look_first])
            self._send(people, outcomes)
        except ConnectorError as error:
            error.outcomes = outcomes
            raise
        return outcomes

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        answer = self._call("GET", f"/contacts/{quote(remote_id, safe='')}")
        with _understood():
            held = dict(answer.json()["attributes"])
        return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        self._call("DELETE", f"/contacts/{quote(remote_id, safe='')}", allow=(404,))

    def _look_up(self, people: list[_Person]) -> None:
        """What the CRM holds of these people, in one call."""
        if not people:
            return
        answer = self._call("GET", "/contacts", params=[person.key for person in people])
        with _understood():
            contacts = [(str(c["id"]), dict(c["attributes"])) for c in answer.json()["contacts"]]
        for person in people:
            match, value = person.key
            for contact_id, held in contacts:  # oldest first, as the CRM itself takes the oldest
                found = contact_id if match == "id" else str(held.get(match))
                if found.lower() == value.lower():
                    person.remote_id, person.existing = contact_id, held
                    break

    def _send(self, people: list[_Person], outcomes: dict[str, Outcome]) -> None:
        """One call for all; if the CRM refuses the whole call because of what a record holds,
        halves of it, down to the record that is the reason."""
        answer = self._call(
            "POST",
            "/contacts/upsert",
            json={"match": "email", "contacts": [person.payload() for person in people]},
            allow=(500, *_SPLIT),
        )
        if answer.status in (500, *_SPLIT):
            name, message = _vendor_error(answer)
            if answer.status != 500 and len(people) > 1:
                middle = len(people) // 2
                self._send(people[:middle], outcomes)
                self._send(people[middle:], outcomes)
                return
            after = retry_after(answer.headers, datetime.now(timezone.utc))
            outcome = _failed(name, message, answer.status, after)
            outcomes.update({ref: outcome for person in people for ref in person.refs})
            return
        with _understood():
            results = {one.ref: one for one in map(_result, answer.json()["results"])}
        gone = []
        for person in people:
            result = results.get(person.record.ref)
            if result is None:
                continue  # counts as RetryLater
            if result.error == _GONE and person.key[0] == "id":
                # Deleted or merged in the CRM since: the person is looked for by identity.
                person.remote_id, person.existing = "", {}
                gone.append(person)
                continue
            outcome = self._outcome(result)
            outcomes.update({ref: outcome for ref in person.refs})
        if gone:
            self._look_up([person for person in gone if person.must_look_first])
            self._send(gone, outcomes)

    def _outcome(self, result: _Result) -> Outcome:
        if result.error:
            return _failed(result.error, result.message, 422)
        base, link = urlsplit(self.config["base_url"]), urlsplit(result.url)
        # The link becomes one in our own pages: only to where the retailer's CRM is.
        same_place = (base.scheme, base.netloc) == (link.scheme, link.netloc)
        return Delivered(result.contact_id, result.url if same_place else "")

    def _call(
        self, method: str, path: str, *, allow: tuple[int, ...] = (), **kwargs: Any
    ) -> HttpAnswer:
        """An answer of status 2xx or one of `allow`; anything else is raised."""
        url = self.config["base_url"].rstrip("/") + "/api/v1" + path
        headers = {"Authorization": f"Bearer {self.config['api_key'].strip()}"}
        try:
            answer = self.http.request(method, url, headers=headers, **kwargs)
        except Unreachable as error:
            raise unreachable_error(error) from error
        name, message = _vendor_error(answer)
        if name in _REFUSED:
            raise CredentialsRefused(name, message)
        after = retry_after(answer.headers, datetime.now(timezone.utc))
        if answer.status in allow:
            return answer
        failed = call_error(answer.status, code=name, message=message, after=after)
        if failed is not None:
            raise failed
        if not 200 <= answer.status < 300:
            code = name or f"status_{answer.status}"
            raise TryLater(code, message or f"The CRM answered {answer.status}.", after)
        return answer


@contextmanager
def _understood() -> Iterator[None]:
    """Around the parsing of an answer: one of another shape is nothing to crash over."""
    try:
        yield
    except Unreachable as error:
        raise unreachable_error(error) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TryLater("bad_answer", "The CRM's answer has an unexpected shape.") from error


def _attribute(item: Mapping[str, Any]) -> Attribute:
    return Attribute(
        name=str(item["name"]),
        label=str(item.get("label") or item["name"]),
        type=_TYPES.get(item.get("type"), "string"),
        required=item.get("required") is True,
        unique=item.get("match") is True,
        writable=item.get("read_only") is not True,
        options=tuple((str(one["value"]), str(one["label"])) for one in item.get("options", ())),
    )


def _result(item: Mapping[str, Any]) -> _Result:
    error = item.get("error")
    return _Result(
        ref=str(item["ref"]),
        contact_id="" if error else str(item["id"]),
        url=str(item.get("url", "")),
        error=str(error["name"]) if error else "",
        message=str(error.get("message", "")) if error else "",
    )


def _vendor_error(answer: HttpAnswer) -> tuple[str, str]:
    """The vendor's name and message of an error; empty if the answer holds none."""
    if answer.status < 400:
        return "", ""
    try:
        error = answer.json()["error"]
        return str(error["name"])[:100], str(error.get("message", ""))[:500]
    except (Unreachable, KeyError, TypeError, AttributeError):
        return "", ""  # a proxy in between answered, in its own words


def _failed(name: str, message: str, status: int, after: float | None = None) -> Outcome:
    """How a record ends that the CRM refused, on its own or with its whole call."""
    if name in _PASSING or status >= 500:
        return RetryLater(name or "server_error", message or "The CRM failed.", after)
    return NeedsAttention(name or f"status_{status}", message or "The CRM refused the record.")
