"""Our side of a mapping: what the retailer's pages ask for."""

from integrations.sources import Source

from .versions import FormVersion

EXAMPLES = {
    "first_name": "Robin",
    "last_name": "de Vries",
    "email": "robin@example.com",
    "mobile": "+31612345678",
    "birthday": "1990-05-17",
}
ALWAYS = (
    Source("signup:id", "Sign-up's id", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    Source("signup:submitted_at", "Time of the sign-up", "2026-11-22T14:03:00Z"),
    Source("signup:page", "Title of the page", "Join the club"),
    Source("signup:language", "Language of the page", "en"),
)


def our_fields() -> list[Source]:
    """Every field of the newest version of each page, meanings once, then the sign-up's own."""
    newest = FormVersion.objects.order_by("page_id", "-number").distinct("page_id")
    found: dict[str, Source] = {}
    for version in newest:
        for field in version.fields:
            source = field_source(field)
            found.setdefault(source.key, source)
    return [*found.values(), *ALWAYS]


def field_source(field: dict) -> Source:
    if field["kind"] == "consent":
        return Source(f"consent:{field['purpose']}", f"Consent: {field['purpose']}", "yes")
    if field["meaning"]:
        return Source(f"meaning:{field['meaning']}", field["label"], EXAMPLES[field["meaning"]])
    options = field.get("options")
    return Source(f"field:{field['key']}", field["label"], options[0]["label"] if options else "…")
