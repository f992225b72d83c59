"""Templates as a person writes them, {First name} {Last name}, and as they are stored."""

from integrations.attribute_values import plain
from integrations.mapping import MEANINGS
from integrations.transforms import PLACEHOLDER, placeholders

from .mapping_rows import OurField


def to_words(template: str, ours: dict[str, OurField]) -> str:
    """The stored template with our labels, where a label means one field only."""
    labels = [plain(field.label) for field in ours.values()]
    sources = iter(placeholders(template))

    def label(_) -> str:
        source = next(sources)
        field = ours.get(source)
        if field is None or labels.count(plain(field.label)) > 1 or set("{}") & set(field.label):
            return f"{{{source.removeprefix('meaning:')}}}"
        return f"{{{field.label}}}"

    return PLACEHOLDER.sub(label, template)


def from_words(text: str, ours: dict[str, OurField]) -> str:
    """The template to store. Raises ValueError, in words, for a name that is no field's."""
    by_label: dict[str, str] = {}
    for field in ours.values():
        by_label.setdefault(plain(field.label), field.source)
    if not PLACEHOLDER.search(text):
        raise ValueError("Name at least one field in braces, such as {First name}.")

    def source(found) -> str:
        name = found[1].strip()
        # By what it is called in storage too: a field may be on no page just now.
        known = name if ":" in name else f"meaning:{name}" if name in MEANINGS else ""
        one = by_label.get(plain(name)) or known
        if one:
            return f"{{{one}}}"
        raise ValueError(f"No field is called {name or 'nothing'}.")

    return PLACEHOLDER.sub(source, text)
