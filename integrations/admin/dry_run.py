"""What the CRM would get: the mapping applied to the newest sign-up, or to samples."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from wagtail.admin.ui.tables import Column, Table

from integrations.attribute_values import readable
from integrations.connectors.base import Attribute
from integrations.mapping import Answer, ConsentGiven, MappingRow, SignupData, map_signup
from integrations.models import Delivery

from .mapping_form import MODES
from .mapping_rows import OurField


@dataclass(frozen=True)
class Line:
    attribute: str
    value: str
    how: str


def newest_signup() -> Any | None:
    """The sign-up's model belongs to an app that imports this one, so it is found by its key."""
    model = Delivery._meta.get_field("signup").related_model
    newest = model.objects.select_related("form_version").prefetch_related("consents")
    return newest.order_by("-received_at").first()


def samples(ours: dict[str, OurField]) -> SignupData:
    """A sign-up that says yes to everything and fills in every field."""
    answers, consents, page, language = [], [], "", ""
    for field in ours.values():
        kind, _, name = field.source.partition(":")
        if kind == "meaning":
            answers.append(Answer(f"sample-{name}", name, name, field.label, field.sample))
        elif kind == "field":
            answers.append(Answer(name, "", "short_text", field.label, field.sample))
        elif kind == "consent" and ":" not in name:
            words = ours.get(f"{field.source}:wording", field).sample
            now = timezone.now()
            consents.append(ConsentGiven(f"sample-{name}", name, words, "en", True, now, 1))
        page = field.sample if field.source == "signup:page" else page
        language = field.sample if field.source == "signup:language" else language
    return SignupData(
        id=ours["signup:id"].sample if "signup:id" in ours else "sample",
        submitted_at=timezone.now(),
        language=language,
        page=page,
        is_test=True,
        answers=tuple(answers),
        consents=tuple(consents),
    )


def table(
    data: SignupData,
    rows: tuple[MappingRow, ...],
    attributes: tuple[Attribute, ...],
    with_modes: bool,
) -> Table:
    labels = {attribute.name: attribute.label for attribute in attributes}
    modes = dict(MODES)
    record = map_signup(data, rows, attributes)
    lines = [
        Line(labels.get(name, name), in_words(mapped.value), modes[mapped.mode])
        for name, mapped in record.values.items()
    ]
    lines += [
        Line(labels.get(name, name), "Left out", reason) for name, reason in record.left_out.items()
    ]
    columns = [
        Column("attribute", label="In the CRM", width="28%"),
        Column("value", label="What would be written"),
    ]
    if with_modes or record.left_out:
        columns.append(Column("how", label="How", width="32%"))
    return Table(columns, lines, caption="What the CRM would get")


def in_words(value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(readable(one)) for one in value)
    return str(readable(value))
