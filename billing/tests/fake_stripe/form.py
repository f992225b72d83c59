"""Stripe's form encoding: `items[0][price]=p&metadata[a]=b` → nested dicts and lists."""

import re
from urllib.parse import parse_qsl

PART = re.compile(r"\[([^\]]*)\]")


def parse(encoded: str) -> dict:
    found: dict = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, *_ = name.split("[", 1)
        put(found, [head, *PART.findall(name)], value)
    return listed(found)


def put(target: dict, path: list[str], value: str) -> None:
    for part in path[:-1]:
        target = target.setdefault(part, {})
    last = path[-1] or str(len(target))  # expand[]=a&expand[]=b
    target[last] = value


def listed(value):
    """Dicts whose keys are 0, 1, 2 … become lists."""
    if not isinstance(value, dict):
        return value
    inner = {key: listed(each) for key, each in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
