"""Vendors' own OpenAPI files judge what our connectors send, and what our fakes answer.

A fake hands every exchange to `Contract.check`; the test's fixture asserts at its end that nothing
was found. The files are their vendors' and aren't in the repository: SPECS_DIR names the folder,
else ../shared/specs beside the checkout is taken, else what needs it is skipped.
"""

import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator, Mapping
from urllib.parse import parse_qsl

import pytest
import yaml
from openapi_schema_validator import OAS30Validator, OAS31Validator

CHECKOUT = Path(__file__).parents[2]
SPECS = Path(os.environ.get("SPECS_DIR") or CHECKOUT / "../shared/specs")


class Contract:
    """The OpenAPI files of one vendor.

    `strict` also refuses what a schema doesn't name: a misspelt attribute is valid JSON Schema.
    `undescribed` are exchanges on which the files are silent, "METHOD /path status" → where the
    vendor describes it; a path may end with *. Anything else that the files don't describe is a
    finding.
    """

    def __init__(
        self, vendor: str, *, strict: bool = True, undescribed: Mapping[str, str] | None = None
    ) -> None:
        folder = SPECS / vendor
        if not folder.is_dir():
            pytest.skip(f"{vendor}'s OpenAPI files aren't here: SPECS_DIR names the folder")
        self.documents = [_document(path) for path in sorted(folder.iterdir()) if _is_spec(path)]
        self.strict = strict
        self.undescribed = dict(undescribed or {})
        self.findings: list[str] = []
        self.checked = 0
        self.used: set[str] = set()

    def check(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Any,
        status: int,
        answer: Any,
    ) -> None:
        """One exchange: bodies as parsed JSON, None for none; `target` is path and query."""
        path, _, query = target.partition("?")
        silent = self._silent(f"{method} {path} {status}")
        document, operation = self._operation(method, path)
        if silent:
            self.used.add(silent)
            return
        self.checked += 1
        where = f"{method} {path} → {status}"
        if operation is None:
            self.findings.append(f"{where}: the files describe no such call")
            return
        self._request(document, operation, headers, dict(parse_qsl(query)), body, where)
        self._answer(document, operation, status, answer, where)

    def _silent(self, exchange: str) -> str:
        for pattern in self.undescribed:
            if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), exchange):
                return pattern
        return ""

    def _operation(self, method: str, path: str) -> tuple[dict, dict | None]:
        """The described call; a literal path wins over one with parameters."""
        found: list[tuple[int, dict, dict]] = []
        for document in self.documents:
            for template, methods in document["paths"].items():
                parts = re.split(r"\{[^}]+\}", _base(document) + template)
                pattern = "[^/]+".join(re.escape(part) for part in parts)
                if method.lower() in methods and re.fullmatch(pattern, path):
                    found.append((len(parts), document, methods[method.lower()]))
        if not found:
            return {}, None
        _, document, operation = min(found, key=lambda one: one[0])
        return document, operation

    def _request(
        self,
        document: dict,
        operation: dict,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        body: Any,
        where: str,
    ) -> None:
        known = {name.lower() for name in headers}
        declared = set()
        for parameter in operation.get("parameters", ()):
            parameter = _resolved(document, parameter)
            name, place = parameter["name"], parameter["in"]
            declared.add(name)
            missing = (place == "query" and name not in query) or (
                place == "header" and name.lower() not in known
            )
            if parameter.get("required") and missing:
                self.findings.append(f"{where}: the {place} parameter {name} is missing")
            schema = parameter.get("schema", {})
            one_of = schema.get("enum") or schema.get("items", {}).get("enum")
            if place == "query" and name in query and one_of:
                # Several values of an array stand with commas between.
                given = query[name].split(",") if "items" in schema else [query[name]]
                if not set(given) <= set(one_of):
                    self.findings.append(f"{where}: {name} can't be {query[name]!r}")
        for name in set(query) - declared:
            if self.strict:
                self.findings.append(f"{where}: there is no query parameter {name}")
        described = operation.get("requestBody")
        if described is None:
            if body is not None:
                self.findings.append(f"{where}: this call has no body")
            return
        content = _resolved(document, described)["content"]
        kind = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
        if kind.partition(";")[0] not in content:
            self.findings.append(f"{where}: the body is {kind or 'nothing'}, not {list(content)}")
        self._valid(document, next(iter(content.values())), body, f"{where} request")

    def _answer(
        self, document: dict, operation: dict, status: int, answer: Any, where: str
    ) -> None:
        described = operation["responses"]
        for name in (str(status), f"{status // 100}XX", "default"):
            # HubSpot's "default" is its shape of an error: it says nothing about a success.
            if name in described and (name != "default" or status >= 400):
                content = _resolved(document, described[name]).get("content")
                break
        else:
            self.findings.append(f"{where}: the files describe no such answer")
            return
        if content:
            self._valid(document, next(iter(content.values())), answer, f"{where} answer")
        elif answer is not None:
            self.findings.append(f"{where}: this answer has no body")

    def _valid(self, document: dict, media: dict, value: Any, where: str) -> None:
        closed = self.strict and where.endswith("request")
        key = (id(media), closed)
        if key not in _validators:  # with what it was made of, so that the id stays its own
            _validators[key] = (_validator(document, media["schema"], closed), media)
        checker = _validators[key][0]
        for error in checker.iter_errors(value):
            for deepest in _leaves(error):
                place = "/".join(str(part) for part in deepest.absolute_path)
                self.findings.append(f"{where}: {place}: {deepest.message[:300]}")


