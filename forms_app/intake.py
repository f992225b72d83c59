"""Takes one sign-up in: sign-up, consents and deliveries in one transaction, then the doorbell."""

import datetime
import json
import logging
import uuid
from collections.abc import Mapping

from django.core import signing
from django.db import IntegrityError, connection, transaction
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from prometheus_client import Counter

from integrations import doorbell, outbox

from .answers import AnswersForm, form_class_of_version, input_names, posted
from .signups import Consent, Signup, by_meaning
from .tablets import Tablet
from .translations import in_language
from .versions import FormVersion

log = logging.getLogger(__name__)

# What the page sends beside the fields. `website` is a honeypot: people don't see it.
SYSTEM_NAMES = frozenset(
    {"form_version", "signup_id", "submitted_at", "language", "issued", "website", "altcha"}
)
NAMESPACE = uuid.UUID("5a1d1f0e-3c5e-4d8e-9f55-7c2f0b6d8f11")
CLOCK_TOLERANCE = datetime.timedelta(minutes=5)
ISSUED = "page"
OLDEST = datetime.timedelta(days=366)  # a tablet that was off for longer has lost its clock


SIGNUPS = Counter(
    "customerinfo_signups",
    "Sign-ups that were taken in: taken, repeated, or kept aside as invalid or robot.",
    ["origin", "outcome"],
)
for _origin in ("page", "queue", "import"):
    for _outcome in ("taken", "repeated", "invalid", "robot"):
        SIGNUPS.labels(_origin, _outcome)  # from 0, so that the first one is an increase


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


def take(
    version: FormVersion,
    data: QueryDict,
    *,
    origin: str = "page",
    tablet: Tablet | None = None,
    tablet_now: datetime.datetime | None = None,
    robot: bool = False,
) -> uuid.UUID:
    """Store the sign-up and return its id, the receipt. A repeat answers like the first.

    `tablet_now` is the clock of the tablet as it sent this: by how much it is wrong, so much
    `submitted_at` is wrong as well. What seems to be a robot's is kept aside, and thanked like
    everybody. Raises `Refused` or `Invalid`, with nothing written.
    """
    language = language_of(version, data)
    form = form_class_of_version(version, language)(data)
    check_shape(data, input_names(form))
    know_store(form, tablet)
    if not form.is_valid():
        raise Invalid(form)
    signup = build(version, language, form.answers(), data, tablet_now)
    if robot or data.get("website") or not plausible(data.get("issued", "")):
        signup.problem = "robot"
    return keep(signup, version, origin, tablet)


def keep_aside(
    version: FormVersion,
    data: QueryDict,
    invalid: Invalid,
    *,
    origin: str,
    tablet: Tablet | None = None,
    tablet_now: datetime.datetime | None = None,
) -> uuid.UUID:
    """Store what a tablet had queued and what doesn't fit its form, for the retailer to mend.

    The shopper is long gone, so nothing is refused. Returns its id, the receipt.
    """
    form = invalid.form
    answers = {**form.wrong(), **form.answers()}
    signup = build(version, language_of(version, data), answers, data, tablet_now)
    signup.problem = "invalid"
    signup.problems = {key: str(messages[0]) for key, messages in form.errors.items()}
    return keep(signup, version, origin, tablet)


def mend(signup: Signup, data: QueryDict) -> None:
    """Take what staff typed in the place of what the shopper did, and put it on its way.

    Consent stays as the shopper gave it. Raises `Invalid`, with nothing written.
    """
    version = signup.form_version
    consents = {field["key"] for field in version.fields if field["kind"] == "consent"}
    names = input_names(form_class_of_version(version, signup.language)())
    kept = posted(version, {key: signup.answers.get(key) for key in consents})
    new = QueryDict(mutable=True)
    for name in names - consents:
        new.setlist(name, data.getlist(name))
    for name, value in kept.items():
        new[name] = value
    form = form_class_of_version(version, signup.language)(new)
    for key in consents:
        form.fields[key].required = False  # nobody ticks it for the shopper
    if not form.is_valid():
        raise Invalid(form)
    with transaction.atomic():
        signup.answers = form.answers()
        signup.email, signup.mobile = identity(version, signup.answers)
        signup.problem, signup.problems = "", {}
        signup.save()
        if signup.deliveries.exists():
            connections = list(outbox.resend(signup.deliveries.all()))
        else:
            connections = outbox.add(signup)
    doorbell.ring(connection.schema_name, connections)


def keep(signup: Signup, version: FormVersion, origin: str, tablet: Tablet | None) -> uuid.UUID:
    """Write it, or recognise it; returns its id."""
    signup.origin = origin
    if tablet is not None:
        signup.tablet, signup.store = tablet, tablet.store
    # Asked first, although the primary key decides: PostgreSQL writes a statement that it refuses
    # into its log, with the answers in it.
    known = Signup.objects.filter(pk=signup.pk)
    connections = []
    if not (repeated := known.exists()):
        try:
            connections = store(signup, consents(signup, version))
        except IntegrityError:
            if not (repeated := known.exists()):
                raise
    if repeated:
        SIGNUPS.labels(origin, "repeated").inc()
        return signup.id
    SIGNUPS.labels(origin, signup.problem or "taken").inc()
    doorbell.ring(connection.schema_name, connections)
    return signup.id


