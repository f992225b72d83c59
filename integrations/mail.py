"""Every mail of the product: written in the transaction of what it tells, sent after the commit.

    write(kind, to, context, once=…)  →  a row of Mail  →  send_due() in a task  →  the mail server

A kind is declared with what its templates need, and has three of them: templates/mail/<kind>
.subject.txt, .txt and .html. They also get `retailer` (name) and `base_url` (no trailing slash).
In the public schema rows of settings.PUBLIC_MAIL_MODEL take the place of Mail's.

A row is written once for each `once`. A worker that dies between the mail server's yes and ours
sends it a second time, under the same Message-ID, by which mail programs show it once.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.template import Context, engines
from django.template.loader import render_to_string
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, get_tenant_model
from kombu.exceptions import OperationalError

from . import gaps
from .locks import advisory_lock
from .models import AbstractMail, Mail
from .redaction import scrubbed

log = logging.getLogger(__name__)

OWNERS = "Owners"  # the group; see forms_app.starter
GIVE_UP = timedelta(hours=72)
A_BATCH = 50
KEEP = timedelta(days=30)
KEEP_ONCE = timedelta(days=400)  # what is told once must not be told again after a month


@dataclass(frozen=True)
class Kind:
    """`sample` is a complete context, for the preview and the tests.

    `late(mail)` gives what is worked out in the retailer's schema when a mail is sent, and stored
    nowhere: links that let somebody in.
    """

    name: str
    label: str
    sample: Mapping[str, Any] = field(default_factory=dict)
    late: Callable[[AbstractMail], Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class Rendered:
    subject: str
    text: str
    html: str


KINDS: dict[str, Kind] = {}


def declare(
    name: str,
    label: str,
    late: Callable[[AbstractMail], Mapping[str, Any]] | None = None,
    **sample: Any,
) -> None:
    """Make a kind of mail known. For an app's module that is loaded at start."""
    KINDS[name] = Kind(name, label, sample, late)


declare(
    "connection_paused",
    "A CRM refuses us",
    connection="HubSpot",
    connection_id=1,
    code="invalid_api_key",
    reason="This API key isn't known.",
)


def model() -> type[AbstractMail]:
    """Whose rows are the mails of the active schema."""
    if connection.schema_name == get_public_schema_name():
        return apps.get_model(settings.PUBLIC_MAIL_MODEL)
    return Mail


def due() -> QuerySet:
    """What should go out of the active schema now."""
    now = timezone.now()
    return model().objects.filter(sent_at=None, due_at__lte=now, created_at__gt=now - GIVE_UP)


def write(kind: str, to: str, context: Mapping[str, Any], once: str | None = None) -> bool:
    """Put a mail on its way, in the caller's transaction; False if `once` was told before.

    `context` is JSON. Raises KeyError for a kind that nobody declared.
    """
    KINDS[kind]
    return bool(_add([model()(kind=kind, to=to, context=dict(context), once=once)]))


def mail_owners(kind: str, context: Mapping[str, Any], once: str | None = None) -> int:
    """To each owner of the retailer whose schema is active; how many mails that makes now."""
    KINDS[kind]
    owners = get_user_model().objects.filter(groups__name=OWNERS, is_active=True).order_by("pk")
    owners = owners.exclude(email=settings.SUPPORT_EMAIL)  # tenants.support
    return len(
        _add(
            Mail(
                kind=kind,
                to=owner.email,
                context=dict(context),
                once=f"{once}:{owner.pk}" if once else None,
            )
            for owner in owners.distinct()
        )
    )


def owners_can_act() -> bool:
    """Not while the retailer is suspended or closed: what they can't change, they aren't asked."""
    stopped = get_tenant_model().objects.filter(state__in=("suspended", "closed"))
    return not stopped.filter(schema_name=connection.schema_name).exists()


