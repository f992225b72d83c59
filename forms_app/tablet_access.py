"""How a paired tablet is recognised: a token in a cookie that scripts can't read.

Here stands only the token's hash. A token is worth something in one retailer's schema only, and
nothing once the tablet is revoked.
"""

import hashlib
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from .tablets import Tablet

# __Host- binds the cookie to one host; browsers take the name only with Secure, so with https.
COOKIE = "__Host-tablet" if settings.HTTPS else "tablet"
COOKIE_AGE = 400 * 24 * 3600  # seconds; browsers keep none for longer. Renewed at each contact.


def digest(secret: str) -> str:
    """Tokens are long and random, so one round is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue_token(tablet: Tablet) -> str:
    """A new token; the one before it is worth nothing from now on."""
    token = secrets.token_urlsafe(32)
    tablet.token_hash = digest(token)
    tablet.revoked_at = None
    tablet.save(update_fields=["token_hash", "revoked_at"])
    return token


def revoke(tablet: Tablet) -> None:
    tablet.token_hash = None
    tablet.revoked_at = timezone.now()
    tablet.save(update_fields=["token_hash", "revoked_at"])


def tablet_of(request: HttpRequest) -> Tablet | None:
    """The paired tablet that asks. No cookie, no query."""
    token = request.COOKIES.get(COOKIE)
    if not token:
        return None
    paired = Tablet.objects.select_related("store", "page").filter(revoked_at=None)
    return paired.filter(token_hash=digest(token)).first()


def remember(response: HttpResponse, token: str) -> None:
    response.set_cookie(
        COOKIE, token, max_age=COOKIE_AGE, httponly=True, secure=settings.HTTPS, samesite="Lax"
    )


def forget(response: HttpResponse) -> None:
    # Not `delete_cookie`: it leaves Secure out, and browsers ignore a __Host- cookie without it.
    response.set_cookie(COOKIE, "", max_age=0, httponly=True, secure=settings.HTTPS, samesite="Lax")
