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

from integrations.connectors.base import ATTRIBUTE_TYPES, Attribute

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
    """One request. `items`, `id` and `name` are paths into its answer."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    items: str = ""
    id: str = "id"
    name: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AttributeSource:
    """An endpoint that lists the attributes; the names are paths into each item."""

    call: Call
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
        *("read", "delete", "errors", "link"),
    )
    listed = top.get("attributes")
    errors = table(top.get("errors", {}), "errors")
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


def call(value: Any, where: str, method: str) -> Call:
    data = table(value, where)
    known(data, where, "method", "path", "query", "body", "items", "id", "name", "values")
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
    )


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
    known(data, "attributes", "path", "query", "items", "types", *names)
    types = table(data.get("types", {}), "attributes.types")
    if wrong := sorted(str(each) for each in types.values() if each not in ATTRIBUTE_TYPES):
        raise BadDefinition(f"attributes.types: {', '.join(wrong)} is no type of ours.")
    asked = {name: data[name] for name in ("path", "query", "items") if name in data}
    paths = {name: to(data.get(name, ""), f"attributes.{name}") for name in names}
    return AttributeSource(
        call=call(asked, "attributes", "GET"),
        types=types,
        **{**paths, "name": paths["name"] or "name", "label": paths["label"] or paths["name"]},
    )
