"""Takes one sign-up in: sign-up, consents and deliveries in one transaction, then the doorbell."""

import datetime
import json
import logging
import uuid
from collections.abc import Mapping

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from integrations import doorbell, outbox

from .answers import AnswersForm, form_class_of_version, input_names
from .signups import Consent, Signup, by_meaning
from .versions import FormVersion

log = logging.getLogger(__name__)

# What the page sends beside the fields. `website` is a honeypot: people don't see it.
SYSTEM_NAMES = frozenset({"form_version", "signup_id", "submitted_at", "website"})
NAMESPACE = uuid.UUID("5a1d1f0e-3c5e-4d8e-9f55-7c2f0b6d8f11")
CLOCK_TOLERANCE = datetime.timedelta(minutes=5)
OLDEST = datetime.timedelta(days=366)  # a tablet that was off for longer has lost its clock


class Refused(Exception):
    """The request isn't a sign-up form filled in by a browser. `status` is the HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


class Invalid(Exception):
    """The shopper has to mend something; `form` knows what."""

    def __init__(self, form: AnswersForm):
        super().__init__("invalid answers")
        self.form = form


def take(version: FormVersion, data: Mapping) -> uuid.UUID:
    """Store the sign-up and return its id, the receipt. A repeat answers like the first.

    Raises `Refused` or `Invalid`, with nothing written.
    """
    form = form_class_of_version(version)(data)
    check_shape(data, input_names(form))
    if not form.is_valid():
        raise Invalid(form)
    signup = build(version, form.answers(), data)
    if data.get("website"):
        # A robot filled the field that people don't see: it gets the thank-you and nothing more.
        log.info("A filled honeypot was dropped")
        return signup.id
    try:
        connections = store(signup, consents(signup, version))
    except IntegrityError:
        if not Signup.objects.filter(pk=signup.pk).exists():
            raise
        return signup.id
    doorbell.ring(connection.schema_name, connections)
    return signup.id


def check_shape(data: Mapping, names: set[str]) -> None:
    unknown = set(data) - names - SYSTEM_NAMES
    if unknown:
        raise Refused(400, "The form has fields that this page doesn't have.")
    for value in data.values():
        # Django puts U+FFFD where bytes weren't UTF-8; PostgreSQL takes no U+0000.
        if "\ufffd" in value or "\x00" in value:
            raise Refused(400, "The form isn't valid text.")


def build(version: FormVersion, answers: dict, data: Mapping) -> Signup:
    now = timezone.now()
    return Signup(
        id=signup_id(version, answers, data.get("signup_id", ""), now),
        page_id=version.page_id,
        form_version=version,
        language=version.language,
        answers=answers,
        email=by_meaning(version.fields, answers, "email").lower(),
        mobile=by_meaning(version.fields, answers, "mobile"),
        submitted_at=submitted_at(data.get("submitted_at", ""), now),
        received_at=now,
    )


def signup_id(version: FormVersion, answers: dict, sent: str, now: datetime.datetime) -> uuid.UUID:
    """The tablet's id. Without JavaScript there is none: the same answers on one day are one."""
    if sent:
        try:
            return uuid.UUID(sent)
        except ValueError as error:
            raise Refused(400, "The sign-up's id isn't a UUID.") from error
    content = json.dumps([str(version.pk), answers, str(now.date())], sort_keys=True)
    return uuid.uuid5(NAMESPACE, content)


def submitted_at(sent: str, now: datetime.datetime) -> datetime.datetime:
    """When the shopper pressed the button, by the tablet's clock.

    A moment that can't be (in our future, or from before the shop had tablets) is ours instead.
    """
    try:
        moment = parse_datetime(sent) if sent else None
    except ValueError:
        moment = None
    if moment is None or timezone.is_naive(moment):
        return now
    return moment if now - OLDEST < moment < now + CLOCK_TOLERANCE else now


def consents(signup: Signup, version: FormVersion) -> list[Consent]:
    return [
        Consent(
            signup=signup,
            key=field["key"],
            purpose=field["purpose"],
            wording=field["label"],
            language=version.language,
            given=bool(signup.answers.get(field["key"])),
            recorded_at=signup.submitted_at,
        )
        for field in version.fields
        if field["kind"] == "consent"
    ]


def store(signup: Signup, given: list[Consent]) -> list[int]:
    """Write all of it or nothing; returns the connections that have work now.

    Raises `IntegrityError` where the id is there already. Of two at the same moment, the second
    waits at the primary key until the first has committed.
    """
    with transaction.atomic():
        signup.save(force_insert=True)
        Consent.objects.bulk_create(given)
        return outbox.add(signup)
