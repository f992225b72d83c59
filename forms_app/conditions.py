"""Which fields a shopper sees: one evaluator, here and on the tablet (conditions.js).

Both are tested from one table, tests/conditions.json. A condition reads as a sentence ("Show
Birthday if Join the club is ticked"):

    {"match": "all" | "any", "rules": [{"field": key, "test": a key of TESTS, "value": text}]}
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

# test → what stands in the sentence
TESTS = {
    "ticked": "is ticked",
    "not_ticked": "is not ticked",
    "answered": "is filled in",
    "not_answered": "is not filled in",
    "is": "is",
    "is_not": "is not",
    "at_least": "is at least",
    "at_most": "is at most",
}
NEEDS_VALUE = frozenset({"is", "is_not", "at_least", "at_most"})

# Which tests fit which kinds of field.
_TICKED = frozenset({"ticked", "not_ticked"})
_ANSWERED = frozenset({"answered", "not_answered"})
_IS = _ANSWERED | {"is", "is_not"}
_NUMBERS = _IS | {"at_least", "at_most"}
TESTS_OF_KIND = {
    "consent": _TICKED,
    "yes_no": _IS,
    "choice": _IS,
    "choices": _IS,
    "heard_from": _IS,
    "store": _IS,
    "country": _IS,
    "number": _NUMBERS,
    "rating": _NUMBERS,
}


def tests_for(kind: str) -> frozenset[str]:
    """The tests that make sense for a field of this kind."""
    return TESTS_OF_KIND.get(kind, _ANSWERED)


def visible(fields: Iterable[Mapping], answers: Mapping[str, object]) -> set[str]:
    """The keys of the fields that are shown, given what has been answered.

    A hidden field counts as unanswered for the conditions that refer to it, whatever was typed
    before it was hidden. The editor refuses conditions that wait for each other.
    """
    conditions = {field["key"]: field.get("condition") for field in fields}
    shown: dict[str, bool] = {}

    def is_shown(key: str, path: tuple[str, ...] = ()) -> bool:
        if key not in conditions or key in path:
            return False
        if key not in shown:
            shown[key] = holds(conditions[key], answer, (*path, key))
        return shown[key]

    def answer(key: str, path: tuple[str, ...]) -> object:
        return answers.get(key) if is_shown(key, path) else None

    def holds(condition, answer_of, path) -> bool:
        if not condition or not condition["rules"]:
            return True
        results = (
            passes(rule["test"], answer_of(rule["field"], path), rule.get("value") or "")
            for rule in condition["rules"]
        )
        return any(results) if condition["match"] == "any" else all(results)

    return {key for key in conditions if is_shown(key)}


def passes(test: str, answer: object, value: str) -> bool:
    """Whether one rule holds for one answer, as it is stored."""
    blank = answer in (None, "", [])
    if test in ("ticked", "not_ticked"):
        return (answer is True) == (test == "ticked")
    if test in ("answered", "not_answered"):
        return blank == (test == "not_answered")
    if test in ("is", "is_not"):
        return equals(answer, value) == (test == "is")
    number, limit = as_number(answer), as_number(value)
    if number is None or limit is None:
        return False
    return number >= limit if test == "at_least" else number <= limit


def equals(answer: object, value: str) -> bool:
    """A list equals what it contains; yes and no are words; numbers are equal by value."""
    if isinstance(answer, list):
        return value in answer
    if isinstance(answer, bool):
        return value == ("yes" if answer else "no")
    if answer in (None, ""):
        return False
    number, other = as_number(answer), as_number(value)
    return number == other if number is not None and other is not None else answer == value


def as_number(value: object) -> Decimal | None:
    """The number in a text of plain digits, with one point and a minus at most; else None."""
    text = str(value if value is not None else "")
    return Decimal(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else None


def references(condition: Mapping | None) -> list[str]:
    """The keys of the fields that a condition looks at."""
    return [rule["field"] for rule in condition["rules"]] if condition else []


def problems(fields: Iterable[Mapping], kinds: Mapping[str, object]) -> dict[str, str]:
    """Field's key → what is wrong with its condition; `kinds` says in which one types anything."""
    fields = list(fields)
    by_key = {field["key"]: field for field in fields}
    found = {}
    for field in fields:
        message = problem(field, by_key, kinds)
        if message:
            found[field["key"]] = message
    graph = {field["key"]: references(field.get("condition")) for field in fields}
    for field in fields:
        if field["key"] not in found and in_circle(field["key"], graph):
            found[field["key"]] = "These conditions wait for each other in a circle."
    return found


def problem(field: Mapping, by_key: Mapping[str, Mapping], kinds: Mapping) -> str:
    for rule in (field.get("condition") or {}).get("rules", ()):
        other = by_key.get(rule["field"])
        if other is None:
            return "The field that this looks at isn't on the page any more. Choose another one."
        if other["key"] == field["key"]:
            return "A field can't wait for itself."
        if kinds[other["kind"]].form_field is None:
            return f"Nobody answers “{other['label'] or other['kind']}”. Choose a field."
        if rule["test"] not in tests_for(other["kind"]):
            return f"“{TESTS.get(rule['test'], rule['test'])}” doesn't fit “{other['label']}”."
        if message := value_problem(rule, other):
            return message
    return ""


def value_problem(rule: Mapping, other: Mapping) -> str:
    value = rule.get("value") or ""
    if rule["test"] not in NEEDS_VALUE:
        return ""
    options = {option["id"] for option in other.get("options", ())}
    if other["kind"] == "yes_no":
        options = {"yes", "no"}
    if options and value not in options:
        return f"“{other['label']}” has no such answer any more. Choose another one."
    if other["kind"] in ("number", "rating") and as_number(value) is None:
        return "Write a number."
    return "" if value else "Say what it is compared with."


def in_circle(start: str, graph: Mapping[str, list[str]]) -> bool:
    seen, left = set(), list(graph[start])
    while left:
        key = left.pop()
        if key == start:
            return True
        if key not in seen:
            seen.add(key)
            left += graph.get(key, [])
    return False
