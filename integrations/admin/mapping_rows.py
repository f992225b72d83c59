"""What the mapping editor lists: our fields, and stored rows whose field is on no page now."""

from collections.abc import Iterable
from dataclasses import dataclass

from integrations.mapping import MEANINGS, MappingRow
from integrations.sources import our_fields

WORDS = {"constant": "A fixed text", "template": "Several fields together"}


@dataclass(frozen=True)
class OurField:
    """`source` is a mapping row's source, or constant or template for what needs none. `sample` is
    what the newest sign-up says if `said`, else an example. `on_a_page` is false for what no
    published page asks at the moment."""

    source: str
    label: str
    sample: str
    type: str = "text"
    options: tuple[tuple[str, str], ...] = ()
    on_a_page: bool = True
    said: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether a shopper gives it, rather than the sign-up bringing it along."""
        kind, _, name = self.source.partition(":")
        return kind in ("meaning", "field") or (kind == "consent" and ":" not in name)


def catalogue() -> dict[str, OurField]:
    """Everything that can be sent right now, by source."""
    found: dict[str, OurField] = {}
    for one in our_fields():
        field = OurField(one.key, one.label, one.sample, one.type, one.options)
        found.setdefault(one.key, field)
    return found


def field_of(source: str, ours: dict[str, OurField]) -> OurField:
    if source in WORDS:
        return OurField(source, WORDS[source], "")
    return ours.get(source) or OurField(
        source, _name(source), "", type=_type(source), on_a_page=False
    )


def _name(source: str) -> str:
    kind, _, name = source.partition(":")
    if kind == "field":
        return "A field that was removed"
    words = name.replace("_", " ").replace(":", ", ")
    return f"Consent: {words}" if kind == "consent" else words.capitalize()


def _type(source: str) -> str:
    """What is known of a field that no page asks now: nothing, of one without a meaning."""
    kind, _, name = source.partition(":")
    if kind == "consent":
        part = name.partition(":")[2]
        return {"wording": "long_text", "recorded_at": "moment"}.get(part, "consent")
    return MEANINGS.get(name, "text") if kind == "meaning" else ""


def pseudo_source(row: MappingRow) -> str:
    """What the form calls the source of a row: its transform's kind where it needs none."""
    return row.transform.kind if row.transform and not row.source else row.source


def rows_to_edit(
    ours: dict[str, OurField], stored: Iterable[MappingRow], required: Iterable[str] = ()
) -> list[MappingRow]:
    """One row per field of ours, more where it goes to several attributes; then the rest: fixed
    texts, fields on no page. Required attributes that nothing fills get a row without a source."""
    stored = tuple(stored)
    by_source: dict[str, list[MappingRow]] = {}
    for row in stored:
        by_source.setdefault(pseudo_source(row), []).append(row)
    rows = []
    for source in ours:
        rows += by_source.pop(source, None) or [MappingRow(source, "")]
    for left in by_source.values():
        rows += left
    filled = {row.attribute for row in stored}
    return rows + [MappingRow("", name) for name in required if name not in filled]
