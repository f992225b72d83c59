"""Takes in what tablets have queued, sealed, in whatever order and however often it comes.

A queued sign-up is never refused for good: what doesn't fit its form is kept aside for staff,
what can't be opened is kept as it came. In each case the tablet gets its receipt and may forget it.
"""

import datetime
import hashlib
import json
import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.utils import InterfaceError, OperationalError
from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode

from . import intake, sealing
from .sealed_entries import SealedEntry
from .signups import Signup
from .tablets import Tablet
from .versions import FormVersion, find_version

log = logging.getLogger(__name__)

# A sign-up; one that staff have to mend; kept as it came; ours is the fault, send it again.
RECEIPT, ASIDE, SEALED, RETRY = "receipt", "aside", "sealed", "retry"


@dataclass(frozen=True)
class Sending:
    """What is the same for all entries that come together. `tablet_now` is the tablet's clock."""

    origin: str  # "queue" or "import"
    tablet: Tablet | None = None
    tablet_now: datetime.datetime | None = None


def take_in(envelopes: Iterable[Mapping], sending: Sending) -> dict[str, str]:
    """Entry's id → RECEIPT, ASIDE, SEALED or RETRY; all but the last let the tablet forget it.

    Each entry stands alone: one that we stumble over doesn't hold up the others. Raises what the
    database raises when it is away, with the entries before that taken in.
    """
    envelopes = list(envelopes)
    keys = sealing.keys_of(envelopes)
    results = {}
    for envelope in envelopes:
        name = id_of(envelope)
        try:
            results[name] = take_one(envelope, keys, sending)
        except (InterfaceError, OperationalError):
            raise
        except Exception:
            log.exception("A queued sign-up couldn't be taken in; the tablet will try again")
            results[name] = RETRY
    # Kept as they came, once, and opened now: an older key has come back.
    opened = [name for name, result in results.items() if result in (RECEIPT, ASIDE)]
    SealedEntry.objects.filter(entry_id__in=opened).delete()
    return results


def id_of(envelope: Mapping) -> str:
    """What the tablet calls the entry; for one without a name, a name that stays the same."""
    name = envelope.get("id")
    if isinstance(name, str) and 0 < len(name) <= 100 and "\x00" not in name:
        return name
    return hashlib.sha256(json.dumps(envelope, sort_keys=True).encode()).hexdigest()


def take_one(envelope: Mapping, keys: Mapping, sending: Sending) -> str:
    try:
        content = sealing.open_envelope(envelope, keys)
        signup_id = uuid.UUID(str(envelope["id"]))
        version = find_version(connection.schema_name, str(envelope["form_version"]))
        if version is None:
            raise sealing.Unreadable("Its form isn't here.")
        data = None if content.get("test") else form_data(content)
    except (sealing.Unreadable, ValueError) as error:
        return keep_as_it_came(envelope, str(error), sending)
    if data is None:
        take_test(version, signup_id, sending)
        return RECEIPT
    # The envelope says which sign-up this is: nobody can have changed it.
    data["signup_id"], data["form_version"] = str(signup_id), str(version.pk)
    data.pop("issued", None)  # its page is as old as the tablet's copy; a paired one isn't asked
    how = {
        "origin": sending.origin, "tablet": sending.tablet, "tablet_now": sending.tablet_now
    }  # fmt: skip
    try:
        intake.take(version, data, **how)
    except intake.Invalid as invalid:
        intake.keep_aside(version, data, invalid, **how)
        return ASIDE
    except intake.Refused as refused:
        return keep_as_it_came(envelope, refused.message, sending)
    return RECEIPT


def form_data(content: Mapping) -> QueryDict:
    """The form as a browser would post it. Raises ValueError for what no form of ours holds."""
    fields = content.get("fields")
    if not isinstance(fields, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        for pair in fields
    ):
        raise ValueError("It holds something else than a sign-up.")
    return QueryDict(urlencode(fields), mutable=True)


def take_test(version: FormVersion, signup_id: uuid.UUID, sending: Sending) -> None:
    """Staff tried the way from the tablet to here. No CRM hears of it: Send test is for that."""
    Signup.objects.get_or_create(
        pk=signup_id,
        defaults={
            "page_id": version.page_id,
            "form_version": version,
            "language": version.language,
            "answers": {},
            "is_test": True,
            "origin": sending.origin,
            "tablet": sending.tablet,
            "store": sending.tablet.store if sending.tablet else None,
        },
    )


def keep_as_it_came(envelope: Mapping, reason: str, sending: Sending) -> str:
    # NUL can stand in JSON, but not in PostgreSQL's.
    kept = json.loads(json.dumps(envelope).replace("\\u0000", "\\ufffd"))
    SealedEntry.objects.update_or_create(
        entry_id=id_of(envelope),
        defaults={"reason": reason},
        create_defaults={
            "envelope": kept,
            "reason": reason,
            "tablet": sending.tablet,
            "origin": sending.origin,
            "tablet_now": sending.tablet_now,
        },
    )
    log.warning("A queued sign-up couldn't be opened and is kept as it came: %s", reason)
    return SEALED


def open_kept() -> tuple[int, int]:
    """Try again to open what is kept: (opened, still kept). For when a key has come back."""
    before = 0
    for entry in SealedEntry.objects.select_related("tablet__store"):
        before += 1
        take_in([entry.envelope], Sending(entry.origin, entry.tablet, entry.tablet_now))
    still = SealedEntry.objects.count()
    return max(before - still, 0), still


def note_contact(
    tablet: Tablet, told: Mapping, now: datetime.datetime | None, results: Mapping[str, str]
) -> None:
    """What the tablet says of itself, with each contact; nonsense is left out.

    It counted before it knew `results`: what it gets a receipt for leaves its queue now.
    """
    received = timezone.now()
    oldest = moment(told.get("oldest"))
    if oldest and now:  # by our clock, whatever the tablet's says
        oldest = min(received, received - (now - oldest))
    length = told.get("length")
    length = length if isinstance(length, int) and 0 <= length < 2**31 else 0
    length = max(0, length - sum(result != RETRY for result in results.values()))
    Tablet.objects.filter(pk=tablet.pk).update(
        last_contact_at=received,
        app_version=str(told.get("app") or "")[:40],
        form_version=version_id(told.get("version")),
        queue_length=length,
        oldest_unsent_at=oldest if length else None,
    )


def version_id(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return None


def moment(value: object) -> datetime.datetime | None:
    """Milliseconds since 1970, as JavaScript counts, as a moment."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        return datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None
