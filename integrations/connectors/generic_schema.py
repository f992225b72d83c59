"""Attributes from a JSON Schema (draft 4 to 2020-12), as an OpenAPI document holds them, too."""

from collections.abc import Mapping
from typing import Any

from integrations.connectors.base import Attribute

# (type, format) → ours; the format alone decides where it is known.
FORMATS = {"email": "email", "date": "date", "phone": "phone", "tel": "phone"}
TYPES = {"boolean": "boolean", "integer": "number", "number": "number", "array": "list"}
DEEPEST = 8  # references that lead to references


def attributes(schema: Any, whole: Any) -> list[Attribute]:
    """Of an object's properties. `whole` is the document that references point into. Raises
    TypeError or KeyError for what is no schema.
    """
    schema = resolved(schema, whole)
    required = set(schema.get("required", ()))
    return [
        attribute(name, resolved(told, whole), name in required)
        for name, told in schema["properties"].items()
    ]


def attribute(name: str, told: Mapping[str, Any], required: bool) -> Attribute:
    listed = told.get("enum") or ([told["const"]] if "const" in told else [])
    options = tuple((str(one), str(one)) for one in listed if one is not None)
    return Attribute(
        name=name,
        label=str(told.get("title") or name),
        type="choice" if options else type_of(told),
        required=required,
        unique=name == "email",
        writable=told.get("readOnly") is not True,
        options=options,
    )


def type_of(told: Mapping[str, Any]) -> str:
    if told.get("format") in FORMATS:
        return FORMATS[told["format"]]
    kinds = told.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    for kind in kinds:
        if kind in TYPES:
            return TYPES[kind]
    return "string"


def resolved(told: Any, whole: Any) -> Mapping[str, Any]:
    """Without references, and of “this or null” the this."""
    for _ in range(DEEPEST):
        if "$ref" in told:
            told = pointed_at(str(told["$ref"]), whole)
            continue
        for word in ("anyOf", "oneOf", "allOf"):
            others = [one for one in told.get(word, ()) if one.get("type") != "null"]
            if len(others) == 1:
                told = {**{key: value for key, value in told.items() if key != word}, **others[0]}
                break
        else:
            return told
    raise KeyError("references lead in a circle")


def pointed_at(reference: str, whole: Any) -> Any:
    """Inside the document only: other addresses are nothing to follow."""
    if not reference.startswith("#/"):
        raise KeyError(reference)
    found = whole
    for part in reference[2:].split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found
