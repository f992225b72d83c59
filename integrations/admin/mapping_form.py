"""The form of the mapping editor: a row per field, with where it goes and how."""

from collections.abc import Iterable

from django import forms
from django.utils.functional import cached_property

from integrations.attribute_values import is_blank
from integrations.connectors.base import Attribute, Connector
from integrations.mapping import MappingError, MappingRow, rows_from_json, rows_to_json

from .mapping_rows import OurField, field_of

MODES = (
    ("overwrite", "Replace"),
    ("only_if_empty", "Only if empty"),
    ("append", "Add to it"),
)
TYPES = {
    "string": "text",
    "text": "long text",
    "email": "e-mail",
    "phone": "phone number",
    "date": "date",
    "boolean": "yes or no",
    "number": "number",
    "choice": "one of a list",
    "list": "several values",
}
APPENDABLE = ("string", "text", "list")  # as integrations.mapping applies it
ANY_ID = "crm-attributes"  # of the list of suggestions


class Targets:
    """Where a field can go: the attributes of one CRM, as the rows of the form offer them."""

    def __init__(
        self,
        connector: type[Connector],
        attributes: Iterable[Attribute],
        stored: Iterable[MappingRow],
    ) -> None:
        self.any_attribute = connector.any_attribute
        self.by_name = {attribute.name: attribute for attribute in attributes}
        self.suggestions = list(dict.fromkeys([*self.by_name, *connector.hints.values()]))
        writable = [attribute for attribute in self.by_name.values() if attribute.writable]
        names = {attribute.name for attribute in writable}
        # Kept until the retailer chooses another: the CRM may list it again tomorrow.
        gone = [r.attribute for r in stored if r.attribute not in names and not self.any_attribute]
        self.gone = set(gone)
        self.choices = [("", "Not sent")]
        self.choices += [(attribute.name, describe(attribute)) for attribute in writable]
        if gone:
            lost = [(name, name) for name in dict.fromkeys(gone)]
            self.choices.append(("No longer in the CRM", lost))

    def field(self) -> forms.Field:
        if not self.any_attribute:
            return forms.ChoiceField(choices=self.choices, required=False)
        attrs = {"list": ANY_ID, "placeholder": "Not sent", "autocomplete": "off"}
        return forms.CharField(max_length=100, required=False, widget=forms.TextInput(attrs))


def describe(attribute: Attribute) -> str:
    kind = TYPES.get(attribute.type, attribute.type)
    required = ", required" if attribute.required else ""
    return f"{attribute.label}{' *' if attribute.required else ''} ({kind}{required})"


class MappingRowForm(forms.Form):
    source = forms.CharField(widget=forms.HiddenInput)
    mode = forms.ChoiceField(choices=MODES, required=False)

    def __init__(self, *args, targets: Targets, ours: dict[str, OurField], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.targets, self.ours = targets, ours
        self.fields["attribute"] = targets.field()
        # One visible label for each column, a full one for those who hear the page.
        self.fields["attribute"].label = f"{self.our_field.label}: where it goes"
        self.fields["mode"].label = f"{self.our_field.label}: how"
        if targets.any_attribute:
            self.fields["mode"].widget = forms.HiddenInput()

    @cached_property
    def our_field(self) -> OurField:
        return field_of(self["source"].value() or "", self.ours)

    @property
    def is_gone(self) -> bool:
        return self["attribute"].value() in self.targets.gone

    def clean(self) -> dict:
        cleaned = super().clean()
        attribute = self.targets.by_name.get(cleaned.get("attribute", ""))
        if cleaned.get("mode") == "append" and attribute and attribute.type not in APPENDABLE:
            self.add_error("mode", f"{attribute.label} holds one value: nothing can be added.")
        return cleaned


class BaseMappingForm(forms.BaseFormSet):
    def clean(self) -> None:
        if any(self.errors):
            return
        rows = [
            MappingRow(row["source"], row["attribute"].strip(), row["mode"] or "overwrite")
            for row in (form.cleaned_data for form in self.forms)
            if not is_blank(row["attribute"])
        ]
        try:
            self.rows = rows_from_json(rows_to_json(rows))
        except MappingError as error:
            raise forms.ValidationError(str(error)) from error


MappingForm = forms.formset_factory(MappingRowForm, formset=BaseMappingForm, extra=0)
