"""Pairing: a device shows six digits, staff type them in the admin, the device gets its token.

1. The device asks for a code, and gets a secret with it that only it knows.
2. Staff, signed in, say which tablet the device with this code is.
3. The device comes with code and secret, and gets the token.

All of it stands in the retailer's schema: a code or a token of another shop is nothing here. Codes
live for ten minutes. Guessing one gains nothing without the secret (it would make somebody else's
waiting device a tablet of this shop), but wrong codes are counted all the same.
"""

import datetime
import secrets

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.utils import timezone

from .tablet_access import digest, issue_token
from .tablets import PairingCode, Tablet

LIFETIME = datetime.timedelta(minutes=10)
MOST_WAITING = 200  # codes of one retailer at a time; a shop needs one
TRIES = 10  # of codes by one member of staff, in LIFETIME
ASKED = 60  # codes by one address, in LIFETIME: many shops stand behind one


class TooMany(Exception):
    """Too many tries; wait ten minutes."""


class Unknown(Exception):
    """There is no such code, or it is over."""


def count(who: str, most: int = TRIES) -> None:
    """Raises `TooMany` when `who` comes more often than that within ten minutes.

    With Redis away nobody is counted: MOST_WAITING and the secret hold all the same.
    """
    key = f"pairing:{who}"
    cache.add(key, 0, LIFETIME.total_seconds())
    try:
        counted = cache.incr(key)
    except ValueError:  # gone between the two
        return
    if (counted or 0) > most:
        raise TooMany


def ask(address: str, user_agent: str = "") -> tuple[str, str]:
    """A new (code, secret) for a device. Raises `TooMany`."""
    count(f"ask:{address}", ASKED)
    PairingCode.objects.filter(expires_at__lt=timezone.now()).delete()
    if PairingCode.objects.count() >= MOST_WAITING:
        raise TooMany
    secret = secrets.token_urlsafe(32)
    while True:
        code = f"{secrets.randbelow(1_000_000):06}"
        try:
            with transaction.atomic():
                PairingCode.objects.create(
                    code=code,
                    secret_hash=digest(secret),
                    expires_at=timezone.now() + LIFETIME,
                    user_agent=user_agent[:300],
                )
        except IntegrityError:  # taken
            continue
        return code, secret


def find(code: str) -> PairingCode:
    """The device that waits with this code, as staff type it: spaces don't matter."""
    waiting = PairingCode.objects.filter(
        code="".join(code.split()), expires_at__gt=timezone.now(), tablet=None
    )
    if (found := waiting.first()) is None:
        raise Unknown
    return found


def confirm(code: PairingCode, tablet: Tablet) -> None:
    """Staff said so: the device that waits with `code` is `tablet` (saved or not)."""
    with transaction.atomic():
        tablet.paired_at = timezone.now()
        tablet.revoked_at = None
        tablet.user_agent = code.user_agent
        tablet.save()
        taken = PairingCode.objects.filter(pk=code.pk, tablet=None).update(tablet=tablet)
        if not taken:  # by a colleague, a moment ago
            raise Unknown


def claim(code: str, secret: str) -> tuple[Tablet, str] | None:
    """(tablet, token) for the device that proves with `secret` that the code is its own.

    None while staff haven't typed it. Raises `Unknown`. The answer may get lost on its way, so
    until the code is over the device may ask again; then the token before is worth nothing.
    """
    found = (
        PairingCode.objects.select_related("tablet__page", "tablet__store")
        .filter(code=code, expires_at__gt=timezone.now())
        .first()
    )
    if found is None or not secrets.compare_digest(found.secret_hash, digest(secret)):
        raise Unknown
    if found.tablet is None:
        return None
    if found.tablet.revoked_at:  # staff thought better of it
        raise Unknown
    return found.tablet, issue_token(found.tablet)
