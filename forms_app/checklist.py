"""What to look at before a page is published. Only unreadable colours stop it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from integrations.mapping import MappingError, MappingRow, unmapped_required
from integrations.models import Connection

from .look import contrast_errors
from .tablets import Tablet
from .translating import missing

STOPS, LOOK, GOOD = "stops", "look", "good"
FIELDS, TRANSLATIONS, LOOK_TAB = "#tab-page", "#tab-translations", "#tab-look"


@dataclass(frozen=True)
class Line:
    """`url` leads to where it is mended; "" if there is no such place for this person."""

    level: str
    text: str
    url: str = ""
    link: str = ""


def checklist(page, schema: Mapping, brand, user) -> list[Line]:
    """The lines for `page` as it stands in the editor; `schema` describes it."""
    found = [
        *contrast(page, brand),
        *persons(schema),
        *consent(schema),
        *languages(page, schema),
        *crm(schema, user),
    ]
    return [*found, *tablets(page)]


def contrast(page, brand) -> Iterator[Line]:
    for message in contrast_errors(page, brand).values():
        yield Line(STOPS, f"This page's own colours: {message}", LOOK_TAB, "Change the colours")


def persons(schema: Mapping) -> Iterator[Line]:
    if not {"email", "mobile"} & meanings(schema):
        yield Line(
            LOOK,
            "There is no field for e-mail or mobile number, so nobody can be reached.",
            FIELDS,
            "Add one",
        )


def consent(schema: Mapping) -> Iterator[Line]:
    boxes = [field for field in schema["fields"] if field["kind"] == "consent"]
    if not any(box.get("purpose") == "marketing" for box in boxes):
        yield Line(
            LOOK,
            "Nobody is asked to agree to news and offers. Without that you may not send any.",
            FIELDS,
            "Add a consent",
        )
    for box in boxes:
        if not box["label"].strip():
            yield Line(LOOK, "A consent has no wording.", place(box["key"]), "Write it")


def languages(page, schema: Mapping) -> Iterator[Line]:
    names = dict(settings.LANGUAGES)
    for language, texts in missing(page.translations, schema, page.other_languages).items():
        count = "1 text isn't" if len(texts) == 1 else f"{len(texts)} texts aren't"
        yield Line(
            LOOK,
            f"{names.get(language, language)}: {count} translated yet and would be shown in "
            f"{names.get(page.language, page.language)}.",
            TRANSLATIONS,
            "Translate",
        )


def crm(schema: Mapping, user) -> Iterator[Line]:
    """What each active connection would miss."""
    for connection in Connection.objects.exclude(state=Connection.State.OFF).defer("secrets"):
        may = user.has_perm("integrations.change_connection")
        mapping = reverse("crm:mapping", args=[connection.pk]) if may else ""
        try:
            rows, attributes = connection.rows, connection.described
        except MappingError:
            continue  # the CRM's own page says so
        for attribute in unmapped_required(rows, attributes):
            yield Line(
                LOOK,
                f"{connection.name} takes nobody without “{attribute.label}”, "
                "and nothing fills it.",
                mapping,
                "Open what goes where",
            )
        here = [row for row in rows if asked(row, schema)]
        mapped = {row.attribute for row in rows}
        for attribute in unmapped_required(here, attributes):
            if attribute.name in mapped:
                yield Line(
                    LOOK,
                    f"{connection.name} takes nobody without “{attribute.label}”, "
                    "and this page doesn't ask for it.",
                    FIELDS,
                    "Add the field",
                )
        if connection.drift:
            yield Line(
                LOOK,
                f"{connection.name} has changed since you said what goes where.",
                mapping,
                "Look at it",
            )


def asked(row: MappingRow, schema: Mapping) -> bool:
    """Whether a sign-up on this page can have something for this row."""
    kind, _, name = row.source.partition(":")
    fields = schema["fields"]
    if kind == "meaning":
        return name in meanings(schema)
    if kind == "field":
        return name in {field["key"] for field in fields}
    if kind == "consent":
        return name.split(":")[0] in {field.get("purpose") for field in fields}
    return True


def tablets(page) -> Iterator[Line]:
    showing = Tablet.objects.filter(page_id=page.pk, revoked_at=None).select_related("store")
    names = [
        f"{tablet.name} ({tablet.store})" if tablet.store else tablet.name for tablet in showing
    ]
    if names:
        count = "1 tablet shows" if len(names) == 1 else f"{len(names)} tablets show"
        yield Line(GOOD, f"{count} this page and will change by themselves: {', '.join(names)}.")


def meanings(schema: Mapping) -> set[str]:
    return {field["meaning"] for field in schema["fields"]}


def place(key: str) -> str:
    """The field's block in the editor (Wagtail's own id for it)."""
    return f"#block-{key}-section"
