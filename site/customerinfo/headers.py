"""What every answer tells the browser beside its content: what it may load, run, show and be
framed by.

One policy for everything, with a little more where the admin needs it; a view that needs another
sets its own. No script is inline anywhere, so there is no nonce, the policies are constants, and
nothing has to be put together for a page that is kept whole.
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
# The editor of rich text, Draftail, writes <style>s for its lists and hints. Only the operator's
# public pages have rich text; and nothing runs there either.
RICH_TEXT = ADMIN.replace("style-src", "style-src-elem 'self' 'unsafe-inline'; style-src")
# Of the tablet: the whole screen, and a light that stays on. Nothing here looks, listens or pays.
FEATURES = (
    "fullscreen=(self), screen-wake-lock=(self), camera=(), display-capture=(), geolocation=(), "
    "microphone=(), payment=(), usb=()"
)


def policy_for(path: str) -> str:
    if not path.startswith("/admin/"):
        return POLICY
    return RICH_TEXT if path.startswith("/admin/settings/tenants/") else ADMIN


class HeadersMiddleware:
    """Outermost, so that answers of other middlewares have them, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        headers = response.headers
        policy = headers.get(CSP) or policy_for(request.path)
        # Wagtail and our own views say by X-Frame-Options what may stand in a frame of this host.
        if headers.get("X-Frame-Options") == "SAMEORIGIN":
            policy = policy.replace(UNFRAMED, FRAMED)
        headers[CSP] = policy
        headers["Permissions-Policy"] = FEATURES
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response
