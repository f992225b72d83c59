"""Templates of bodies and queries, and paths into answers. No code in them, nothing to evaluate.

A text that is "{name}" alone becomes the value itself, with its type; inside a longer text it
becomes part of it. What has no value disappears: the key of an object, or the whole item of a list,
so a list of commands keeps no half of one. In a query, {"json": …} and {"base64json": …} stand for
the rendered value as JSON text, the second base64url-encoded.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

PLACE = re.compile(r"\{([\w.-]+)\}")


class Missing(Exception):
    """Something in the template has no value."""


def render(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with the values in it. Raises `Missing` if nothing is left."""
    if isinstance(template, str):
        return _text(template, values)
    if isinstance(template, dict):
        found = {}
        for key, part in template.items():
            try:
                found[key] = render(part, values)
            except Missing:
                continue
        if template and not found:
            raise Missing
        return found
    if isinstance(template, list):
        items = []
        for part in template:
            try:
                items.append(_whole(part, values))
            except Missing:
                continue
        if template and not items:
            raise Missing
        return items
    return template


def _whole(template: Any, values: Mapping[str, Any]) -> Any:
    """An item of a list: all of it, or Missing."""
    if isinstance(template, dict):
        return {key: _whole(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [_whole(part, values) for part in template]
    return render(template, values)


def _text(template: str, values: Mapping[str, Any]) -> Any:
    alone = PLACE.fullmatch(template)
    if alone:
        return _value(alone[1], values)
    return PLACE.sub(lambda found: str(_value(found[1], values)), template)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if values.get(name) in (None, ""):
        raise Missing(name)
    return values[name]


def path_of(template: str, values: Mapping[str, Any]) -> str:
    """A path with the values quoted: a value is never more than one segment."""
    return PLACE.sub(lambda found: quote(str(_value(found[1], values)), safe=""), template)


def query_of(template: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, part in template.items():
        try:
            found[name] = _encoded(part, values)
        except Missing:
            continue
    return found


def _encoded(part: Any, values: Mapping[str, Any]) -> str:
    if not isinstance(part, dict):
        return str(render(part, values))
    (how, inner), *_ = part.items()
    text = json.dumps(render(inner, values), ensure_ascii=False, separators=(",", ":"))
    if how == "base64json":
        return base64.urlsafe_b64encode(text.encode()).decode()
    return text


def at(answer: Any, path: str) -> Any:
    """What stands at "results.0.id"; None where there is nothing."""
    for part in path.split(".") if path else ():
        if isinstance(answer, Mapping):
            answer = answer.get(part)
        elif isinstance(answer, list) and part.isdigit() and int(part) < len(answer):
            answer = answer[int(part)]
        else:
            return None
    return answer


def places(template: Any) -> set[str]:
    """The names that a template asks for."""
    if isinstance(template, str):
        return set(PLACE.findall(template))
    children = template.values() if isinstance(template, dict) else template
    if not isinstance(template, (dict, list)):
        return set()
    return {name for child in children for name in places(child)}
