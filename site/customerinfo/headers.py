"""What every answer tells the browser beside its content: what it may load, run, show and be
framed by.

A policy of one piece for everything, in two wordings that differ in what the admin needs; a view
that needs another sets its own. Nothing inline is allowed anywhere, so there is no nonce, the
policies are constants, and a page that is kept whole can carry one.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

CSP = "Content-Security-Policy"
UNFRAMED, FRAMED = "frame-ancestors 'none'", "frame-ancestors 'self'"
# A reader on plain http has nowhere to be upgraded to.
SECURELY = "; upgrade-insecure-requests" if settings.HTTPS else ""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    f"object-src 'none'; {UNFRAMED}{SECURELY}"
)
# Wagtail draws icons from data:, shows a picture before it is uploaded from blob:, and has the
# preview of a page in a frame.
ADMIN = POLICY.replace("img-src 'self'", "img-src 'self' data: blob:; frame-src 'self'")
# Of the tablet: the whole screen, and a light that stays on. Nothing here looks, listens or pays.
FEATURES = (
    "fullscreen=(self), screen-wake-lock=(self), camera=(), display-capture=(), geolocation=(), "
    "microphone=(), payment=(), usb=()"
)


class HeadersMiddleware:
    """Outermost, so that answers of other middlewares have them, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        headers = response.headers
        policy = headers.get(CSP) or (ADMIN if request.path.startswith("/admin/") else POLICY)
        # Wagtail and our own views say by X-Frame-Options what may stand in a frame of this host.
        if headers.get("X-Frame-Options") == "SAMEORIGIN":
            policy = policy.replace(UNFRAMED, FRAMED)
        headers[CSP] = policy
        headers["Permissions-Policy"] = FEATURES
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response
