"""How the mapping editor orders its rows, and how a row is added or taken away without a script."""

from dataclasses import dataclass, field

from django.http import QueryDict

from .mapping_form import MappingForm, MappingRowForm


@dataclass
class Sections:
    """`required` by the CRM; `ours` to look at; `more` that could be sent and isn't; `others` of
    fields that no page asks now."""

    required: list[MappingRowForm] = field(default_factory=list)
    ours: list[MappingRowForm] = field(default_factory=list)
    more: list[MappingRowForm] = field(default_factory=list)
    others: list[MappingRowForm] = field(default_factory=list)
    dropped: list[MappingRowForm] = field(default_factory=list)

    @property
    def more_open(self) -> bool:
        return any(row.errors for row in self.more if row.is_bound)


def sections(form: MappingForm) -> Sections:
    found = Sections()
    for row in form:
        if row.wanted_name or row.is_required:
            found.required.append(row)
        elif not row.our_field.source:
            found.dropped.append(row)
        elif not row.our_field.on_a_page:
            found.others.append(row)
        elif row.our_field.is_answer or row["attribute"].value() or row.takes_text:
            found.ours.append(row)
        else:
            found.more.append(row)
    return found


def with_row(data: QueryDict, prefix: str, **values: str) -> QueryDict:
    """The form as it was sent, with one row more. A row without a value is no row."""
    changed = data.copy()
    if not all(values.values()):
        return changed
    try:
        number = int(changed.get(f"{prefix}-TOTAL_FORMS", ""))
    except ValueError:
        return changed
    changed[f"{prefix}-TOTAL_FORMS"] = str(number + 1)
    for name, value in values.items():
        changed[f"{prefix}-{number}-{name}"] = value
    return changed


def without_row(data: QueryDict, prefix: str, row: str) -> QueryDict:
    """The form as it was sent, with a row emptied; gone altogether unless it is the only one of
    its field."""
    changed = data.copy()
    if not row.startswith(f"{prefix}-"):
        return changed
    source = changed.get(f"{row}-source", "")
    same = [
        name
        for name, value in changed.items()
        if name.startswith(f"{prefix}-") and name.endswith("-source") and value == source
    ]
    changed[f"{row}-attribute"] = changed[f"{row}-wanted"] = ""
    if len(same) > 1 or ":" not in source:
        changed[f"{row}-source"] = ""
    return changed
