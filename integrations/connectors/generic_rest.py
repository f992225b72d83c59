"""Any CRM with a JSON API, described by a document instead of code (see generic_definition.py).

A person is looked up by address or number before anything is written, at every try: so a time-out
after creating makes no second contact. What the CRM's templates don't name can't be sent, and is
said, not dropped.
"""

import base64
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from integrations.connectors import generic_consent, generic_pages, generic_schema
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
from integrations.connectors.generic_definition import BadDefinition, Call, Definition, parse
from integrations.connectors.generic_templates import (
    Missing,
    at,
    path_of,
    places,
    query_of,
    render,
)
from integrations.connectors.json_api import JsonConnector, Person, Refused, understood
from integrations.http_answer import HttpAnswer

A_MOMENT = 1_000_000_000  # a number above it is a moment since 1970, not so many seconds
LONGEST_WAIT = 3600.0  # seconds; who wants more is asked again then
ALWAYS = frozenset({"id", "value", "ref"})  # what we put in beside the mapped attributes


class GenericRestConnector(JsonConnector):
    kind = "generic_rest"
    label = "Another CRM (REST)"
    summary = "Any CRM with a JSON API: described once, in a document that you can pass on."
    icon = "cogs"
    guide = "The CRM's own documentation says where an API key is made and what its addresses are."
    batch_size = 5
    can_read_back = True
    can_delete = True
    free_at = 0.0  # when the CRM takes calls again
    config_fields = (
        ConfigField("address", "Address of the API", "url", "Without a path at its end."),
        ConfigField(
            "key", "Key", "secret", "For basic and oauth2: user and secret, a colon between."
        ),
        ConfigField(
            "definition", "How this CRM works", "json", "A document in JSON; see our docs."
        ),
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": "email",
        "meaning:first_name": "first_name",
        "meaning:last_name": "last_name",
        "meaning:full_name": "name",
        "meaning:mobile": "phone",
        "meaning:birthday": "birthday",
        "meaning:postcode": "postcode",
    }

    @cached_property
    def definition(self) -> Definition:
        """Raises `CredentialsRefused`: only the retailer can mend it."""
        try:
            return parse(self.config.get("definition", ""))
        except BadDefinition as error:
            raise CredentialsRefused("bad_definition", str(error)) from error

    # who and what

    def check(self) -> Account:
        asked = self.definition.check
        with understood():
            said = at(self.ask(asked, {}).json(), asked.name) if asked.name else ""
        if not asked.name:
            self.ask(asked, {})
        detail = str(said or urlsplit(self.url("")).netloc)[:300]
        return Account(self.definition.name, detail, certain=bool(said))

    def describe(self) -> list[Attribute]:
        source = self.definition.source
        if source is None:
            return list(self.definition.attributes)
        with understood():
            if source.schema is not None:
                said = self.ask(source.call, {}).json()
                return generic_schema.attributes(at(said, source.schema), said)
            items = list(generic_pages.items(self, source.call, {}))
            return [
                Attribute(
                    name=str(at(item, source.name)),
                    label=str(at(item, source.label) or at(item, source.name)),
                    type=source.types.get(str(at(item, source.type)), "string"),
                    required=at(item, source.required) is True if source.required else False,
                    options=options(at(item, source.options)) if source.options else (),
                )
                for item in items
                if at(item, source.name)
            ]

    def consent_targets(self) -> list[ConsentTarget]:
        return generic_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        for person in people:
            try:
                outcome = self.bring(person)
            except Refused as refused:
                outcome = refused.outcome
            self.settle(outcomes, person, outcome)

    def bring(self, person: Person) -> Outcome:
        """Raises `Refused`."""
        there = self.definition
        unknown = set(person.record.values) - places(there.create.body) - places(there.update.body)
        if unknown:
            message = f"The CRM's description says nothing of {', '.join(sorted(unknown))}."
            return NeedsAttention("unknown_attribute", message)
        lookup = there.lookup.get(person.identity.kind)
        if lookup is None:
            return NeedsAttention("no_lookup", "The CRM can't be searched for this person.")
        person.remote_id = self.find(person, lookup)
        if person.remote_id and person.must_look_first:
            person.existing = self.held(person.remote_id)
        values = {**person.values(), "ref": person.record.ref, "id": person.remote_id}
        values.setdefault(person.identity.kind, person.identity.value)
        if not person.remote_id:
            answer = self.write(person, there.create, values)
            with understood():
                person.remote_id = str(at(answer.json(), there.create.id) or "")
        elif not self.is_empty(there.update, values):
            self.write(person, there.update, values)
        if not person.remote_id:
            # It was created, and nobody said under which id: the next try finds it.
            raise TryLater("no_id", "The answer to creating a contact holds no id.")
        refused = generic_consent.subscribe(self, person)
        return refused or Delivered(person.remote_id, self.link(person.remote_id))

    def find(self, person: Person, lookup: Call) -> str:
        wanted = person.identity.value
        with understood():
            for item in generic_pages.items(self, lookup, {"value": wanted}, allow=(404,)):
                if lookup.match and str(at(item, lookup.match)).casefold() != wanted.casefold():
                    continue
                return str(at(item, lookup.id) or "")
        return ""

    def held(self, remote_id: str) -> dict[str, object]:
        """What the CRM holds, by attribute; nothing where the description doesn't say how."""
        read = self.definition.read
        if read is None:
            return {}
        with understood():
            answer = self.ask(read, {"id": remote_id}, allow=(404,))
            if answer.status == 404:
                return {}
            said = answer.json()
            names = places(self.definition.create.body) | places(self.definition.update.body)
            return {name: at(said, read.values.get(name, name)) for name in names - ALWAYS}

    def is_empty(self, asked: Call, values: Mapping[str, Any]) -> bool:
        """Whether there is nothing new to write."""
        try:
            return not render(asked.body, values)
        except Missing:
            return True

    def link(self, remote_id: str) -> str:
        template = self.definition.link
        return self.url(path_of(template, {"id": remote_id})) if template else ""

    def write(self, person: Person, asked: Call, values: Mapping[str, Any]) -> HttpAnswer:
        try:
            body = render(asked.body, values)
        except Missing:
            body = {}
        return self.call_for(person, asked.method, self.target(asked, values), json=body)

    def ask(
        self, asked: Call, values: Mapping[str, Any], allow: tuple[int, ...] = ()
    ) -> HttpAnswer:
        return self.ask_at(asked, self.target(asked, values), values, allow)

    def ask_at(
        self, asked: Call, target: str, values: Mapping[str, Any], allow: tuple[int, ...] = ()
    ) -> HttpAnswer:
        more = {} if asked.body is None else {"json": render(asked.body, values)}
        return self.call(asked.method, target, allow=allow, **more)

    def target(self, asked: Call, values: Mapping[str, Any]) -> str:
        query = urlencode(query_of(asked.query, values))
        return path_of(asked.path, values) + (f"?{query}" if query else "")

    # how often

    def call(
        self, method: str, path: str, *, allow: tuple[int, ...] = (), **kwargs: Any
    ) -> HttpAnswer:
        if (left := self.free_at - time.time()) > 0:
            raise TryLater("rate_limited", "The CRM takes no more calls for a while.", left)
        answer = super().call(method, path, allow=allow, **kwargs)
        if answer.headers.get(self.definition.remaining, "").strip() == "0":
            self.free_at = time.time() + (self.wait(answer) or 0)
        return answer

    def wait(self, answer: HttpAnswer) -> float | None:
        """Retry-After, else the header that the description names: seconds, or a moment."""
        told = super().wait(answer)
        if told is not None or not self.definition.reset:
            return told
        try:
            value = float(answer.headers.get(self.definition.reset, ""))
        except ValueError:
            return None
        seconds = value - time.time() if value > A_MOMENT else value
        return min(max(seconds, 0.0), LONGEST_WAIT)

    # who we are

    def headers(self) -> dict[str, str]:
        auth, key = self.definition.auth, self.config.get("key", "").strip()
        if any(ord(sign) < 33 for sign in key):
            raise CredentialsRefused("bad_key", "The key holds a space or a line break.")
        found = {"Accept": "application/json"}
        if auth["kind"] == "header":
            found[auth["header"]] = key
        elif auth["kind"] == "bearer":
            found["Authorization"] = f"Bearer {key}"
        elif auth["kind"] == "basic":
            found["Authorization"] = f"Basic {base64.b64encode(key.encode()).decode()}"
        else:
            found["Authorization"] = f"Bearer {self.token}"
        return found

    @cached_property
    def token(self) -> str:
        """OAuth 2.0 client credentials (RFC 6749, 4.4), for as long as this object lives."""
        user, _, secret = self.config.get("key", "").partition(":")
        asked = {"grant_type": "client_credentials", "client_id": user, "client_secret": secret}
        if self.definition.auth["scope"]:
            asked["scope"] = self.definition.auth["scope"]
        with understood():
            answer = self.http.request(
                "POST",
                self.url(self.definition.auth["token_path"]),
                headers={
                    "Accept": "application/json",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                data=urlencode(asked).encode(),
            )
            if answer.status in (400, 401, 403):
                raise CredentialsRefused("invalid_client", "The CRM refused the id or its secret.")
            if answer.status >= 300:
                raise TryLater("no_token", f"The CRM gave no token (status {answer.status}).")
            return str(answer.json()["access_token"])

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        said = answer.json()
        return (
            str(at(said, self.definition.code) or "") if self.definition.code else "",
            str(at(said, self.definition.message) or "") if self.definition.message else "",
        )

    # one contact, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        held = self.held(remote_id)
        return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        if self.definition.delete is None:
            message = "The CRM's description doesn't say how: please delete it in the CRM."
            raise TryLater("cannot_delete", message)
        self.ask(self.definition.delete, {"id": remote_id}, allow=(404, 410))


def options(listed: Any) -> tuple[tuple[str, str], ...]:
    """Texts, or objects with value and label."""
    if not isinstance(listed, list):
        return ()
    return tuple(
        (
            (str(one.get("value")), str(one.get("label") or one.get("value")))
            if isinstance(one, Mapping)
            else (str(one), str(one))
        )
        for one in listed
    )
