"""The panel of consents: which box leads to which list or subscription of the CRM."""

from collections.abc import Iterable
from dataclasses import dataclass

from django import forms

from integrations.connectors.base import ConsentTarget
from integrations.consent_rows import (
    LEGAL_BASES,
    PURPOSE,
    USUAL_BASIS,
    ConsentRow,
    consents_from_json,
    consents_to_json,
)
from integrations.mapping import MappingError
from integrations.sources import our_consents

MOST_ROWS = 100


@dataclass(frozen=True)
class OurConsent:
    """A purpose with all its boxes, or one box: its name in the mapping, words for the retailer,
    and what the shopper reads, (page, wording)."""

    name: str
    label: str
    boxes: tuple[tuple[str, str], ...] = ()


def our_consent_lines() -> dict[str, OurConsent]:
    """Each purpose of the pages that are live; each box of it where there are several."""
    by_purpose: dict[str, list] = {}
    for box in our_consents():
        by_purpose.setdefault(box.purpose, []).append(box)
    found = {}
    for purpose, boxes in by_purpose.items():
        words = purpose.replace("_", " ")
        name, all_of = f"{PURPOSE}{purpose}", tuple((box.page, box.wording) for box in boxes)
        label = f"Consent to {words}"
        if len(boxes) > 1:
            label += ": every box of a page ticked"
        found[name] = OurConsent(name, label, all_of)
        if len(boxes) > 1:
            for box in boxes:
                line = (box.page, box.wording)
                found[box.key] = OurConsent(box.key, f"This box for {words} alone", (line,))
    return found


class ConsentRowForm(forms.Form):
    consent = forms.CharField(max_length=80, required=False, widget=forms.HiddenInput)
    target = forms.ChoiceField(required=False)
    legal_basis = forms.ChoiceField(choices=list(LEGAL_BASES.items()), required=False)
    double_opt_in = forms.BooleanField(required=False)

    def __init__(
        self,
        *args,
        lines: dict[str, OurConsent],
        targets: Iterable[ConsentTarget],
        stored: Iterable[ConsentRow],
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.row: ConsentRow | None = None
        self.lines, self.targets = lines, {target.id: target for target in targets}
        offered = {target.id: target.label for target in self.targets.values()}
        lost = [row.target for row in stored if row.target not in offered]
        self.gone = set(lost)
        self.fields["target"].choices = [
            ("", "Nowhere"),
            *offered.items(),
            *((name, f"{name} (not found in the CRM)") for name in dict.fromkeys(lost)),
        ]
        for name, words in (
            ("target", "leads to"),
            ("legal_basis", "legal basis"),
            ("double_opt_in", "Ask them to confirm by e-mail first (double opt-in)"),
        ):
            field = self.fields[name]
            field.label = words if name == "double_opt_in" else f"{self.line.label}: {words}"

    @property
    def line(self) -> OurConsent:
        name = self["consent"].value() or ""
        return self.lines.get(name) or OurConsent(name, "A consent that no live page asks for")

    @property
    def may_choose_double(self) -> bool:
        return any(target.double_opt_in == "choose" for target in self.targets.values())

    @property
    def lists_decide(self) -> bool:
        return any(target.double_opt_in == "list" for target in self.targets.values())

    @property
    def is_gone(self) -> bool:
        return bool(self.targets) and self["target"].value() in self.gone

    def clean(self) -> dict:
        cleaned = super().clean()
        if cleaned.get("target") and cleaned.get("consent"):
            target = self.targets.get(cleaned["target"])
            # Of a list that can't be asked for now, what was chosen stays.
            chosen = target is None or target.double_opt_in == "choose"
            self.row = ConsentRow(
                cleaned["consent"],
                cleaned["target"],
                cleaned.get("legal_basis") or USUAL_BASIS,
                bool(cleaned.get("double_opt_in")) and chosen,
            )
        return cleaned


class BaseConsentForm(forms.BaseFormSet):
    def clean(self) -> None:
        if any(self.errors):
            return
        rows = [form.row for form in self.forms if form.row is not None]
        try:
            self.rows = consents_from_json(consents_to_json(rows))
        except MappingError as error:
            raise forms.ValidationError(str(error)) from error


ConsentForm = forms.formset_factory(
    ConsentRowForm, formset=BaseConsentForm, extra=0, max_num=MOST_ROWS, absolute_max=MOST_ROWS
)


def initial(lines: Iterable[str], stored: Iterable[ConsentRow]) -> list[dict[str, object]]:
    """A row for each consent of ours, more where it leads to several lists; then the rest."""
    by_consent: dict[str, list[ConsentRow]] = {}
    for row in stored:
        by_consent.setdefault(row.consent, []).append(row)
    rows = []
    for name in lines:
        rows += by_consent.pop(name, None) or [ConsentRow(name, "")]
    for left in by_consent.values():
        rows += left
    return consents_to_json(rows)
