"""Walks every address of the project, from the URL configuration, as each role.

`addresses` finds the patterns and puts something real into each place; `answered` says in one word
what came of a request.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

# Part of an address → which of the world's objects belongs in its places.
PLACES = {
    "pk": (
        ("pages/", "page"),
        ("documents/", "document"),
        ("images/", "image"),
        ("collections/", "collection"),
        ("users/", "user"),
        ("groups/", "group"),
        ("sites/", "site"),
        ("signups/", "signup"),
        ("tablets/", "tablet"),
        ("stores/", "store"),
        ("crm/", "connection"),
        ("retailers/new/", "onboarding"),
        ("retailers/", "retailer"),
        ("revenue/", "retailer"),
        ("settings/", "brand"),
    ),
    "instance_pk": (("retailer/", "retailer"), ("receivedevent/", "event")),
    **{
        name: (("", "page"),)
        for name in ("page_id", "parent_page_id", "page_to_move_id", "page_pk")
    },
    "destination_id": (("", "home"),),
    "revision_id": (("", "revision"),),
    "image_id": (("", "image"),),
    **{name: (("", "document"),) for name in ("document_id", "doc_id")},
    "collection_id": (("", "collection"),),
    "delivery": (("", "delivery"),),
}
WORDS = {
    "kind": "sandbox",
    "app_label": "forms_app",
    "model_name": "signuppage",
    "content_type_app_name": "forms_app",
    "content_type_model_name": "signuppage",
    "filter_spec": "width-100",
    "size": "192",
    "path": "join/",
    "action": "close",
    "uidb64": "MQ",
    "token": "x-y",
}
PLACE = re.compile(r"\(\?P<(\w+)>[^)]+\)|<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Address:
    """`pattern` names it in the matrix; `path` has the world's objects in its places."""

    pattern: str
    path: str


def patterns(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLPattern):
            yield here
        else:
            yield from patterns(one, here)


def addresses(urlconf: str, objects: dict[str, object]) -> list[Address]:
    """Each address of the configuration once. `objects`: name → primary key."""
    found = dict.fromkeys(patterns(get_resolver(urlconf)))
    return [Address(pattern, path_of(pattern, objects)) for pattern in found]


def path_of(pattern: str, objects: dict[str, object]) -> str:
    def put(match: re.Match) -> str:
        name = match[1] or match[2]
        if name == "model_name" and "settings/" in pattern:
            return "brand"
        if name == "app_name":
            return "forms_app"
        for part, what in PLACES.get(name, ()):
            if part in pattern and what in objects:
                return str(objects[what])
        return WORDS.get(name, "1")

    # An object of a resolver that is a regular expression brings its own marks along.
    return "/" + re.sub(r"[\^$\\]", "", PLACE.sub(put, pattern)).replace("Z", "")


class Undone(Exception):
    """Ends a transaction without keeping what it did."""


def answered(client: Client, method: str, path: str) -> tuple[str, str]:
    """(outcome in one word, the answer's text); nothing that it did is kept."""
    client.raise_request_exception = False
    try:
        with transaction.atomic():
            answer = getattr(client, method)(path)
            text = body_of(answer)
            raise Undone
    except Undone:
        return outcome(answer), text


def body_of(answer) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace") + answer.get("Location", "")


def outcome(answer) -> str:
    status, target = answer.status_code, answer.get("Location", "")
    if status >= 500:
        return str(status)
    if status == 302 and "/login/" in target:
        return "login"
    # Wagtail leads who may not see a page back to the start, with a message.
    if status == 403 or (status == 302 and target == "/admin/"):
        return "denied"
    if status == 404:
        return "absent"
    if status == 405:
        return "method"
    if status in (301, 302, 303):
        return "leads"
    return "ok" if status < 400 else "refused"
