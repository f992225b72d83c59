"""How many sign-ups come from one address, so that a flood is noticed.

Counted in the cache: without Redis nobody is counted, and nobody is held up.
"""

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from .tablets import Tablet

WINDOW = 600  # seconds
# A busy shop whose tablets all stand behind one address has one sign-up every ten seconds or so.
MOST = 150  # in a window


def too_many(request: HttpRequest, tablet: Tablet | None = None) -> bool:
    """Count this request; whether its tablet, else its address, sends more than shops do."""
    key = f"pace:tablet:{tablet.pk}" if tablet else f"pace:{address(request)}"
    cache.add(key, 0, WINDOW)
    try:
        return (cache.incr(key) or 0) > MOST
    except ValueError:  # its window has ended at this very moment, or there is no Redis
        return False


def address(request: HttpRequest) -> str:
    """The shopper's address: what the outermost of our own proxies saw.

    settings.PROXIES says how many of ours stand in front; what comes before them in
    X-Forwarded-For anybody can have written.
    """
    if settings.PROXIES:
        seen = request.headers.get("X-Forwarded-For", "").split(",")
        if len(seen) >= settings.PROXIES:
            return seen[-settings.PROXIES].strip()[:50]
    return request.META.get("REMOTE_ADDR", "")
