"""What the connectors to vendors' JSON APIs share: one way to ask, and to think of a person.

A vendor's module says how its errors are named and what a person looks like there; here is what
doesn't differ: an answer that isn't what the documentation says is "try later", the vendor's name
for an error counts more than the status, and what was settled before a failure stays settled.
"""

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, ClassVar, Iterator, Mapping, Sequence

from integrations.connectors.base import (
    Connector,
    ConnectorError,
    CredentialsRefused,
    NeedsAttention,
    Outcome,
    Record,
    RetryLater,
    TryLater,
    call_error,
    unreachable_error,
)
from integrations.http_answer import HttpAnswer, Unreachable, retry_after
from integrations.merging import combine, merge
from integrations.redaction import scrubbed


class Person:
    """The records of one identity in a batch: they share one contact and one outcome.

    `existing` is what the vendor holds of this person, once it was looked up; `arrived` that the
    contact is as it should be, though notes and consents may be missing.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self.refs = [record.ref for record in records]
        self.record = combine(records)
        self.identity = self.record.identity
        self.remote_id = self.record.remote_id
        self.existing: Mapping[str, object] = {}
        self.arrived = False
        self.consents = self.record.consent_targets

    @property
    def email(self) -> str:
        return self.identity.value if self.identity.kind == "email" else ""

    @property
    def must_look_first(self) -> bool:
        return any(value.mode != "overwrite" for value in self.record.values.values())

    def leave_out(self, name: str) -> None:
        """Do without this attribute: the vendor can't take its value for this person."""
        values = {key: value for key, value in self.record.values.items() if key != name}
        self.record = replace(self.record, values=values)

    def without_data(self, message: str) -> str:
        """The vendor's words without what this person typed: the log keeps them."""
        typed = [value.value for value in self.record.values.values()]
        return scrubbed(message, values=[self.identity.value, *typed])

    def values(self) -> dict[str, object]:
        """What to send by the modes of the mapping, given what the vendor holds."""
        return merge(self.record.values, self.existing)


def people(records: Sequence[Record]) -> list[Person]:
    """One for each identity, in the order of their first record."""
    by_identity: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        identity = record.identity
        by_identity.setdefault((identity.kind, identity.value), []).append(record)
    return [Person(group) for group in by_identity.values()]


@contextmanager
def understood() -> Iterator[None]:
    """Around the parsing of an answer: one of another shape is nothing to crash over."""
    try:
        yield
    except Unreachable as error:
        raise unreachable_error(error) from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise TryLater("bad_answer", "The CRM's answer has an unexpected shape.") from error


# Statuses that say something about the one thing that was asked, not about the connection.
PERSONAL = (400, 404, 405, 409, 413, 422, 500)


class Refused(Exception):
    """The vendor refused something for one person, who ends like this; the others go on."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class JsonConnector(Connector):
    """A connector that asks one address. `refused_names` are the vendor's errors that say that the
    key isn't good, whatever the status; `passing_names` those of a record that may pass."""

    address: ClassVar[str]
    refused_names: ClassVar[frozenset[str]] = frozenset()
    passing_names: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        """Bring these people in, and write each one's outcome as soon as it is known."""

    @abstractmethod
    def headers(self) -> dict[str, str]:
        """Who we are, and what the vendor wants to hear with each call."""

    @abstractmethod
    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        """The vendor's name of an error and what it says; may raise on any other shape."""

    def upsert(self, records: Sequence[Record]) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        try:
            self.deliver(people(records), outcomes)
        except ConnectorError as error:
            error.outcomes = outcomes
            raise
        return outcomes

    def url(self, path: str) -> str:
        """`address` in the config leads tests and conformance runs to another server."""
        return (self.config.get("address") or self.address).rstrip("/") + path

    def call(
        self, method: str, path: str, *, allow: tuple[int, ...] = (), **kwargs: Any
    ) -> HttpAnswer:
        """An answer of status 2xx or one of `allow`; anything else is raised."""
        headers = {**self.headers(), **kwargs.pop("headers", {})}
        try:
            answer = self.http.request(method, self.url(path), headers=headers, **kwargs)
        except Unreachable as error:
            raise unreachable_error(error) from error
        if 200 <= answer.status < 300:
            return answer
        name, message = self.error_of(answer)
        if name in self.refused_names:
            raise CredentialsRefused(name, message or "The CRM refused the key.")
        if answer.status in allow:
            return answer
        after = self.wait(answer)
        failed = call_error(answer.status, code=name, message=message, after=after)
        if failed is not None:
            raise failed
        code = name or f"status_{answer.status}"
        raise TryLater(code, message or f"The CRM answered {answer.status}.", after)

    def call_for(self, person: Person, method: str, path: str, **kwargs: Any) -> HttpAnswer:
        """An answer of status 2xx about one person; raises Refused, so that the vendor's no to one
        person doesn't hold up the others."""
        answer = self.call(method, path, allow=PERSONAL, **kwargs)
        if answer.status >= 300:
            raise Refused(self.refused(person, answer))
        return answer

    def error_of(self, answer: HttpAnswer) -> tuple[str, str]:
        """As vendor_error, cut to what the log holds; empty where the answer isn't the vendor's:
        a proxy in between answered, in its own words."""
        try:
            name, message = self.vendor_error(answer)
        except (Unreachable, KeyError, IndexError, TypeError, ValueError, AttributeError):
            return "", ""
        return str(name or "")[:60], str(message or "")[:400]

    def wait(self, answer: HttpAnswer) -> float | None:
        """The seconds that the vendor wants us to wait."""
        return retry_after(answer.headers, datetime.now(timezone.utc))

    def refused(self, person: Person, answer: HttpAnswer) -> Outcome:
        """How a person ends whom the vendor refused."""
        name, message = self.error_of(answer)
        return self.failed(person, name, message, answer.status, self.wait(answer))

    def failed(
        self, person: Person, name: str, message: str, status: int, after: float | None = None
    ) -> Outcome:
        """The same, of a refusal that stands inside an answer."""
        said = person.without_data(message)
        if name in self.passing_names or status >= 500:
            return RetryLater(name or "server_error", said or "The CRM failed.", after)
        return NeedsAttention(name or f"status_{status}", said or "The CRM refused the record.")

    def settle(self, outcomes: dict[str, Outcome], person: Person, outcome: Outcome) -> None:
        outcomes.update({ref: outcome for ref in person.refs})
