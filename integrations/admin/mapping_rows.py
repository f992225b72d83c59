"""What the mapping editor lists: our fields, and stored rows whose field is on no page now."""

from collections.abc import Iterable
from dataclasses import dataclass

from integrations.mapping import MappingRow
from integrations.sources import Source, our_fields

# A consent carries more than yes or no.
_CONSENT_DETAILS = (
    ("wording", "exact words", "Yes, send me news by e-mail."),
    ("recorded_at", "time", "2026-11-22T14:03:00Z"),
)


@dataclass(frozen=True)
class OurField:
    """`on_a_page` is false for what no published page asks at the moment."""

    source: str
    label: str
    sample: str
    on_a_page: bool = True


def catalogue() -> dict[str, OurField]:
    """Everything that can be sent right now, by source."""
    found: dict[str, OurField] = {}
    for field in our_fields():
        for source in (field, *_consent_details(field)):
            found.setdefault(source.key, OurField(source.key, source.label, source.sample))
    return found


def _consent_details(field: Source) -> list[Source]:
    if not field.key.startswith("consent:") or field.key.count(":") > 1:
        return []
    return [
        Source(f"{field.key}:{part}", f"{field.label}, {words}", sample)
        for part, words, sample in _CONSENT_DETAILS
    ]


def field_of(source: str, ours: dict[str, OurField]) -> OurField:
    return ours.get(source) or OurField(source, _name(source), "", on_a_page=False)


def _name(source: str) -> str:
    kind, _, name = source.partition(":")
    if kind == "field":
        return "A field that was removed"
    words = name.replace("_", " ").replace(":", ", ")
    return f"Consent: {words}" if kind == "consent" else words.capitalize()


def rows_to_edit(ours: dict[str, OurField], stored: Iterable[MappingRow]) -> list[dict]:
    """One row per field of ours, more where it goes to several attributes; then the rest."""
    by_source: dict[str, list[MappingRow]] = {}
    for row in stored:
        by_source.setdefault(row.source, []).append(row)
    rows = []
    for source in ours:
        rows += by_source.pop(source, None) or [MappingRow(source, "")]
    for left in by_source.values():
        rows += left
    return [{"source": row.source, "attribute": row.attribute, "mode": row.mode} for row in rows]
