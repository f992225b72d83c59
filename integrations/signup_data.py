"""One sign-up, as stored, and what can be asked of it. Pure.

The names of what can be asked are what a mapping row calls its source:

    meaning:<meaning>                    the first filled-in field of this meaning
    field:<key>                          one field, by its key
    consent:<purpose>                    true if every box of this purpose was ticked, else false
    consent:<purpose>:wording            what the shopper agreed to; nothing unless given
    consent:<purpose>:recorded_at        when; nothing unless given
    signup:id|language|submitted_at|page
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from integrations.attribute_values import is_blank


@dataclass(frozen=True)
class Answer:
    """One field of one sign-up, as stored. `value` is normalised: E.164 phone, ISO date
    ("1990-05-17", or "--05-17" without a year), option ids for choices. `label` is the wording
    the shopper saw, `options` lead from option id to label."""

    key: str
    meaning: str
    kind: str
    label: str
    value: str | bool | list[str] | None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConsentGiven:
    """One consent box of one sign-up, ticked or not."""

    key: str
    purpose: str
    wording: str
    language: str
    given: bool
    recorded_at: datetime
    form_version: int


@dataclass(frozen=True)
class SignupData:
    """One sign-up, as stored."""

    id: str
    submitted_at: datetime
    language: str
    page: str
    is_test: bool
    answers: tuple[Answer, ...]
    consents: tuple[ConsentGiven, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """Option id → label, of all its choices."""
        return {id: label for answer in self.answers for id, label in answer.options.items()}


def source_value(data: SignupData, source: str, natural: bool = True) -> object:
    """What this sign-up says: as a person reads it, or with option ids unless `natural`."""
    kind, _, name = source.partition(":")
    if kind == "signup":
        return getattr(data, name)
    if kind == "consent":
        return _consent_value(data, *name.split(":"))
    for answer in data.answers:
        if (answer.meaning if kind == "meaning" else answer.key) == name:
            value = _natural(answer) if natural else answer.value
            if not is_blank(value):
                return value
    return None


def _consent_value(data: SignupData, purpose: str, part: str = "") -> object:
    consents = [consent for consent in data.consents if consent.purpose == purpose]
    if not consents:
        return None
    given = all(consent.given for consent in consents)  # never claim more than was given
    if not part:
        return given
    if not given:
        return None
    if part == "recorded_at":
        return max(consent.recorded_at for consent in consents)
    return "\n".join(consent.wording for consent in consents)


def _natural(answer: Answer) -> object:
    """The stored value as a person would read it: labels instead of option ids."""
    if isinstance(answer.value, list):
        return [answer.options.get(one, one) for one in answer.value]
    if isinstance(answer.value, str):
        return answer.options.get(answer.value, answer.value)
    return answer.value
