"""From a sign-up to a CRM record: mapping rows are data, and one pure function applies them.

A row says where a value comes from (source), where it goes (attribute) and how it meets what is
there (mode). Sources:

    meaning:<meaning>                    the first filled-in field of this meaning
    field:<key>                          one field, by its key
    consent:<purpose>                    true if every box of this purpose was ticked, else false
    consent:<purpose>:wording            what the shopper agreed to; nothing unless given
    consent:<purpose>:recorded_at        when; nothing unless given
    signup:id|language|submitted_at|page
"""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Iterable, Mapping, Sequence

from integrations.attribute_values import convert, is_blank, plain, readable
from integrations.connectors.base import Attribute, Identity, MappedValue, Record

MODES = ("overwrite", "only_if_empty", "append")
MEANINGS = (
    "email",
    "first_name",
    "last_name",
    "mobile",
    "birthday",
    "postcode",
    "loyalty_number",
    "store",
)
_SOURCE = re.compile(
    r"meaning:[a-z_]+|field:[\w-]+|consent:[a-z_]+(:wording|:recorded_at)?"
    r"|signup:(id|language|submitted_at|page)"
)


class MappingError(ValueError):
    """Stored or typed mapping data that isn't a mapping."""


@dataclass(frozen=True)
class Answer:
    """One field of one sign-up, as stored. `value` is normalised: E.164 phone, ISO date
    ("1990-05-17", or "--05-17" without a year), option ids for choices. `label` is the wording
    the shopper saw, `options` lead from option id to label."""

    key: str
    meaning: str
    kind: str
    label: str
    value: str | bool | list[str] | None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsentGiven:
    """One consent box of one sign-up, ticked or not."""

    key: str
    purpose: str
    wording: str
    language: str
    given: bool
    recorded_at: datetime
    form_version: int


@dataclass(frozen=True)
class SignupData:
    """One sign-up, as stored."""

    id: str
    submitted_at: datetime
    language: str
    page: str
    is_test: bool
    answers: tuple[Answer, ...]
    consents: tuple[ConsentGiven, ...] = ()


@dataclass(frozen=True)
class MappingRow:
    source: str
    attribute: str
    mode: str = "overwrite"


def rows_from_json(data: object) -> tuple[MappingRow, ...]:
    """Rows from stored JSON, a list of {"source", "attribute", "mode"?}. Raises MappingError."""
    if not isinstance(data, list):
        raise MappingError("A mapping is a list of rows.")
    rows = []
    for number, item in enumerate(data, start=1):
        if not isinstance(item, dict) or set(item) - {"source", "attribute", "mode"}:
            raise MappingError(f"Row {number}: only source, attribute and mode belong there.")
        source, attribute = item.get("source"), item.get("attribute")
        mode = item.get("mode", "overwrite")
        if not isinstance(source, str) or not _SOURCE.fullmatch(source):
            raise MappingError(f"Row {number}: {source!r} isn't a source.")
        if not isinstance(attribute, str) or not attribute.strip():
            raise MappingError(f"Row {number}: the attribute is missing.")
        if mode not in MODES:
            raise MappingError(f"Row {number}: {mode!r} isn't one of {', '.join(MODES)}.")
        rows.append(MappingRow(source, attribute, mode))
    return tuple(rows)


def rows_to_json(rows: Iterable[MappingRow]) -> list[dict[str, str]]:
    return [{"source": r.source, "attribute": r.attribute, "mode": r.mode} for r in rows]


def map_signup(
    data: SignupData, rows: Iterable[MappingRow], attributes: Sequence[Attribute] = ()
) -> Record:
    """The record that a CRM with these attributes gets; without attributes, values keep their
    natural type. Blank values are left out, so blank never overwrites.

    Rows apply in order: several rows to one attribute behave as if each were delivered after
    the other. A value that its attribute can't hold is left out and named in `left_out`.
    A row to an attribute that the CRM no longer lists is kept: the CRM shall say so, aloud.
    """
    known = {attribute.name: attribute for attribute in attributes}
    values: dict[str, MappedValue] = {}
    left_out: dict[str, str] = {}
    for row in rows:
        attribute = known.get(row.attribute)
        value = _source_value(data, row.source)
        if is_blank(value):
            continue
        if attribute is not None:
            if not attribute.writable:
                left_out[row.attribute] = "The CRM doesn't let this attribute be written."
                continue
            value, reason = convert(value, attribute)
            if reason:
                left_out[row.attribute] = reason
            if is_blank(value):
                continue
        new = _mapped(value, row.mode, attribute)
        old = values.get(row.attribute)
        values[row.attribute] = new if old is None else _after(old, new)
    return Record(
        ref=data.id,
        identity=_identity(data),
        values=values,
        consents=data.consents,
        is_test=data.is_test,
        language=data.language,
        submitted_at=data.submitted_at,
        left_out=left_out,
    )