def judge(vendor: str, **options: Any) -> Contract | None:
    """The vendor's contract, or None where the files aren't: what a connector does is tested all
    the same, and test_contract.py says what is skipped."""
    return Contract(vendor, **options) if (SPECS / vendor).is_dir() else None


def _leaves(error: Any) -> Iterator[Any]:
    if not error.context:
        yield error
    for one in error.context or ():
        yield from _leaves(one)


def _is_spec(path: Path) -> bool:
    return path.suffix in (".json", ".yml")


@lru_cache(maxsize=None)
def _document(path: Path) -> dict:
    text = path.read_text(encoding="utf-8")
    return _without_examples(yaml.safe_load(text) if path.suffix == ".yml" else json.loads(text))


def _without_examples(value: Any) -> Any:
    """HubSpot writes "example": null everywhere, which no dialect allows; a property of that name
    is an object, and stays."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k != "example" or isinstance(v, dict)}
        return {k: _without_examples(v) for k, v in kept.items()}
    return [_without_examples(one) for one in value] if isinstance(value, list) else value


def _base(document: dict) -> str:
    """The path of the server's address: /v3 of https://api.brevo.com/v3."""
    return re.sub(r"https?://[^/]+", "", document["servers"][0]["url"]).rstrip("/")


def _resolved(document: dict, value: dict) -> dict:
    if "$ref" not in value:
        return value
    for part in value["$ref"].removeprefix("#/").split("/"):
        document = document[part]
    return document


_validators: dict[tuple[int, bool], tuple[Any, dict]] = {}


def _validator(document: dict, schema: dict, closed: bool) -> Any:
    """`closed`: objects hold only what the schema names."""
    # The components travel along, so that "#/components/…" leads somewhere.
    whole = {"allOf": [schema], "components": document.get("components", {})}
    dialect = OAS31Validator if document["openapi"] >= "3.1" else OAS30Validator
    whole = _close(whole) if closed else whole
    return dialect(whole, format_checker=dialect.FORMAT_CHECKER)


def _close(value: Any) -> Any:
    if isinstance(value, list):
        return [_close(one) for one in value]
    if not isinstance(value, dict):
        return value
    closed = {name: _close(one) for name, one in value.items()}
    if value.get("type") == "object" and value.get("properties"):
        closed.setdefault("additionalProperties", False)
    return closed
