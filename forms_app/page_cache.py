"""Whole answers for the shoppers' pages: the same for everybody, no cookie, no query when warm.

Each retailer has a generation, a random word in the cache. An answer is stored with the generation
that was current before it was made, and used only while that is still the current one; publishing
or saving the brand takes a new word, so every process shows the change at once.
"""

import hashlib
import uuid
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django_tenants.utils import tenant_context

from .app_version import app_version

SECONDS = 300  # the longest that a change stays unseen when Redis was down as it was published
GENERATION = "pages:generation"
KEPT_HEADERS = ("Content-Type", "Location", "Cache-Control")


def answer(request: HttpRequest, make: Callable[[], HttpResponse]) -> HttpResponse:
    """The kept answer for this address, or the one that `make` gives, kept for the next."""
    # Pages that another release has made name files that are gone.
    key = f"pages:{app_version()}:{request.path}"
    found = cache.get_many([GENERATION, key])
    generation, kept = found.get(GENERATION), found.get(key)
    if kept and generation and kept["generation"] == generation:
        return respond(request, kept)
    if generation is None:
        generation = uuid.uuid4().hex
        # If another process was faster, its word counts.
        if not cache.add(GENERATION, generation, None):
            generation = cache.get(GENERATION)
    response = make()
    if hasattr(response, "render"):
        response.render()
    kept = {
        "generation": generation,
        "status": response.status_code,
        "body": response.content,
        "headers": {name: response[name] for name in KEPT_HEADERS if name in response},
    }
    if response.status_code in (200, 302):
        kept["headers"]["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
        cache.set(key, kept, SECONDS)
    return respond(request, kept)


def respond(request: HttpRequest, kept: dict) -> HttpResponse:
    etag = kept["headers"].get("ETag")
    if etag and kept["status"] == 200 and request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    return HttpResponse(kept["body"], status=kept["status"], headers=kept["headers"])


def forget() -> None:
    """Once this transaction is committed, no page kept for this retailer is used any more."""
    retailer = connection.tenant

    def take_new_word():
        # The transaction may end after the schema was left.
        with tenant_context(retailer):
            cache.set(GENERATION, uuid.uuid4().hex, None)

    transaction.on_commit(take_new_word)