def _add(mails: Iterable[AbstractMail]) -> list[AbstractMail]:
    mails, rows = list(mails), model().objects
    before = set(
        rows.filter(once__in=[m.once for m in mails if m.once]).values_list("once", flat=True)
    )
    new = [mail for mail in mails if mail.once not in before]
    rows.bulk_create(new, ignore_conflicts=True)
    if new:
        # The schema of now: at the commit another one may be active.
        transaction.on_commit(partial(ring, connection.schema_name))
    return new


def ring(schema: str = "") -> None:
    """Ask for the mails of this schema (or the active one) to be sent. The sweep asks again if
    this is lost.
    """
    from .tasks import send_mails, send_public_mails

    schema = schema or connection.schema_name
    try:
        if schema == get_public_schema_name():
            send_public_mails.delay()
        else:
            send_mails.delay(schema=schema)
    except OperationalError as error:
        log.warning("The broker can't be reached, the sweep will find the mail: %s", error)


def send_due() -> int:
    """Send what is due in this schema, one worker at a time; how many went out."""
    sent = 0
    with advisory_lock(f"{connection.schema_name}:mails") as held:
        if not held:
            return 0
        # Counted before it is tried, so that one that kills its worker waits like any other.
        for mail in due().order_by("due_at", "id")[:A_BATCH]:
            then = timezone.now() + timedelta(seconds=gaps.growing(mail.attempts + 1))
            row(mail).update(attempts=F("attempts") + 1, due_at=then)
            sent += _send(mail)
    return sent


def forget_old() -> int:
    """Delete a retailer's mails that are long over, in its schema; how many."""
    now = timezone.now()
    free = Mail.objects.filter(once=None, created_at__lt=now - KEEP)
    once = Mail.objects.filter(created_at__lt=now - KEEP_ONCE)
    return (free | once).delete()[0]


def row(mail: AbstractMail) -> QuerySet:
    return type(mail).objects.filter(pk=mail.pk)


def _send(mail: AbstractMail) -> bool:
    try:
        message(mail).send()
    except Exception as error:  # the mail server's, the network's, or a template's
        told = scrubbed(f"{type(error).__name__}: {error}", [settings.EMAIL_HOST_PASSWORD])
        row(mail).update(error=told[:500])
        log.warning("Mail %s (%s) couldn't be sent: %s", mail.pk, mail.kind, type(error).__name__)
        return False
    row(mail).update(sent_at=timezone.now(), error="")
    return True


def message(mail: AbstractMail) -> EmailMultiAlternatives:
    kind = KINDS.get(mail.kind)
    late = kind.late(mail) if kind and kind.late else {}
    rendered = render(mail.kind, {**mail.context, **late})
    made = EmailMultiAlternatives(
        rendered.subject,
        rendered.text,
        settings.DEFAULT_FROM_EMAIL,
        [mail.to],
        headers={
            "Message-ID": f"<{connection.schema_name}.{mail.pk}@{settings.BASE_HOST}>",
            "Auto-Submitted": "auto-generated",
        },
        connection=get_connection(timeout=settings.EMAIL_TIMEOUT),
    )
    made.attach_alternative(rendered.html, "text/html")
    return made


def render(kind: str, context: Mapping[str, Any]) -> Rendered:
    """As it would go out of the schema that is active."""
    retailer = connection.tenant
    everything = {
        "retailer": getattr(retailer, "name", "") or "",
        "base_url": getattr(retailer, "url", "") or settings.BASE_URL,
        **context,
    }
    subject = " ".join(_text(f"mail/{kind}.subject.txt", everything).split())
    return Rendered(
        subject,
        _text(f"mail/{kind}.txt", everything).strip() + "\n",
        render_to_string(f"mail/{kind}.html", {**everything, "subject": subject}),
    )


def _text(template: str, context: Mapping[str, Any]) -> str:
    """Not HTML: an apostrophe in a shop's name stays one."""
    found = engines["django"].engine.get_template(template)
    return found.render(Context(dict(context), autoescape=False))
