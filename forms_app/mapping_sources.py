"""Our side of a mapping: what the retailer's pages ask for."""

from integrations.sources import ConsentSource, Source

from .kinds import KINDS
from .stores import Store
from .versions import FormVersion

EXAMPLES = {
    "first_name": "Robin",
    "last_name": "de Vries",
    "full_name": "Robin de Vries",
    "email": "robin@example.com",
    "mobile": "+31612345678",
    "birthday": "1990-05-17",
    "postcode": "1012 AB",
    "address": "Damrak 1",
    "country": "NL",
    "company": "De Vries Ltd",
    "loyalty_number": "20045871",
    "heard_from": "A friend",
    "store": "High Street",
    "staff_code": "17",
}
# What the values of a kind are, where it isn't a text; see attribute_values.SOURCE_TYPES.
TYPES = {
    "email": "email",
    "mobile": "phone",
    "birthday": "birthday",
    "country": "country",
    "heard_from": "choice",
    "store": "choice",
    "long_text": "long_text",
    "number": "number",
    "rating": "number",
    "date": "date",
    "choice": "choice",
    "choices": "choices",
    "yes_no": "yes_no",
}
SAMPLES = {"number": "3", "rating": "5", "date": "2026-11-22", "yes_no": "yes"}
ALWAYS = (
    Source("signup:id", "Sign-up's id", "6f9619ff-8b86-d011-b42d-00cf4fc964ff"),
    Source("signup:submitted_at", "Time of the sign-up", "2026-11-22T14:03:00Z", "moment"),
    Source("signup:page", "Title of the page", "Join the club"),
    Source("signup:language", "Language of the page", "en"),
)


def our_fields() -> list[Source]:
    """Every field of the newest version of each page, meanings once, then the sign-up's own."""
    found: dict[str, Source] = {}
    for version in newest_versions():
        for field in version.fields:
            for source in field_sources(field):
                found.setdefault(source.key, source)
    store = Store.objects.filter(is_archived=False).first()
    if store is not None:  # a paired tablet knows its own, whether or not a page asks
        source = Source("meaning:store", "Store", store.name, "choice")
        found.setdefault(source.key, source)
    return [*found.values(), *ALWAYS]


def our_consents() -> list[ConsentSource]:
    """Every consent box of every page that is live."""
    return [
        ConsentSource(field["key"], field["purpose"], field["label"], str(version.page.title))
        for version in newest_versions().filter(page__live=True).select_related("page")
        for field in version.fields
        if field["kind"] == "consent"
    ]


def home_country() -> str:
    newest = FormVersion.objects.order_by("-created_at").first()
    return newest.country if newest else ""


def newest_versions():
    return FormVersion.objects.order_by("page_id", "-number").distinct("page_id")


def field_sources(field: dict) -> list[Source]:
    """What this field offers; nothing for a heading or a picture."""
    kind = field["kind"]
    if kind == "consent":
        purpose = f"consent:{field['purpose']}"
        words = f"Consent: {field['purpose'].replace('_', ' ')}"
        return [
            Source(purpose, words, "yes", "consent"),
            Source(f"{purpose}:wording", f"{words}, exact words", field["label"], "long_text"),
            Source(f"{purpose}:recorded_at", f"{words}, time", "2026-11-22T14:03:00Z", "moment"),
        ]
    if kind not in KINDS or not KINDS[kind].holds_answer:
        return []
    options = tuple((one["id"], one["label"]) for one in field.get("options") or ())
    sample = options[0][1] if options else SAMPLES.get(kind, "…")
    if field["meaning"]:
        key, sample = f"meaning:{field['meaning']}", EXAMPLES.get(field["meaning"], sample)
    else:
        key = f"field:{field['key']}"
    return [Source(key, field["label"], sample, TYPES.get(kind, "text"), options)]
