"""Sign-ups as rows of a spreadsheet: a column for every field that any version ever had."""

from .kinds import KINDS, is_control
from .signups import Signup, in_words
from .versions import FormVersion

FIXED = {
    "received_at": "Received",
    "submitted_at": "Filled in",
    "page": "Page",
    "store": "Store",
    "tablet": "Tablet",
    "language": "Language",
    "delivery_state": "Delivery",
    "is_test": "Test",
    "id": "Sign-up id",
}
# A cell that starts with one of these is run as a formula by spreadsheets (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """The same text, shown as text by every spreadsheet. Phone numbers (+31…) stay as they are."""
    text = "".join(c for c in text if c == "\n" or not is_control(c))
    if not text.startswith(FORMULA) or (text[0] == "+" and text[1:].isdigit()):
        return text
    return f"'{text}"


def columns() -> dict[str, str]:
    """Column key → heading. Removed fields keep theirs, under the wording they had last."""
    headings: dict[str, str] = {}
    for schema in FormVersion.objects.order_by("page_id", "number").values_list(
        "schema", flat=True
    ):
        for field in schema["fields"]:
            if KINDS[field["kind"]].holds_answer:
                headings[field["key"]] = harmless(field["label"])
    return {**FIXED, **headings}


def row(signup: Signup, keys: list[str]) -> dict:
    """One sign-up under these column keys."""
    fields = {field["key"]: field for field in signup.fields}
    values = {
        "received_at": signup.received_at,
        "submitted_at": signup.submitted_at,
        "page": harmless(signup.page.title),
        "store": harmless(str(signup.store or "")),
        "tablet": harmless(str(signup.tablet or "")),
        "language": signup.language,
        "delivery_state": signup.delivery_state,
        "is_test": "Yes" if signup.is_test else "",
        "id": str(signup.id),
    }
    for key in keys:
        if key in fields:
            values[key] = harmless(in_words(fields[key], signup.answers, signup.language))
    return {key: values.get(key, "") for key in keys}