def default_rows(
    attributes: Sequence[Attribute], hints: Mapping[str, str]
) -> tuple[MappingRow, ...]:
    """The mapping that a new connection starts with: the connector's hints, then meanings whose
    name equals an attribute's name or label. Without attributes the hints stand as they are."""
    writable = [attribute for attribute in attributes if attribute.writable]
    names = {attribute.name for attribute in writable}
    rows = [
        MappingRow(source, name)
        for source, name in hints.items()
        if not attributes or name in names
    ]
    sources, taken = {row.source for row in rows}, {row.attribute for row in rows}
    for meaning in MEANINGS:
        for attribute in writable:
            same = plain(meaning) in (plain(attribute.name), plain(attribute.label))
            if same and f"meaning:{meaning}" not in sources and attribute.name not in taken:
                rows.append(MappingRow(f"meaning:{meaning}", attribute.name))
                sources.add(f"meaning:{meaning}")
                taken.add(attribute.name)
    return tuple(rows)


def unmapped_required(
    rows: Iterable[MappingRow], attributes: Iterable[Attribute]
) -> list[Attribute]:
    """The attributes without which the CRM refuses every contact, and that no row fills."""
    filled = {row.attribute for row in rows}
    return [a for a in attributes if a.required and a.writable and a.name not in filled]


def merge(values: Mapping[str, MappedValue], existing: Mapping[str, object]) -> dict[str, object]:
    """What to send, given what the CRM holds: overwrite always, only_if_empty where nothing is
    there, append what isn't there yet. What would change nothing by its mode is left out."""
    result: dict[str, object] = {}
    for name, mapped in values.items():
        old = existing.get(name)
        if is_blank(mapped.value):
            continue
        if mapped.mode == "overwrite" or is_blank(old):
            result[name] = mapped.value
            if mapped.mode == "append" and isinstance(mapped.value, (list, tuple)):
                result[name] = _append([], mapped.value, mapped.separator)
        elif mapped.mode == "append":
            joined = _append(old, mapped.value, mapped.separator)
            if joined != old:
                result[name] = joined
    return result


def combine(records: Sequence[Record]) -> Record:
    """Several sign-ups of one person as one record: as if delivered one after the other, so the
    later one wins. Its ref and consents are the last one's."""
    values: dict[str, MappedValue] = {}
    for record in records:
        for name, new in record.values.items():
            old = values.get(name)
            values[name] = new if old is None else _after(old, new)
    return replace(
        records[-1],
        values=values,
        is_test=all(record.is_test for record in records),
        remote_id=next((r.remote_id for r in reversed(records) if r.remote_id), ""),
    )


def _identity(data: SignupData) -> Identity:
    """E-mail, else phone, else the sign-up itself. Lower case and not casefold(): that one
    turns straße@ into strasse@, and two strangers into one contact."""
    email = _source_value(data, "meaning:email")
    if isinstance(email, str) and "@" in email:
        return Identity("email", unicodedata.normalize("NFC", email.strip()).lower())
    mobile = _source_value(data, "meaning:mobile")
    if isinstance(mobile, str) and mobile.startswith("+"):
        return Identity("phone", mobile.strip())
    return Identity("external", data.id)


def _source_value(data: SignupData, source: str) -> object:
    kind, _, name = source.partition(":")
    if kind == "signup":
        return getattr(data, name)
    if kind == "consent":
        return _consent_value(data, *name.split(":"))
    for answer in data.answers:
        if (answer.meaning if kind == "meaning" else answer.key) == name:
            value = _natural(answer)
            if not is_blank(value):
                return value
    return None


def _consent_value(data: SignupData, purpose: str, part: str = "") -> object:
    consents = [consent for consent in data.consents if consent.purpose == purpose]
    if not consents:
        return None
    given = all(consent.given for consent in consents)  # never claim more than was given
    if not part:
        return given
    if not given:
        return None
    if part == "recorded_at":
        return max(consent.recorded_at for consent in consents)
    return "\n".join(consent.wording for consent in consents)


def _natural(answer: Answer) -> object:
    """The stored value as a person would read it: labels instead of option ids."""
    if isinstance(answer.value, list):
        return [answer.options.get(one, one) for one in answer.value]
    if isinstance(answer.value, str):
        return answer.options.get(answer.value, answer.value)
    return answer.value


def _mapped(value: object, mode: str, attribute: Attribute | None) -> MappedValue:
    if attribute is None:
        return MappedValue(readable(value), mode)
    if attribute.type not in ("string", "text", "list"):
        # One e-mail, date or number can't be appended to another: the newer one counts.
        mode = "overwrite" if mode == "append" else mode
    return MappedValue(value, mode, "\n" if attribute.type == "text" else ", ")


def _after(old: MappedValue, new: MappedValue) -> MappedValue:
    """The one value that does what delivering `old` and then `new` would do."""
    if new.mode == "overwrite":
        return new
    if new.mode == "only_if_empty":
        return old
    mode = "overwrite" if old.mode == "overwrite" else "append"
    return MappedValue(_append(old.value, new.value, new.separator), mode, new.separator)


def _append(old: object, new: object, separator: str) -> object:
    """Old and new together, nothing twice; a list stays a list, what isn't text is replaced."""
    if isinstance(old, (list, tuple)):
        new = [new] if isinstance(new, str) else new
        if isinstance(new, (list, tuple)):
            joined = list(old)
            for one in new:
                if one not in joined:
                    joined.append(one)
            return joined
    if isinstance(old, str):
        parts = list(new) if isinstance(new, (list, tuple)) else [new]
        for part in (str(part) for part in parts):
            if f"{separator}{part}{separator}" not in f"{separator}{old}{separator}":
                old = f"{old}{separator}{part}"
        return old
    return new
