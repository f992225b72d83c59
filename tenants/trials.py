"""A retailer starts a trial alone: first the e-mail is confirmed, then it is made like any other.

ask  →  UNCONFIRMED, and a mail with a signed link  →  confirm  →  onboard_queue
"""

import hashlib
import hmac
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.utils import timezone

from integrations import mail

from . import onboard_queue
from .onboarding import Onboarding

SALT = "tenants.trials"
LINK_WORKS = timedelta(days=2)
SELF_SERVICE = "self-service"

# How often somebody may ask, so that nobody is flooded with our mails.
AN_ADDRESS = (5, timedelta(hours=1))
AN_EMAIL = (3, timedelta(days=1))
EVERYBODY = (200, timedelta(hours=1))

mail.declare(
    "confirm_trial",
    "Confirm the e-mail for a trial",
    shop="Fern & Fig",
    link="https://customerinfo.example/start/…/",
)


class TooMany(Exception):
    """This address, or everybody together, asked too often."""


def ask(told: dict, address: str) -> Onboarding | None:
    """Write it down and send the link. `told` is public_forms.TrialForm's, `address` the visitor's.

    None, and no mail, if this e-mail has been written to often enough: the page says the same.
    Raises `TooMany`.
    """
    rows = Onboarding.objects.filter(asked_by=SELF_SERVICE)
    from_here = mark(address)
    for wanted, (most, period) in (
        ({"asked_from": from_here}, AN_ADDRESS),
        ({}, EVERYBODY),
    ):
        if rows.filter(asked_at__gt=timezone.now() - period, **wanted).count() >= most:
            raise TooMany
    most, period = AN_EMAIL
    since = timezone.now() - period
    if rows.filter(owner_email=told["owner_email"], asked_at__gt=since).count() >= most:
        return None
    names = ("name", "slug", "owner_email", "country", "language", "plan", "template")
    with transaction.atomic():
        made = Onboarding.objects.create(
            state=Onboarding.State.UNCONFIRMED,
            asked_by=SELF_SERVICE,
            asked_from=from_here,
            **{name: told[name] for name in names},
        )
        link = f"{settings.BASE_URL}/start/{token(made)}/"
        mail.write("confirm_trial", made.owner_email, {"shop": made.name, "link": link})
    return made


def mark(address: str) -> str:
    """Tells visitors apart without keeping their address."""
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, f"{SALT}:{address}".encode(), hashlib.sha256).hexdigest()


def token(onboarding: Onboarding) -> str:
    return signing.dumps(str(onboarding.pk), salt=SALT)


def find(signed: str) -> Onboarding | None:
    """The one that the link is for; None for a link that is too old, or isn't ours."""
    try:
        pk = signing.loads(signed, salt=SALT, max_age=LINK_WORKS)
    except signing.BadSignature:
        return None
    return Onboarding.objects.filter(pk=pk).first()


def confirm(onboarding: Onboarding) -> None:
    """Whoever has the link reads that mailbox. Any number of times."""
    with transaction.atomic():
        row = Onboarding.objects.select_for_update().get(pk=onboarding.pk)
        if row.state != Onboarding.State.UNCONFIRMED:
            return
        row.confirmed_at = timezone.now()
        row.save(update_fields=["confirmed_at"])
        onboard_queue.put(row)
