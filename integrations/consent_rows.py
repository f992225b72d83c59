"""Which consent leads to which list or subscription of the CRM: data, and one pure function.

Stored as Connection.consents:

    [{"consent": "<field key>" or "purpose:marketing", "target": "<id>",
      "legal_basis": "CONSENT_WITH_NOTICE", "double_opt_in": false}]

Only a consent that was given leads anywhere. One that was not given subscribes nobody, and
unsubscribes nobody: who wants to leave says so to the CRM.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from integrations.connectors.base import ConsentTargetChoice
from integrations.transforms import MappingError

if TYPE_CHECKING:
    from integrations.mapping import ConsentGiven

PURPOSE = "purpose:"
# By the names that HubSpot, the one that asks, gives them. The first is the usual one.
LEGAL_BASES = {
    "CONSENT_WITH_NOTICE": "Consent",
    "LEGITIMATE_INTEREST_CLIENT": "Legitimate interest: a customer",
    "LEGITIMATE_INTEREST_PQL": "Legitimate interest: an interested person",
    "LEGITIMATE_INTEREST_OTHER": "Legitimate interest: another one",
    "PERFORMANCE_OF_CONTRACT": "To fulfil a contract",
    "NON_GDPR": "Not under the GDPR",
}
USUAL_BASIS = next(iter(LEGAL_BASES))
_KEYS = {"consent", "target", "legal_basis", "double_opt_in"}


@dataclass(frozen=True)
class ConsentRow:
    """`consent` is a field's key, or purpose:… for all boxes of that purpose."""

    consent: str
    target: str
    legal_basis: str = USUAL_BASIS
    double_opt_in: bool = False


def consents_from_json(data: object) -> tuple[ConsentRow, ...]:
    """Raises MappingError."""
    if not isinstance(data, list):
        raise MappingError("The consents are a list of rows.")
    rows = []
    for number, item in enumerate(data, start=1):
        if not isinstance(item, dict) or not {"consent", "target"} <= set(item) <= _KEYS:
            raise MappingError(f"Consent {number}: it takes {', '.join(sorted(_KEYS))}.")
        row = ConsentRow(**item)
        if not all(isinstance(one, str) and one.strip() for one in (row.consent, row.target)):
            raise MappingError(f"Consent {number}: which box and which list must be said.")
        if row.legal_basis not in LEGAL_BASES:
            raise MappingError(f"Consent {number}: {row.legal_basis!r} isn't a legal basis.")
        if not isinstance(row.double_opt_in, bool):
            raise MappingError(f"Consent {number}: double opt-in is true or false.")
        if any((row.consent, row.target) == (one.consent, one.target) for one in rows):
            raise MappingError(f"Consent {number}: the same box leads to the same list twice.")
        rows.append(row)
    return tuple(rows)


def consents_to_json(rows: Iterable[ConsentRow]) -> list[dict[str, str | bool]]:
    return [vars(row).copy() for row in rows]


def given_targets(
    consents: "Iterable[ConsentGiven]", rows: Iterable[ConsentRow]
) -> tuple[ConsentTargetChoice, ...]:
    """Where the consents of one sign-up lead; each target once, by the first row that does."""
    consents = tuple(consents)
    found: dict[str, ConsentTargetChoice] = {}
    for row in rows:
        boxes = [one for one in consents if _is_meant(one, row.consent)]
        # Of several boxes for one purpose all must be ticked: never claim more than was given.
        if not boxes or not all(one.given is True for one in boxes):
            continue
        choice = ConsentTargetChoice(
            target=row.target,
            wording="\n".join(one.wording for one in boxes),
            recorded_at=max(one.recorded_at for one in boxes),
            legal_basis=row.legal_basis,
            double_opt_in=row.double_opt_in,
        )
        found.setdefault(row.target, choice)
    return tuple(found.values())


def _is_meant(consent: "ConsentGiven", name: str) -> bool:
    if name.startswith(PURPOSE):
        return consent.purpose == name.removeprefix(PURPOSE)
    return consent.key == name
