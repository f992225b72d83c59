"""Checks what a shopper typed against the form version that the shopper saw."""

import functools
from collections.abc import Mapping

from django import forms

from .conditions import visible
from .kinds import KINDS, DateInputs, messages
from .translations import in_language

BLANK = ("", None, [])


class AnswersForm(forms.Form):
    """The server's form for one version. Field names are the fields' keys.

    What a condition hides is neither required nor stored, whatever was posted for it.
    """

    use_required_attribute = False
    version_fields: list[Mapping] = []  # of the version's schema

    def _clean_form(self) -> None:
        super()._clean_form()
        # What isn't right counts as typed, as it does on the tablet: what depends on it is kept.
        self.shown = visible(self.version_fields, {**self.wrong(), **self.right()})
        for key in set(self.fields) - self.shown:
            self._errors.pop(key, None)
            self.cleaned_data.pop(key, None)

    def answers(self) -> dict:
        """field key → value as stored; blank answers are left out. Only after is_valid()."""
        return self.right() | {
            field["key"]: field["value"]
            for field in self.version_fields
            if field["kind"] == "hidden"
        }

    def right(self) -> dict:
        return {key: value for key, value in self.cleaned_data.items() if value not in BLANK}

    def wrong(self) -> dict:
        """field key → what was typed, where that isn't right; a date's parts as in stored ones."""
        found = {}
        for key in self._errors:
            value = self[key].value()
            if isinstance(value, tuple):
                day, month, year = value
                value = f"{year or '-'}-{month}-{day}" if day or month or year else ""
            if value not in BLANK and str(value).strip():  # a box that should be ticked is False
                found[key] = value
        return found


def form_class(schema: Mapping) -> type[AnswersForm]:
    """The form for a version's schema, in one language (forms_app.translations.in_language)."""
    fields = {**make_fields(schema), "version_fields": schema["fields"]}
    return type("VersionForm", (AnswersForm,), fields)


def make_fields(schema: Mapping) -> dict[str, forms.Field]:
    fields = {}
    for field in schema["fields"]:
        make = KINDS[field["kind"]].form_field
        if make is None:
            continue
        common = {
            "label": field["label"],
            "required": field["required"],
            "error_messages": messages(field["kind"], schema["language"]),
        }
        fields[field["key"]] = make(field, schema["country"], common)
    return fields


@functools.lru_cache(maxsize=500)
def form_class_of_version(version, language: str) -> type[AnswersForm]:
    """The same, kept: versions never change. Keyed by the version's id, which is unique."""
    return form_class(in_language(version.schema, language))


def input_names(form: AnswersForm) -> set[str]:
    """The names under which a browser sends this form."""
    names = set()
    for key, field in form.fields.items():
        if isinstance(field.widget, DateInputs):
            names |= {f"{key}-{part}" for part in field.widget.parts}
        else:
            names.add(key)
    return names


def posted(version, answers: Mapping) -> dict[str, str | list[str]]:
    """Stored answers as a browser would post them: the opposite of `AnswersForm.answers`."""
    data: dict[str, str | list[str]] = {}
    for field in version.fields:
        key, value = field["key"], answers.get(field["key"])
        if value in BLANK or KINDS[field["kind"]].form_field is None:
            continue
        if field["kind"] in ("birthday", "date") and isinstance(value, str):
            year, month, day = value.rsplit("-", 2)
            parts = {"day": day, "month": month, "year": year.strip("-")}
            data |= {f"{key}-{part}": text for part, text in parts.items()}
        elif isinstance(value, bool):
            if field["kind"] == "yes_no" or value:
                data[key] = "yes" if value else "no"
        else:
            data[key] = value
    return data
