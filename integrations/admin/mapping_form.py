"""The form of the mapping editor: a row per field, with where it goes and how."""

from collections.abc import Iterable

from django import forms
from django.utils.functional import cached_property

from integrations.attribute_values import fits, plain
from integrations.mapping import MappingError, MappingRow, rows_from_json, rows_to_json
from integrations.transforms import LONGEST, SOURCELESS, Transform

from . import mapping_templates, mapping_transforms
from .mapping_rows import WORDS, OurField, field_of, pseudo_source
from .mapping_targets import APPENDABLE, LIST_ID, Targets

MODES = (
    ("overwrite", "Replace it"),
    ("only_if_empty", "Keep it: send only if empty"),
    ("append", "Add to it"),
)
MODE_WORDS = {
    "overwrite": "Replaces what is there",
    "only_if_empty": "Only if empty",
    "append": "Adds to what is there",
}
MOST_ROWS = 400


class MappingRowForm(forms.Form):
    """One row. A form that was sent knows nothing of what was shown but what it brings along: the
    page may have been opened days ago."""

    source = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput)
    # A required attribute that nothing filled when the page was shown: the source is chosen here.
    wanted = forms.CharField(max_length=300, required=False, widget=forms.HiddenInput)
    attribute = forms.CharField(max_length=300, required=False)
    mode = forms.ChoiceField(choices=MODES, required=False)
    transform = forms.ChoiceField(required=False)
    text = forms.CharField(max_length=LONGEST, required=False)
    default = forms.CharField(max_length=LONGEST, required=False)

    def __init__(
        self,
        *args,
        targets: Targets,
        ours: dict[str, OurField],
        stored: tuple[MappingRow, ...] = (),
        country: str = "",
        **kwargs,
    ) -> None:
        """`stored` is the mapping as it is saved; `country` is where the shop is."""
        super().__init__(*args, **kwargs)
        self.row: MappingRow | None = None
        self.left_out = ""  # why the sign-up that is shown can't be sent there
        self.targets, self.ours, self.stored = targets, ours, stored
        self.fields["attribute"].widget = forms.TextInput(
            {"list": LIST_ID, "placeholder": "Not sent", "autocomplete": "off", "data-picker": ""}
        )
        if self.wanted_name:
            self.fields["attribute"].widget = forms.HiddenInput()
            self.fields["source"].widget = forms.Select(choices=self._source_choices())
        if not targets.modes_apply:
            self.fields["mode"].widget = forms.HiddenInput()
        mine = [row for row in stored if pseudo_source(row) == self.our_field.source]
        self.fields["transform"].choices = mapping_transforms.choices(
            self.our_field.type, country, [row.transform for row in mine if row.transform]
        )
        self._add_options(self.initial.get("table") or {})
        self._name_for_the_ear()

    def _add_options(self, table: dict[str, str]) -> None:
        """A field for each of our options, filled in where the CRM has an equal one."""
        attribute = self.targets.by_name.get(self.attribute_name)
        theirs = attribute.options if attribute else ()
        equal = {plain(name): label for value, label in theirs for name in (value, label)}
        self.option_keys: dict[str, str] = {}
        listed = mapping_transforms.options_of(self.our_field.type, self.our_field.options)
        for number, (key, label) in enumerate(listed):
            name = f"option_{number}"
            self.option_keys[name] = key
            guess = equal.get(plain(label), "") if theirs else label
            self.fields[name] = forms.CharField(
                label=label,
                max_length=LONGEST,
                required=False,
                initial=table.get(key, guess),
                widget=forms.TextInput({"placeholder": "Not sent"}),
            )

    def _name_for_the_ear(self) -> None:
        """Each control says which row it is of, to those who hear the page."""
        for name, words in (
            ("source", "What goes there"),
            ("attribute", "where it goes"),
            ("mode", "if the CRM has something there already"),
            ("transform", "change it on the way"),
            ("text", "the text"),
            ("default", "if the answer is empty, send"),
        ):
            self[name].label = f"{self.our_field.label}: {words}"

    @cached_property
    def wanted_name(self) -> str:
        return self["wanted"].value() or ""

    @cached_property
    def our_field(self) -> OurField:
        source = self["source"].value() or ""
        if not source and self.wanted_name:
            return OurField("", self.targets.text(self.wanted_name), "")
        return field_of(source, self.ours)

    def _source_choices(self) -> list:
        attribute = self.targets.by_name.get(self.wanted_name)
        fitting = [
            (field.source, field.label)
            for field in self.ours.values()
            if attribute is None or not fits(field.type, attribute)
        ]
        return [
            ("", "Choose what goes here…"),
            ("Your fields", fitting),
            ("Something else", list(WORDS.items())),
        ]

    @cached_property
    def attribute_name(self) -> str:
        """Of the attribute that stands in the row now; "" for none or an unknown one."""
        return self.targets.find(self["attribute"].value() or "") or ""

    @property
    def is_gone(self) -> bool:
        return self.attribute_name in self.targets.gone

    @property
    def is_required(self) -> bool:
        return self.attribute_name in self.targets.required

    @property
    def takes_text(self) -> bool:
        return self.our_field.source in SOURCELESS

    @property
    def holds(self) -> str:
        return self.targets.words(self.attribute_name)

    @property
    def problem(self) -> str:
        """Why what stands here can't work, though it is stored: the CRM or the page changed."""
        attribute = self.targets.by_name.get(self.attribute_name)
        return fits(self.our_field.type, attribute) if attribute and self.our_field.source else ""

    @property
    def unmatched(self) -> list[str]:
        """Our options that the CRM doesn't know by that name, and that no table leads to it."""
        attribute = self.targets.by_name.get(self.attribute_name)
        if not attribute or not attribute.options or self["transform"].value():
            return []
        known = {plain(name) for option in attribute.options for name in option}
        return [label for _, label in self.our_field.options if plain(label) not in known]

    def option_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in self.option_keys]

    @property
    def summary(self) -> str:
        """What the folded details hold, in a line."""
        parts = []
        if self.targets.modes_apply:
            parts.append(MODE_WORDS.get(self["mode"].value() or "overwrite", ""))
        chosen = dict(self.fields["transform"].choices).get(self["transform"].value() or "")
        if chosen and self["transform"].value():
            parts.append(chosen[:1].lower() + chosen[1:])
        if self["default"].value():
            parts.append(f"“{self['default'].value()}” if the answer is empty")
        return " · ".join(filter(None, parts)) or "Details"

    def clean(self) -> dict:
        cleaned = super().clean()
        name = self.targets.find(cleaned.get("attribute") or "")
        if name is None:
            self.add_error("attribute", "The CRM has no attribute of this name.")
        elif name and cleaned.get("source"):
            self._clean_row(cleaned, name)
        return cleaned

    def _clean_row(self, cleaned: dict, name: str) -> None:
        source, attribute = cleaned["source"], self.targets.by_name.get(name)
        field = field_of(source, self.ours)
        reason = fits(field.type, attribute) if attribute else ""
        kept = any((pseudo_source(row), row.attribute) == (source, name) for row in self.stored)
        if reason and not kept:
            self.add_error("attribute", reason)
        mode = cleaned.get("mode") or "overwrite"
        if mode == "append" and attribute and attribute.type not in APPENDABLE:
            self.add_error("mode", f"{attribute.label} holds one value: nothing can be added.")
        transform = self._transform(cleaned, source)
        refusal = mapping_transforms.refusal(transform, attribute)
        if refusal:
            self.add_error("transform", refusal)
        self.row = MappingRow(
            "" if source in SOURCELESS else source,
            name,
            mode,
            transform,
            cleaned.get("default") or "",
        )

    def _transform(self, cleaned: dict, source: str) -> Transform | None:
        if source not in SOURCELESS:
            table = {key: cleaned.get(name, "") for name, key in self.option_keys.items()}
            return mapping_transforms.from_text(cleaned.get("transform") or "", table)
        text = cleaned.get("text") or ""
        if not text:
            self.add_error("text", "Which text?")
        elif source == "template":
            try:
                text = mapping_templates.from_words(text, self.ours)
            except ValueError as error:
                self.add_error("text", str(error))
        return Transform(source, text)


