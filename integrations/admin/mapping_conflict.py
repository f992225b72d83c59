"""Two windows on one mapping: what the second one saves never replaces the first one's unseen."""

import hashlib
import json

from integrations.models import Connection

from .mapping_rows import OurField, field_of
from .mapping_targets import Targets


def fingerprint(connection: Connection) -> str:
    """Of what is saved now. The page carries it, and it must be the same when the page is sent."""
    saved = json.dumps([connection.mapping, connection.consents], sort_keys=True, default=str)
    return hashlib.sha256(saved.encode()).hexdigest()[:24]


def differences(
    theirs: object, mine: list[dict], targets: Targets, ours: dict[str, OurField]
) -> list[str]:
    """What was saved meanwhile and stands otherwise in this page, in words."""
    rows = theirs if isinstance(theirs, list) else []
    saved = [row for row in rows if isinstance(row, dict) and row not in mine]
    lines = [f"{_of(row, ours)} goes into {targets.text(_name(row))}" for row in saved]
    kept = {(row.get("source"), row.get("attribute")) for row in rows if isinstance(row, dict)}
    lines += [
        f"{_of(row, ours)} isn't sent to {targets.text(_name(row))}"
        for row in mine
        if (row.get("source"), row.get("attribute")) not in kept
    ]
    return lines


def _of(row: dict, ours: dict[str, OurField]) -> str:
    transform = row.get("transform") or {}
    return field_of(row.get("source") or transform.get("kind", ""), ours).label


def _name(row: dict) -> str:
    return str(row.get("attribute", ""))
