"""From a sign-up to a CRM record: mapping rows are data, and one pure function applies them.

A row says where a value comes from (source), where it goes (attribute), how it meets what is
there (mode), what is done to it on the way (transform, see integrations.transforms), and what is
sent instead of a blank (default).
The sources are those of integrations.signup_data; a constant or a template has none.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integrations import transforms
from integrations.attribute_values import convert, fits, is_blank, plain, readable, to_text
from integrations.connectors.base import Attribute, Identity, MappedValue, Record
from integrations.consent_rows import ConsentRow, given_targets
from integrations.merging import after, combine, merge
from integrations.signup_data import Answer, ConsentGiven, SignupData, source_value
from integrations.sources import Source
from integrations.transforms import MappingError, Transform

# Beside what stands below: whoever deals with mappings finds these here.
__all__ = ["Answer", "ConsentGiven", "MappingError", "SignupData", "combine", "merge"]

MODES = ("overwrite", "only_if_empty", "append")
# In the order in which they are looked for; each with the type of its values.
MEANINGS = {
    "email": "email",
    "first_name": "text",
    "last_name": "text",
    "full_name": "text",
    "mobile": "phone",
    "birthday": "birthday",
    "postcode": "text",
    "address": "text",
    "country": "country",
    "company": "text",
    "loyalty_number": "text",
    "heard_from": "choice",
    "store": "choice",
    "staff_code": "text",
}
_SOURCE = re.compile(
    r"meaning:[a-z_]+|field:[\w-]+|consent:[a-z_]+(:wording|:recorded_at)?"
    r"|signup:(id|language|submitted_at|page)"
)
_ROW_KEYS = {"source", "attribute", "mode", "transform", "default"}


@dataclass(frozen=True)
class MappingRow:
    """`source` is "" where the transform is a constant or a template."""

    source: str
    attribute: str
    mode: str = "overwrite"
    transform: Transform | None = None
    default: str = ""


def rows_from_json(data: object) -> tuple[MappingRow, ...]:
    """Rows from stored JSON, a list of {"source", "attribute", "mode"?, "transform"?, "default"?}.
    Raises MappingError."""
    if not isinstance(data, list):
        raise MappingError("A mapping is a list of rows.")
    return tuple(_row(number, item) for number, item in enumerate(data, start=1))


def _row(number: int, item: object) -> MappingRow:
    if not isinstance(item, dict) or set(item) - _ROW_KEYS:
        raise MappingError(f"Row {number}: only {', '.join(sorted(_ROW_KEYS))} belong there.")
    source, attribute = item.get("source", ""), item.get("attribute")
    mode, default = item.get("mode", "overwrite"), item.get("default", "")
    try:
        stored = item.get("transform")
        transform = None if stored is None else transforms.from_json(stored)
    except MappingError as error:
        raise MappingError(f"Row {number}: {error}") from error
    if transform is not None and transform.kind in transforms.SOURCELESS:
        named = transforms.placeholders(transform.argument)
        if source or (transform.kind == "template" and not named):
            raise MappingError(f"Row {number}: a {transform.kind} takes its own text only.")
        checked = named if transform.kind == "template" else []
    else:
        checked = [source]
    for one in checked:
        if not isinstance(one, str) or not _SOURCE.fullmatch(one):
            raise MappingError(f"Row {number}: {one!r} isn't a source.")
    if not isinstance(attribute, str) or not attribute.strip():
        raise MappingError(f"Row {number}: the attribute is missing.")
    if mode not in MODES:
        raise MappingError(f"Row {number}: {mode!r} isn't one of {', '.join(MODES)}.")
    if not isinstance(default, str) or len(default) > transforms.LONGEST:
        raise MappingError(f"Row {number}: what is sent instead of a blank must be a short text.")
    return MappingRow(source, attribute, mode, transform, default)


def rows_to_json(rows: Iterable[MappingRow]) -> list[dict[str, object]]:
    stored = []
    for row in rows:
        item: dict[str, object] = {
            "source": row.source,
            "attribute": row.attribute,
            "mode": row.mode,
        }
        if row.transform is not None:
            item["transform"] = row.transform.to_json()
        if row.default:
            item["default"] = row.default
        stored.append(item)
    return stored


def map_signup(
    data: SignupData,
    rows: Iterable[MappingRow],
    attributes: Sequence[Attribute] = (),
    consents: Iterable[ConsentRow] = (),
) -> Record:
    """The record that a CRM with these attributes gets; without attributes, values keep their
    natural type. Blank values are left out, so blank never overwrites; a default stands in only
    where the CRM holds nothing, for the same reason.

    Rows apply in order: several rows to one attribute behave as if each were delivered after
    the other. A value that its attribute can't hold is left out and named in `left_out`.
    A row to an attribute that the CRM no longer lists is kept: the CRM shall say so, aloud.
    """
    known = {attribute.name: attribute for attribute in attributes}
    values: dict[str, MappedValue] = {}
    left_out: dict[str, str] = {}
    for row in rows:
        attribute, mode = known.get(row.attribute), row.mode
        value, reason = _row_value(data, row)
        if reason:
            left_out[row.attribute] = reason
        elif is_blank(value):
            value, mode = row.default, "only_if_empty"
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
        new = _mapped(value, mode, attribute)
        old = values.get(row.attribute)
        values[row.attribute] = new if old is None else after(old, new)
    return Record(
        ref=data.id,
        identity=_identity(data),
        values=values,
        consents=data.consents,
        consent_targets=given_targets(data.consents, consents),
        is_test=data.is_test,
        language=data.language,
        submitted_at=data.submitted_at,
        left_out=left_out,
    )


def default_rows(
    attributes: Sequence[Attribute], hints: Mapping[str, str], ours: Iterable[Source] = ()
) -> tuple[MappingRow, ...]:
    """The mapping that a new connection starts with: the connector's hints, then meanings and
    `ours` whose name equals an attribute's name or label and that it can hold. Without attributes
    the hints stand as they are."""
    writable = [attribute for attribute in attributes if attribute.writable]
    names = {attribute.name for attribute in writable}
    rows = [
        MappingRow(source, name)
        for source, name in hints.items()
        if not attributes or name in names
    ]
    sources, taken = {row.source for row in rows}, {row.attribute for row in rows}
    candidates = [(f"meaning:{name}", name, type) for name, type in MEANINGS.items()]
    candidates += [(source.key, source.label, source.type) for source in ours]
    for source, name, type in candidates:
        for attribute in writable:
            same = plain(name) in (plain(attribute.name), plain(attribute.label))
            free = source not in sources and attribute.name not in taken
            if same and free and not fits(type, attribute):
                rows.append(MappingRow(source, attribute.name))
                sources.add(source)
                taken.add(attribute.name)
    return tuple(rows)


def unmapped_required(
    rows: Iterable[MappingRow], attributes: Iterable[Attribute]
) -> list[Attribute]:
    """The attributes without which the CRM refuses every contact, and that no row fills."""
    filled = {row.attribute for row in rows}
    return [a for a in attributes if a.required and a.writable and a.name not in filled]


def _identity(data: SignupData) -> Identity:
    """E-mail, else phone, else the sign-up itself. Lower case and not casefold(): that one
    turns straße@ into strasse@, and two strangers into one contact."""
    email = source_value(data, "meaning:email")
    if isinstance(email, str) and "@" in email:
        return Identity("email", unicodedata.normalize("NFC", email.strip()).lower())
    mobile = source_value(data, "meaning:mobile")
    if isinstance(mobile, str) and mobile.startswith("+"):
        return Identity("phone", mobile.strip())
    return Identity("external", data.id)


def _row_value(data: SignupData, row: MappingRow) -> tuple[object, str]:
    """(the value that a row sends, why it or a part of it had to be left out)."""
    transform = row.transform
    if transform is None:
        return source_value(data, row.source), ""
    if transform.kind == "constant":
        return transform.argument, ""
    if transform.kind == "template":
        named = transforms.placeholders(transform.argument)
        found = {source: source_value(data, source) for source in named}
        texts = {name: "" if is_blank(one) else to_text(one) for name, one in found.items()}
        return transforms.filled_in(transform.argument, texts), ""
    value = source_value(data, row.source, natural=transform.kind != "options")
    return (None, "") if is_blank(value) else transforms.apply(transform, value, data.labels)


def _mapped(value: object, mode: str, attribute: Attribute | None) -> MappedValue:
    if attribute is None:
        return MappedValue(readable(value), mode)
    if attribute.type not in ("string", "text", "list"):
        # One e-mail, date or number can't be appended to another: the newer one counts.
        mode = "overwrite" if mode == "append" else mode
    return MappedValue(value, mode, "\n" if attribute.type == "text" else ", ")