class BaseMappingForm(forms.BaseFormSet):
    def clean(self) -> None:
        if any(self.errors):
            return
        rows = [form.row for form in self.forms if form.row is not None]
        try:
            self.rows = rows_from_json(rows_to_json(rows))
        except MappingError as error:
            raise forms.ValidationError(str(error)) from error


MappingForm = forms.formset_factory(
    MappingRowForm, formset=BaseMappingForm, extra=0, max_num=MOST_ROWS, absolute_max=MOST_ROWS
)


def initial(
    rows: Iterable[MappingRow], targets: Targets, ours: dict[str, OurField]
) -> list[dict[str, object]]:
    """The rows as the form shows them at first."""
    return [_initial(row, targets, ours) for row in rows]


def _initial(row: MappingRow, targets: Targets, ours: dict[str, OurField]) -> dict[str, object]:
    transform, text = row.transform, ""
    if transform is not None and transform.kind in SOURCELESS:
        text = transform.argument
        if transform.kind == "template":
            text = mapping_templates.to_words(text, ours)
    source = pseudo_source(row)
    return {
        "source": source,
        "wanted": "" if source else row.attribute,
        "attribute": targets.text(row.attribute),
        "mode": row.mode,
        "transform": mapping_transforms.to_text(transform),
        "table": dict(transform.table) if transform else {},
        "text": text,
        "default": row.default,
    }
