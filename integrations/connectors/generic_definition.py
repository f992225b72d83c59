"""What a retailer says of a CRM with a JSON API, so that no code is needed: a JSON document.

    {"format": 1, "name": "Our CRM",
     "auth": {"kind": "bearer"},  header (+ "header"), bearer, basic, oauth2
     "check": {"path": "/me", "name": "user.name"},
     "attributes": [{"name": "email", "label": "E-mail", "type": "email", "required": true}, …]
         or {"path": "/fields", "items": "fields", "name": "key", "label": "title", …},
     "lookup": {"email": {"path": "/contacts", "query": {"email": "{value}"},
                          "items": "results", "id": "id"}, "phone": {…}},
     "create": {"path": "/contacts", "body": {"mail": "{email}"}, "id": "id"},
     "update": {"method": "PATCH", "path": "/contacts/{id}", "body": {…}},
     "read": {"path": "/contacts/{id}", "values": {"email": "mail"}}, "delete": {"path": …},
     "errors": {"code": "error.code", "message": "error.message"},
     "consents": {"lists": […] or {"path": …, "items": …, "id": …, "label": …},
                  "state": {"path": "/contacts/{id}/lists/{list}", "value": "status",
                            "on": ["subscribed"], "left": ["unsubscribed"]},
                  "subscribe": {"method": "PUT", "path": …, "body": {…}}},
     "rate_limit": {"remaining": "X-RateLimit-Remaining", "reset": "X-RateLimit-Reset"},
     "link": "/contacts/{id}"}

Paths into answers are names and numbers with points between ("results.0.id"); "" is the whole.
Templates are explained in generic_templates.py. Everything is checked here, because retailers write
it and take it from each other: no path leads to another host, no header carries a line break.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.connectors.base import ATTRIBUTE_TYPES, Attribute, ConsentTarget

FORMAT = 1
LARGEST, DEEPEST = 50_000, 12  # characters of the document, levels of a template
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
AUTH_KINDS = ("header", "bearer", "basic", "oauth2")
HEADER = re.compile(r"\A[A-Za-z0-9-]{1,60}\Z")
TO = re.compile(r"\A[\w-]*(\.[\w-]+)*\Z")  # a path into an answer
IDENTITIES = ("email", "phone")


class BadDefinition(ValueError):
    """`str` says what is wrong, and where in the document."""


@dataclass(frozen=True)
class Call:
    """One request. `items`, `id` and `name` are paths into its answer.

    Of a list in pages, `next` is the path to the next page's address, or, with `next_query`, to the
    value of that parameter; or `page_query` is a parameter that counts from 1. `match` is the path
    in an item to what must equal the value that was looked for, where the CRM's search finds more.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    items: str = ""
    id: str = "id"
    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    next: str = ""
    next_query: str = ""
    page_query: str = ""
    match: str = ""

    @property
    def in_pages(self) -> bool:
        return bool(self.next or self.page_query)


@dataclass(frozen=True)
class Consents:
    """Lists that a consent leads to. `state` says whether somebody is on one: `value` is the path
    to a text in its answer, which is among `on`, among `left`, or neither; so is a 404.
    """

    lists: tuple[ConsentTarget, ...]
    source: Call | None
    label: str
    state: Call
    value: str
    on: frozenset[str]
    left: frozenset[str]
    subscribe: Call


@dataclass(frozen=True)
class AttributeSource:
    """An endpoint that lists the attributes; the names are paths into each item. With `schema`, the
    path to a JSON Schema in its answer, nothing else is needed.
    """

    call: Call
    schema: str | None
    name: str
    label: str
    type: str
    required: str
    options: str
    types: Mapping[str, str]


@dataclass(frozen=True)
class Definition:
    name: str
    auth: Mapping[str, str]
    check: Call
    attributes: tuple[Attribute, ...]
    source: AttributeSource | None
    lookup: Mapping[str, Call]
    create: Call
    update: Call
    read: Call | None
    delete: Call | None
    code: str
    message: str
    link: str
    consents: Consents | None = None
    remaining: str = ""
    reset: str = ""


