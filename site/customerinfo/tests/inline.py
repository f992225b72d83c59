"""What a page runs or wears out of its own text: a policy without 'unsafe-inline' refuses it."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser

# <script> that holds data, or a form to come: never run.
DATA = {"application/json", "text/django-form-template", "importmap"}


class Inline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        runs = tag == "script" and "src" not in told and told.get("type") not in DATA
        handlers = any(name.startswith("on") for name in told)
        address = f"{told.get('href')} {told.get('src')} {told.get('action')}"
        if runs or tag == "style" or "style" in told or handlers or "javascript:" in address:
            self.found.append(self.get_starttag_text() or tag)


def inline(text: str) -> list[str]:
    """The tags of an answer, HTML or a dialog's JSON, that the policy would refuse."""
    parser = Inline()
    for part in parts(text):
        parser.feed(part)
    return parser.found


def parts(text: str) -> Iterator[str]:
    if not text.startswith("{"):
        yield text
        return
    try:
        told = json.loads(text)
    except ValueError:
        return
    yield from (value for value in told.values() if isinstance(value, str))
