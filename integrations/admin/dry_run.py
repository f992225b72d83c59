"""What the CRM would get: the mapping applied to the newest sign-up, or to samples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from wagtail.admin.ui.tables import Column, Table

from integrations.attribute_values import is_blank, readable
from integrations.connectors.base import Attribute, Record
from integrations.consent_rows import LEGAL_BASES
from integrations.mapping import Answer, ConsentGiven, SignupData
from integrations.models import Delivery
from integrations.signup_data import source_value

from .mapping_form import MODE_WORDS
from .mapping_rows import OurField


@dataclass(frozen=True)
class Line:
    attribute: str
    value: str
    how: str


def newest_signup() -> Any | None:
    """The sign-up's model belongs to an app that imports this one, so it is found by its key."""
    model = Delivery._meta.get_field("signup").related_model
    newest = model.objects.filter(problem="").select_related("form_version")
    return newest.prefetch_related("consents").order_by("-received_at").first()


def samples(ours: dict[str, OurField]) -> SignupData:
    """A sign-up that says yes to everything and fills in every field."""
    answers, consents, page, language = [], [], "", ""
    for field in ours.values():
        kind, _, name = field.source.partition(":")
        if kind in ("meaning", "field"):
            meaning, key = (name, f"sample-{name}") if kind == "meaning" else ("", name)
            value, options = _sample_answer(field), dict(field.options)
            answers.append(Answer(key, meaning, field.type, field.label, value, options))
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


def _sample_answer(field: OurField) -> str | bool | list[str]:
    if field.type == "yes_no":
        return True
    if field.options and field.type in ("choice", "choices"):
        first = field.options[0][0]
        return [first] if field.type == "choices" else first
    return field.sample


def said(data: SignupData, ours: dict[str, OurField]) -> dict[str, str]:
    """What this sign-up says, in words, of each of our fields that it fills in."""
    found = {source: source_value(data, source) for source in ours}
    return {source: in_words(value) for source, value in found.items() if not is_blank(value)}


def table(record: Record, attributes: Iterable[Attribute], with_modes: bool) -> Table:
    labels = {attribute.name: attribute.label for attribute in attributes}
    lines = [
        Line(labels.get(name, name), in_words(mapped.value), MODE_WORDS[mapped.mode])
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


def consents_in_words(record: Record, lists: Mapping[str, str]) -> list[str]:
    """A line for each list or subscription that this record leads to; `lists` are id → label."""
    return [
        f"{lists.get(choice.target, choice.target)}: {LEGAL_BASES[choice.legal_basis].lower()}"
        + (", once confirmed by e-mail" if choice.double_opt_in else "")
        for choice in record.consent_targets
    ]


def in_words(value: object) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(readable(one)) for one in value)
    return str(readable(value))
