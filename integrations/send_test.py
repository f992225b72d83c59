"""A test: a marked contact is sent the way every sign-up goes, read back, and compared.

The person is made up for this one test, so nobody else's record can be meant, and no lock is
needed: no drain can be sending the same person.
"""

import re
import secrets
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.utils import timezone

from . import tokens
from .attribute_values import is_blank, plain, readable
from .connectors.base import (
    Attribute,
    Connector,
    ConnectorError,
    Delivered,
    MappedValue,
    Record,
    RetryLater,
)
from .mapping import SignupData, map_signup
from .models import Connection
from .patience import Patience
from .signup_data import Answer

MARK = "customerinfo-test"


@dataclass(frozen=True)
class Line:
    """One attribute: what was sent, what the CRM holds now, and whether that is the same."""

    attribute: str
    sent: object
    held: object
    same: bool


@dataclass
class Result:
    """How a test ended, as JSON. `problem` says why the contact didn't arrive; `unread` why it
    couldn't be read back. `lists` are the ids of where its consents lead."""

    email: str
    remote_id: str = ""
    url: str = ""
    problem: str = ""
    unread: str = ""
    lines: tuple[dict[str, Any], ...] = ()
    left_out: Mapping[str, str] | None = None
    lists: tuple[str, ...] = ()
    can_delete: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def test_person(data: SignupData, own_email: str) -> SignupData:
    """A made-up person instead of the one in `data`. The mail goes to who asks for the test, at an
    address that no contact has; the number is of those that are kept free for films."""
    name, _, host = own_email.partition("@")
    made_up = {
        "email": f"{name.partition('+')[0]}+{MARK}-{secrets.token_hex(3)}@{host}",
        "first_name": "Test",
        "last_name": "CustomerInfo",
        "full_name": "Test CustomerInfo",
        "mobile": f"+1202555{100 + secrets.randbelow(100):04}",
        "loyalty_number": f"TEST{secrets.randbelow(10**6):06}",
    }

    def changed(answer: Answer) -> Answer:
        value = made_up.get(answer.meaning)
        return answer if value is None else replace(answer, value=value)

    return replace(
        data,
        id=str(uuid.uuid4()),
        submitted_at=timezone.now(),
        is_test=True,
        answers=tuple(changed(answer) for answer in data.answers),
    )


def send(connection: Connection, data: SignupData) -> Result:
    """Send this sign-up, read it back and compare. Raises MappingError; how the CRM takes it is
    in the result. No transaction may be open. Takes half a minute at most."""
    attributes = connection.described
    record = map_signup(data, connection.rows, attributes, connection.consent_rows)
    result = Result(
        email=next((str(a.value) for a in data.answers if a.meaning == "email"), ""),
        left_out=dict(record.left_out),
        lists=tuple(choice.target for choice in record.consent_targets),
    )
    with Patience() as http:
        try:
            config = {**connection.config, **tokens.fresh(connection, http)}
            connector = connection.connector_class(config, http)
            outcome = connector.upsert([record]).get(record.ref)
        except ConnectorError as error:
            settled = error.outcomes.get(record.ref)
            outcome = settled or RetryLater(error.code, error.message)
        if not isinstance(outcome, Delivered):
            result.problem = outcome.message if outcome else "The CRM didn't say what became of it."
            return result
        result.remote_id, result.url = outcome.remote_id, outcome.url
        result.can_delete = connector.can_delete and bool(outcome.remote_id)
        _read_back(connector, record, attributes, result)
    return result


def _read_back(
    connector: Connector, record: Record, attributes: Iterable[Attribute], result: Result
) -> None:
    if not connector.can_read_back or not result.remote_id:
        result.unread = f"{connector.label} doesn't let us read contacts."
        return
    try:
        held = connector.read_back(result.remote_id, list(record.values))
    except ConnectorError as error:
        result.unread = error.message
        return
    result.lines = tuple(asdict(line) for line in compare(record.values, held, attributes))


def compare(
    sent: Mapping[str, MappedValue], held: Mapping[str, object], attributes: Iterable[Attribute]
) -> list[Line]:
    known = {attribute.name: attribute for attribute in attributes}
    return [
        Line(
            name,
            readable(mapped.value),
            readable(held.get(name)),
            is_same(mapped.value, held.get(name), known.get(name)),
        )
        for name, mapped in sent.items()
    ]


def is_same(sent: object, held: object, attribute: Attribute | None) -> bool:
    """Whether the CRM holds what was sent, each in its own way of writing it: yes as true, a list
    as a;b, a date with a time of midnight, an option by its label."""
    if is_blank(held):
        return is_blank(sent)
    kind = attribute.type if attribute else ""
    if kind == "list" or isinstance(sent, (list, tuple)):
        # Appending: what was there before may stand beside it.
        return _words(sent, attribute) <= _words(held, attribute)
    if kind == "boolean" or isinstance(sent, bool):
        return _truth(sent) == _truth(held)
    if kind == "number" or isinstance(sent, (int, float)):
        return _number(sent) == _number(held)
    if kind == "date":
        return str(sent)[:10] == str(held)[:10]
    if kind == "phone":
        return re.sub(r"\D", "", str(sent)) == re.sub(r"\D", "", str(held))
    if kind == "choice":
        return _words(sent, attribute) == _words(held, attribute)
    ours, theirs = str(readable(sent)).split(), str(readable(held)).split()
    if kind == "email":
        return "".join(ours).lower() == "".join(theirs).lower()
    return ours == theirs


def _words(value: object, attribute: Attribute | None) -> set[str]:
    """The options that are meant, whether by value or by label."""
    values = value if isinstance(value, (list, tuple)) else re.split(r"[;,\n]", str(value))
    by_label = {plain(label): plain(v) for v, label in (attribute.options if attribute else ())}
    return {by_label.get(plain(str(one)), plain(str(one))) for one in values if plain(str(one))}


def _truth(value: object) -> str:
    word = str(value).strip().lower()
    return {"yes": "true", "1": "true", "no": "false", "0": "false"}.get(word, word)


def _number(value: object) -> object:
    try:
        return float(str(value))
    except ValueError:
        return str(value)


def delete(connection: Connection, remote_id: str) -> None:
    """Take the contact of a test out of the CRM. Raises ConnectorError."""
    with Patience() as http:
        config = {**connection.config, **tokens.fresh(connection, http)}
        connection.connector_class(config, http).delete(remote_id)