def parse(text: str) -> Definition:
    """Raises `BadDefinition`."""
    if len(text) > LARGEST:
        raise BadDefinition(f"It is longer than {LARGEST} characters.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadDefinition(f"It isn't JSON: {error}") from error
    top = table(data, "The document")
    if top.get("format") != FORMAT:
        raise BadDefinition(f'"format" must be {FORMAT}.')
    known(
        top,
        "The document",
        *("format", "name", "auth", "check", "attributes", "lookup", "create", "update"),
        *("read", "delete", "errors", "link", "consents", "rate_limit"),
    )
    listed = top.get("attributes")
    errors = table(top.get("errors", {}), "errors")
    limit = table(top.get("rate_limit", {}), "rate_limit")
    known(limit, "rate_limit", "remaining", "reset")
    lookup = table(top.get("lookup"), "lookup")
    known(lookup, "lookup", *IDENTITIES)
    if not lookup:
        raise BadDefinition("lookup: say how a person is found, at least by email or phone.")
    return Definition(
        name=text_of(top, "name", "The document"),
        auth=auth(table(top.get("auth"), "auth")),
        check=call(top.get("check"), "check", "GET"),
        attributes=attributes(listed) if isinstance(listed, list) else (),
        source=None if isinstance(listed, list) else source(table(listed, "attributes")),
        lookup={kind: call(each, f"lookup.{kind}", "GET") for kind, each in lookup.items()},
        create=call(top.get("create"), "create", "POST"),
        update=call(top.get("update"), "update", "PATCH"),
        read=call(top["read"], "read", "GET") if "read" in top else None,
        delete=call(top["delete"], "delete", "DELETE") if "delete" in top else None,
        code=to(errors.get("code", ""), "errors.code"),
        message=to(errors.get("message", ""), "errors.message"),
        link=path(top["link"], "link") if top.get("link") else "",
        consents=consents(table(top["consents"], "consents")) if "consents" in top else None,
        remaining=header_of(limit, "remaining"),
        reset=header_of(limit, "reset"),
    )


def table(value: Any, where: str) -> dict:
    if not isinstance(value, dict):
        raise BadDefinition(f"{where} must be an object, {{…}}.")
    return value


def known(data: Mapping, where: str, *names: str) -> None:
    if unknown := sorted(set(data) - set(names)):
        raise BadDefinition(f"{where}: {', '.join(unknown)} is unknown; use {', '.join(names)}.")


def text_of(data: Mapping, name: str, where: str, otherwise: str | None = None) -> str:
    value = data.get(name, otherwise)
    if not isinstance(value, str) or len(value) > 1000 or any(ord(sign) < 32 for sign in value):
        raise BadDefinition(f"{where}: {name} must be a text on one line.")
    return value


def path(value: Any, where: str) -> str:
    """On the CRM's own host, whatever is put in."""
    bare = value.partition("?")[0] if isinstance(value, str) else ""
    if (
        not bare.startswith("/")
        or "//" in bare
        or "\\" in bare
        or ".." in bare.split("/")
        or any(ord(sign) <= 32 or ord(sign) > 126 for sign in bare)
    ):
        raise BadDefinition(f'{where}: the path must begin with one "/" and stay on the host.')
    return bare


def to(value: Any, where: str) -> str:
    if not isinstance(value, str) or not TO.match(value):
        raise BadDefinition(f"{where}: write names with points between, like results.0.id.")
    return value


def header_of(limit: Mapping, name: str) -> str:
    value = text_of(limit, name, "rate_limit", "")
    if value and not HEADER.match(value):
        raise BadDefinition(f"rate_limit: {name} is no name of a header.")
    return value


PAGES = ("next", "next_query", "page_query")
PARTS = ("method", "path", "query", "body", "items", "id", "name", "values", "match", *PAGES)


def call(value: Any, where: str, method: str) -> Call:
    data = table(value, where)
    known(data, where, *PARTS)
    named = text_of(data, "method", where, method).upper()
    if named not in METHODS:
        raise BadDefinition(f"{where}: {named} is no method; use {', '.join(sorted(METHODS))}.")
    for part in ("query", "body"):
        if depth(data.get(part)) > DEEPEST:
            raise BadDefinition(f"{where}: {part} has more than {DEEPEST} levels.")
    values = table(data.get("values", {}), f"{where}.values")
    return Call(
        method=named,
        path=path(data.get("path"), where),
        query=table(data.get("query", {}), f"{where}.query"),
        body=data.get("body"),
        items=to(data.get("items", ""), f"{where}.items"),
        id=to(data.get("id", "id"), f"{where}.id"),
        name=to(data.get("name", ""), f"{where}.name"),
        values={name: to(each, f"{where}.values.{name}") for name, each in values.items()},
        next=to(data.get("next", ""), f"{where}.next"),
        next_query=text_of(data, "next_query", where, ""),
        page_query=text_of(data, "page_query", where, ""),
        match=to(data.get("match", ""), f"{where}.match"),
    )


def consents(data: Mapping) -> Consents:
    known(data, "consents", "lists", "state", "subscribe")
    lists, state = data.get("lists"), dict(table(data.get("state"), "consents.state"))
    told = {
        name: state.pop(name, [] if name != "value" else "") for name in ("on", "left", "value")
    }
    for name in ("on", "left"):
        if not isinstance(told[name], list) or not all(isinstance(one, str) for one in told[name]):
            raise BadDefinition(f"consents.state: {name} must be a list of texts.")
    if not told["left"]:
        raise BadDefinition("consents.state: say in left how one sees that somebody has left.")
    source, label, fixed = None, "", ()
    if isinstance(lists, list):
        fixed = tuple(consent_list(one, f"consents.lists.{n}") for n, one in enumerate(lists))
    else:
        where = dict(table(lists, "consents.lists"))
        label = to(where.pop("label", "name"), "consents.lists.label")
        source = call(where, "consents.lists", "GET")
    return Consents(
        lists=fixed,
        source=source,
        label=label,
        state=call(state, "consents.state", "GET"),
        value=to(told["value"], "consents.state.value"),
        on=frozenset(told["on"]),
        left=frozenset(told["left"]),
        subscribe=call(data.get("subscribe"), "consents.subscribe", "POST"),
    )


def consent_list(value: Any, where: str) -> ConsentTarget:
    data = table(value, where)
    known(data, where, "id", "label")
    id = text_of(data, "id", where)
    return ConsentTarget(id, text_of(data, "label", where, id))


def depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max((depth(child) for child in children), default=0)


def auth(data: Mapping) -> dict[str, str]:
    known(data, "auth", "kind", "header", "token_path", "scope")
    kind = text_of(data, "kind", "auth")
    if kind not in AUTH_KINDS:
        raise BadDefinition(f"auth: {kind!r} is unknown; use {', '.join(AUTH_KINDS)}.")
    header = text_of(data, "header", "auth", "X-Api-Key")
    if not HEADER.match(header):
        raise BadDefinition("auth: that is no name of a header.")
    found = {"kind": kind, "header": header, "scope": text_of(data, "scope", "auth", "")}
    if kind == "oauth2":
        found["token_path"] = path(data.get("token_path"), "auth.token_path")
    return found


def attributes(listed: list) -> tuple[Attribute, ...]:
    found = []
    for number, each in enumerate(listed):
        where = f"attributes.{number}"
        data = table(each, where)
        known(data, where, "name", "label", "type", "required", "options")
        name = text_of(data, "name", where)
        kind = text_of(data, "type", where, "string")
        if kind not in ATTRIBUTE_TYPES:
            raise BadDefinition(f"{where}: the type must be one of {', '.join(ATTRIBUTE_TYPES)}.")
        options = data.get("options", [])
        if not isinstance(options, list) or not all(isinstance(one, str) for one in options):
            raise BadDefinition(f"{where}: options must be a list of texts.")
        found.append(
            Attribute(
                name=name,
                label=text_of(data, "label", where, name),
                type=kind,
                required=data.get("required") is True,
                unique=name == "email",
                options=tuple((one, one) for one in options),
            )
        )
    if not found or len({one.name for one in found}) < len(found):
        raise BadDefinition("attributes: name at least one, and each once.")
    return tuple(found)


def source(data: Mapping) -> AttributeSource:
    names = ("name", "label", "type", "required", "options")
    known(data, "attributes", "path", "query", "items", "types", "schema", *PAGES, *names)
    types = table(data.get("types", {}), "attributes.types")
    if wrong := sorted(str(each) for each in types.values() if each not in ATTRIBUTE_TYPES):
        raise BadDefinition(f"attributes.types: {', '.join(wrong)} is no type of ours.")
    asked = {name: data[name] for name in ("path", "query", "items", *PAGES) if name in data}
    paths = {name: to(data.get(name, ""), f"attributes.{name}") for name in names}
    return AttributeSource(
        call=call(asked, "attributes", "GET"),
        schema=to(data["schema"], "attributes.schema") if "schema" in data else None,
        types=types,
        **{**paths, "name": paths["name"] or "name", "label": paths["label"] or paths["name"]},
    )
