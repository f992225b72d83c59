"""From the Host header to a retailer's schema."""

import zlib
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import DisallowedHost
from django.db import connection
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseNotFound,
    HttpResponseRedirect,
)
from django_tenants.utils import schema_context, tenant_context

from .models import Domain, Retailer

CACHED_FIELDS = (
    *("id", "schema_name", "name", "slug", "owner_email", "schema_problem"),
    *("state", "state_since", "hold", "hold_reason", "delete_at"),
    *("primary_host", "plan", "country", "language", "support_allowed", "two_factor_required"),
)
# Another release, which may run beside this one, keeps other fields.
KEY = f"host:{zlib.crc32(repr(CACHED_FIELDS).encode()):x}:"
CACHE_SECONDS = 300
NOBODY = "nobody"  # cached too, so that a scan over host names doesn't reach the database


class RetailerMiddleware:
    """Sets the schema for the request, and always leaves the connection in the public one.

    Unknown hosts get a plain 404 that names nobody. X-Forwarded-Host is never believed
    (USE_X_FORWARDED_HOST stays off, tenants.checks holds it).
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection.set_schema_to_public()
        try:
            host = request.get_host().rsplit(":", 1)[0].lower()
        except DisallowedHost:
            return not_found()
        if host == settings.OPERATOR_HOST:
            return self.in_public(request, settings.OPERATOR_URLCONF)
        if host == settings.BASE_HOST:
            return self.in_public(request, settings.PUBLIC_URLCONF)
        retailer = find_retailer(host)
        if retailer is None:
            return not_found()
        if retailer.schema_problem:
            return HttpResponse("Back in a few minutes.", status=503, content_type="text/plain")
        if host != retailer.host and may_move(request):
            return moved(request, retailer)
        request.retailer = retailer
        connection.set_tenant(retailer)
        try:
            response = self.get_response(request)
        finally:
            connection.set_schema_to_public()
        if response.streaming and not isinstance(response, FileResponse):
            # It reads on after this middleware has left the schema: an export would query the
            # public one, or whatever the next request of this thread has set.
            response.streaming_content = in_schema(retailer, response.streaming_content)
        return response

    def in_public(self, request: HttpRequest, urlconf: str) -> HttpResponse:
        request.urlconf = urlconf
        request.retailer = None
        return self.get_response(request)


# What pages, tablets and service workers fetch beside pages stays where it was asked for.
STAYS = ("/app/", "/sw.js", "/media/", "/brand/")
DEVICE_COOKIES = {"tablet", "__Host-tablet"}  # forms_app.tablet_access


def may_move(request: HttpRequest) -> bool:
    """Whether this is a person who opens a page, and no tablet: a tablet's queue, cache and cookie
    belong to the host under which it was paired, so it stays there for ever.
    """
    if mode := request.headers.get("Sec-Fetch-Mode"):
        opens = mode == "navigate"
    else:  # older browsers don't say
        opens = "text/html" in request.headers.get("Accept", "")
    return (
        opens
        and request.method in ("GET", "HEAD")
        and not request.path.startswith(STAYS)
        and not DEVICE_COOKIES & set(request.COOKIES)
    )


def moved(request: HttpRequest, retailer: Retailer) -> HttpResponse:
    """To the same page on the address that counts. Not for ever: browsers never ask again then."""
    response = HttpResponseRedirect(f"{retailer.url}{request.get_full_path()}")
    response["Cache-Control"] = "no-store"
    return response


def in_schema(retailer: Retailer, content: Iterable[bytes]) -> Iterator[bytes]:
    # Entered for each part: between two of them the thread may do something else, and a response
    # that nobody reads to its end must not leave the schema set, nor reset it when it is collected.
    parts = iter(content)
    while True:
        with tenant_context(retailer):
            try:
                part = next(parts)
            except StopIteration:
                return
        yield part


def not_found() -> HttpResponse:
    return HttpResponseNotFound("There is nothing here.", content_type="text/plain")


def find_retailer(host: str) -> Retailer | None:
    """The retailer behind `host`; call it in the public schema."""
    key = f"{KEY}{host}"
    found = cache.get(key)
    if found is None:
        domain = (
            Domain.objects.select_related("tenant")
            .exclude(tenant__state=Retailer.State.TEMPLATE)
            .filter(domain=host)
            .first()
        )
        found = {name: getattr(domain.tenant, name) for name in CACHED_FIELDS} if domain else NOBODY
        cache.set(key, found, CACHE_SECONDS)
    return None if found == NOBODY else Retailer(**found)


def forget_hosts(*hosts: str) -> None:
    """Look these hosts up afresh from now on, in every process."""
    with schema_context("public"):
        cache.delete_many([f"{KEY}{host}" for host in hosts])