def language_of(version: FormVersion, data: Mapping) -> str:
    sent = data.get("language", "")
    return sent if sent in version.languages else version.language


def know_store(form: AnswersForm, tablet: Tablet | None) -> None:
    """A paired tablet knows its store, so the shopper isn't asked.

    A form that is older than the store doesn't list it: then only the sign-up itself says it.
    """
    if tablet is None or tablet.store_id is None:
        return
    form.data = form.data.copy()
    for field in form.version_fields:
        if field["kind"] != "store":
            continue
        key, listed = field["key"], {option["id"] for option in field["options"]}
        if form.data.get(key) not in listed:
            form.data[key] = str(tablet.store_id) if str(tablet.store_id) in listed else ""
        form.fields[key].required = False


def check_shape(data: QueryDict, names: set[str]) -> None:
    unknown = set(data) - names - SYSTEM_NAMES
    if unknown:
        raise Refused(400, "The form has fields that this page doesn't have.")
    for name in data:
        for value in data.getlist(name):
            # Django puts U+FFFD where bytes weren't UTF-8; PostgreSQL takes no U+0000.
            if "\ufffd" in value or "\x00" in value:
                raise Refused(400, "The form isn't valid text.")


def build(
    version: FormVersion,
    language: str,
    answers: dict,
    data: Mapping,
    tablet_now: datetime.datetime | None = None,
) -> Signup:
    now = timezone.now()
    email, mobile = identity(version, answers)
    said = moment(data.get("submitted_at", ""))
    return Signup(
        id=signup_id(version, answers, data.get("signup_id", ""), now),
        page_id=version.page_id,
        form_version=version,
        language=language,
        answers=answers,
        email=email,
        mobile=mobile,
        submitted_at=submitted_at(said, now, tablet_now),
        tablet_clock_at=said,
        received_at=now,
    )


def identity(version: FormVersion, answers: dict) -> tuple[str, str]:
    """(e-mail, mobile), for the columns by which a person is found. Cut, where it is no such."""
    email = by_meaning(version.fields, answers, "email").lower()
    return email[:254], by_meaning(version.fields, answers, "mobile")[:20]


def signup_id(version: FormVersion, answers: dict, sent: str, now: datetime.datetime) -> uuid.UUID:
    """The tablet's id. Without JavaScript there is none: the same answers on one day are one."""
    if sent:
        try:
            return uuid.UUID(sent)
        except ValueError as error:
            raise Refused(400, "The sign-up's id isn't a UUID.") from error
    content = json.dumps([str(version.pk), answers, str(now.date())], sort_keys=True)
    return uuid.uuid5(NAMESPACE, content)


def moment(sent: str) -> datetime.datetime | None:
    """The moment in a text with a time zone; None if it isn't one, or none of a tablet's time."""
    try:
        found = parse_datetime(sent) if sent else None
    except ValueError:
        return None
    if found is None or timezone.is_naive(found) or not 1970 < found.year < 2200:
        return None
    return found


def submitted_at(
    said: datetime.datetime | None,
    now: datetime.datetime,
    tablet_now: datetime.datetime | None = None,
) -> datetime.datetime:
    """When the shopper pressed the button: by the tablet's clock, put right where we know how.

    A moment that can't be (in our future, or from before the shop had tablets) is ours instead.
    """
    if said is None:
        return now
    if tablet_now is not None:
        said = min(said + (now - tablet_now), now)
    return said if now - OLDEST < said < now + CLOCK_TOLERANCE else now


def plausible(issued: str) -> bool:
    """Whether the form is one that we made. Absent means a page from before there was such a mark.

    How fast it was filled in says nothing: the page is kept and shown for minutes, or for days.
    """
    if not issued:
        return True
    try:
        return signing.TimestampSigner(salt=issue_salt()).unsign(issued) == ISSUED
    except signing.BadSignature:
        return False


def issue() -> str:
    """What the page carries to say when it was made."""
    return signing.TimestampSigner(salt=issue_salt()).sign(ISSUED)


def issue_salt() -> str:
    return f"forms_app.issued.{connection.schema_name}"


def consents(signup: Signup, version: FormVersion) -> list[Consent]:
    """The evidence. A box that a condition hid was not asked about, and leaves none."""
    return [
        Consent(
            signup=signup,
            key=field["key"],
            purpose=field["purpose"],
            wording=field["label"],
            language=signup.language,
            given=signup.answers.get(field["key"]) is True,
            recorded_at=signup.submitted_at,
        )
        for field in in_language(version.schema, signup.language)["fields"]
        if field["kind"] == "consent" and field["key"] in signup.answers
    ]


def store(signup: Signup, given: list[Consent]) -> list[int]:
    """Write all of it or nothing; returns the connections that have work now.

    Raises `IntegrityError` where the id is there already. Of two at the same moment, the second
    waits at the primary key until the first has committed.
    """
    with transaction.atomic():
        signup.save(force_insert=True)
        Consent.objects.bulk_create(given)
        return [] if signup.problem else outbox.add(signup)
