"""Sees every request from outside: counts and times it, and knows who asks, for the log."""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch
from prometheus_client import Counter, Histogram

log = logging.getLogger(__name__)

REQUESTS = Counter("customerinfo_requests", "Requests answered.", ["route", "method", "status"])
SECONDS = Histogram(
    "customerinfo_request_seconds",
    "How long an answer took.",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
# Names that say what a person would call it; all others are those of the addresses in urls.py.
ROUTES = {"wagtail_serve": "signup_page", "forms_app.views.shop": "signup_page"}
# Anything else may be typed by anybody, and each would be a series of its own.
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class WatchingMiddleware:
    """Writes a line for what changed something or failed; that a page was looked at, the proxy in
    front knows. Never the path: it may hold a link that lets somebody in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token, started = _request.set(request), time.perf_counter()
        try:
            response = self.get_response(request)
            self.note(request, response.status_code, time.perf_counter() - started)
        finally:
            _request.reset(token)
        return response

    def note(self, request: HttpRequest, status: int, seconds: float) -> None:
        route = route_of(request)
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(route, method, status).inc()
        SECONDS.labels(route).observe(seconds)
        if status >= 500 or method not in ("GET", "HEAD"):
            retailer = getattr(request, "retailer", None)
            log.info(
                *("%s %s: %s in %.0f ms", method, route, status, seconds * 1000),
                extra={"schema": retailer.schema_name if retailer else "public"},
            )


def route_of(request: HttpRequest) -> str:
    match: ResolverMatch | None = request.resolver_match
    if match is None:
        return "static" if request.path.startswith(settings.STATIC_URL) else "unrouted"
    return ROUTES.get(match.view_name, match.view_name)


def user_id() -> int | None:
    """Of who asks, in the schema of the request; without a query, so None where nobody looked."""
    request = _request.get()
    user = getattr(request, "_cached_user", None)
    return user.pk if user else None
