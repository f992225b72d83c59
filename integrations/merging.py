"""How a mapped value meets what is there already: in the CRM, or from an earlier sign-up. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from integrations.attribute_values import is_blank
from integrations.connectors.base import MappedValue, Record


def merge(values: Mapping[str, MappedValue], existing: Mapping[str, object]) -> dict[str, object]:
    """What to send, given what the CRM holds: overwrite always, only_if_empty where nothing is
    there, append what isn't there yet. What would change nothing by its mode is left out."""
    result: dict[str, object] = {}
    for name, mapped in values.items():
        old = existing.get(name)
        if is_blank(mapped.value):
            continue
        if mapped.mode == "overwrite" or is_blank(old):
            result[name] = mapped.value
            if mapped.mode == "append" and isinstance(mapped.value, (list, tuple)):
                result[name] = _append([], mapped.value, mapped.separator)
        elif mapped.mode == "append":
            joined = _append(old, mapped.value, mapped.separator)
            if joined != old:
                result[name] = joined
    return result


def combine(records: Sequence[Record]) -> Record:
    """Several sign-ups of one person as one record: as if delivered one after the other, so the
    later one wins. Its ref and consents are the last one's; what an earlier one agreed to counts
    still, as no sign-up ever takes a consent back."""
    values: dict[str, MappedValue] = {}
    for record in records:
        for name, new in record.values.items():
            values[name] = new if name not in values else after(values[name], new)
    agreed = {choice.target: choice for record in records for choice in record.consent_targets}
    return replace(
        records[-1],
        values=values,
        consent_targets=tuple(agreed.values()),
        is_test=all(record.is_test for record in records),
        remote_id=next((r.remote_id for r in reversed(records) if r.remote_id), ""),
    )


def after(old: MappedValue, new: MappedValue) -> MappedValue:
    """The one value that does what delivering `old` and then `new` would do."""
    if new.mode == "overwrite":
        return new
    if new.mode == "only_if_empty":
        return old
    mode = "overwrite" if old.mode == "overwrite" else "append"
    return MappedValue(_append(old.value, new.value, new.separator), mode, new.separator)


def _append(old: object, new: object, separator: str) -> object:
    """Old and new together, nothing twice; a list stays a list, what isn't text is replaced."""
    if isinstance(old, (list, tuple)):
        new = [new] if isinstance(new, str) else new
        if isinstance(new, (list, tuple)):
            joined = list(old)
            for one in new:
                if one not in joined:
                    joined.append(one)
            return joined
    if isinstance(old, str):
        parts = list(new) if isinstance(new, (list, tuple)) else [new]
        for part in (str(part) for part in parts):
            if f"{separator}{part}{separator}" not in f"{separator}{old}{separator}":
                old = f"{old}{separator}{part}"
        return old
    return new
