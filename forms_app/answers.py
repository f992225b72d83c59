"""Checks what a shopper typed against the form version that the shopper saw."""

import functools
from collections.abc import Mapping

from django import forms

from .kinds import KINDS, BirthdayInputs, messages


class AnswersForm(forms.Form):
    """The server's form for one version. Field names are the fields' keys."""

    use_required_attribute = False

    def answers(self) -> dict:
        """field key → value as stored; blank answers are left out. Only after is_valid()."""
        return {key: value for key, value in self.cleaned_data.items() if value not in ("", None)}


def form_class(schema: Mapping) -> type[AnswersForm]:
    """The form for a version's schema."""
    return type("VersionForm", (AnswersForm,), make_fields(schema))


def make_fields(schema: Mapping) -> dict[str, forms.Field]:
    fields = {}
    for field in schema["fields"]:
        common = {
            "label": field["label"],
            "required": field["required"],
            "error_messages": messages(field["kind"], schema["language"]),
        }
        fields[field["key"]] = KINDS[field["kind"]].form_field(field, schema["country"], common)
    return fields


@functools.lru_cache(maxsize=500)
def form_class_of_version(version) -> type[AnswersForm]:
    """The same, kept: versions never change. Keyed by the version's id, which is unique."""
    return form_class(version.schema)


def input_names(form: AnswersForm) -> set[str]:
    """The names under which a browser sends this form."""
    names = set()
    for key, field in form.fields.items():
        if isinstance(field.widget, BirthdayInputs):
            names |= {f"{key}-{part}" for part in field.widget.parts}
        else:
            names.add(key)
    return names
