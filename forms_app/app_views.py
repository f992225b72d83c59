"""The tablet's side: pairing, what it sends, and what a browser needs to keep its page.

Whether the page on the screen is a paired tablet's isn't decided here. The page's HTML is the same
for everybody and cached whole; a paired tablet keeps a copy and marks it as its own when it does
(static/forms_app/shell.js), and its service worker serves that copy. A browser that isn't paired
has no service worker and never sees a marked page.
"""

import functools
import json
from collections.abc import Mapping
from pathlib import Path

import segno
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from . import app_icons, pace, page_cache, pairing, presentation, receiving, tablet_access
from .app_state import state_of
from .brand import Brand
from .look import look_of

WORKER = Path(__file__).resolve().parent / "static" / "forms_app" / "sw.js"
MOST_ENTRIES = 100  # in one request; our own tablets send 20


class NotOurs(Exception):
    """The body isn't what a tablet sends."""


@require_safe
@never_cache
def pair_page(request: HttpRequest) -> HttpResponse:
    """Where a device starts: the code while it isn't paired, its page once it is."""
    brand = Brand.load()
    look = look_of(None, brand)
    context = {
        **presentation.plain(),
        "brand": {"name": brand.name, "logo_url": look.logo_url},
        "brand_css_url": look.css_url,
        "theme": brand.background,
    }
    return render(request, "forms_app/pair.html", context)


@csrf_exempt  # no cookie, no log-in: there is nothing to forge
@require_POST
@never_cache
def pair_ask(request: HttpRequest) -> HttpResponse:
    """A code for this device, as digits and as a picture."""
    try:
        code, secret = pairing.ask(pace.address(request), request.headers.get("User-Agent", ""))
    except pairing.TooMany:
        return JsonResponse({"error": "too many"}, status=429)
    url = request.build_absolute_uri(f"{reverse('tablets:pair')}?code={code}")
    return JsonResponse(
        {
            "code": code,
            "secret": secret,
            "qr": qr_path(url),
            "seconds": int(pairing.LIFETIME.total_seconds()),
        }
    )


def qr_path(url: str) -> dict:
    """The QR code of `url` as an SVG path: {"size": its side in modules, "path": …}."""
    code = segno.make(url, error="m", micro=False)
    rows = [list(row) for row in code.matrix_iter(border=2)]
    path = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return {"size": len(rows), "path": path}


@csrf_exempt  # the secret in the body is the proof
@require_POST
@never_cache
def pair_claim(request: HttpRequest) -> HttpResponse:
    """The waiting device asks again and again; once staff have typed its code it gets its token."""
    try:
        body = read(request)
        paired = pairing.claim(str(body.get("code")), str(body.get("secret")))
    except NotOurs:
        return JsonResponse({"error": "not ours"}, status=400)
    except pairing.Unknown:
        return JsonResponse({"error": "over"}, status=410)
    if paired is None:
        return JsonResponse({"paired": False}, status=202)
    tablet, token = paired
    response = JsonResponse({"paired": True, "name": tablet.name})
    tablet_access.remember(response, token)
    return response


@csrf_exempt  # other sites' requests come without the cookie (SameSite), and as no JSON
@require_POST
@never_cache
def entries(request: HttpRequest) -> HttpResponse:
    """One contact of a tablet: what it has queued, how it is; back go receipts and news."""
    tablet = tablet_access.tablet_of(request)
    if tablet is None:
        # Gone, revoked, or never paired: whatever it has queued stays where it is.
        return JsonResponse({"error": "unpaired"}, status=401)
    try:
        told = read(request)
    except NotOurs:
        return JsonResponse({"error": "not ours"}, status=400)
    except RequestDataTooBig:
        return JsonResponse({"error": "too big"}, status=413)
    envelopes = told.get("entries")
    if not isinstance(envelopes, list) or len(envelopes) > MOST_ENTRIES:
        return JsonResponse({"error": "not ours"}, status=400)
    now = receiving.moment(told.get("now"))
    results = receiving.take_in(
        [envelope for envelope in envelopes if isinstance(envelope, dict)],
        receiving.Sending("queue", tablet, now),
    )
    receiving.note_contact(tablet, told, now, results)
    state = state_of(tablet)
    answer = {"results": results}
    if told.get("digest") != state["digest"]:
        answer["state"] = state
    response = JsonResponse(answer)
    # Browsers keep a cookie for 400 days at most: used, it never gets that old.
    tablet_access.remember(response, request.COOKIES[tablet_access.COOKIE])
    return response


@csrf_exempt
@require_POST
@never_cache
def unpair(request: HttpRequest) -> HttpResponse:
    """Staff at the tablet gave it up. Asked twice, the answer is the same."""
    try:
        read(request)  # a plain form of another site isn't ours
    except NotOurs:
        return JsonResponse({"error": "not ours"}, status=400)
    if tablet := tablet_access.tablet_of(request):
        tablet_access.revoke(tablet)
    response = JsonResponse({"unpaired": True})
    tablet_access.forget(response)
    return response


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """At the root, because a worker's scope is its own folder."""
    return HttpResponse(
        worker_source(),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache"},
    )


@functools.cache
def worker_source() -> bytes:
    return WORKER.read_bytes()


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """The tablet's home screen: the shop's name, colours and mark."""

    def make() -> HttpResponse:
        brand = Brand.load()
        content = {
            "id": "/app/",
            "name": brand.name,
            "short_name": brand.name[:20],
            "start_url": "/app/",
            "scope": "/",
            "display": "fullscreen",
            "display_override": ["fullscreen", "standalone"],
            "background_color": brand.background,
            "theme_color": brand.background,
            "icons": [
                {"src": f"/app/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"}
                for size in app_icons.SIZES
            ],
        }
        return HttpResponse(
            json.dumps(content),
            content_type="application/manifest+json",
            headers={"Cache-Control": presentation.REVALIDATE},
        )

    return page_cache.answer(request, make)


@require_safe
def icon(request: HttpRequest, size: int) -> HttpResponse:
    def make() -> HttpResponse:
        if size not in app_icons.SIZES:
            return HttpResponse(status=404)
        return HttpResponse(
            app_icons.draw(Brand.load(), size),
            content_type="image/png",
            headers={"Cache-Control": presentation.REVALIDATE},
        )

    return page_cache.answer(request, make)


def read(request: HttpRequest) -> Mapping:
    """The JSON object that was sent. Raises `NotOurs`, or RequestDataTooBig."""
    if request.content_type != "application/json":
        raise NotOurs
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise NotOurs from error
    if not isinstance(body, dict):
        raise NotOurs
    return body
