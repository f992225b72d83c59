"""May there be a certificate for this host? For a proxy that fetches certificates at need.

Retailers' own domains become known at run time, so no deploy can list them. Caddy asks here before
it has a certificate made (`on_demand_tls`, `ask`), and only 200 lets it: else anybody who points a
name at us could use up the certificate authority's limits.
"""

import re
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

from .routing import find_retailer, not_found

PATH = "/tls-ask"
HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
LONGEST = 253  # characters of a name in DNS


class CertificateMiddleware:
    """`/tls-ask?domain=club.shop.example`: 200 if that host is served here, 404 if not.

    On any Host and without https, before anything redirects: the proxy asks at an inner address.
    The answer says no more than the page of that host does, and is one cached look-up like it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path != PATH:
            return self.get_response(request)
        if not is_served(request.GET.get("domain", "").lower()):
            return not_found()
        return HttpResponse("ok", content_type="text/plain")


def is_served(host: str) -> bool:
    """The platform's own hosts, and those of every retailer."""
    if len(host) > LONGEST or not HOST.fullmatch(host):
        return False
    if host in (settings.BASE_HOST, settings.OPERATOR_HOST):
        return True
    connection.set_schema_to_public()
    return find_retailer(host) is not None
