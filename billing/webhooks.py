"""Where Stripe's events arrive: checked before anything is stored, kept once, answered at once.

Whom the request comes from (X-Forwarded-For) is never read: only the signature counts.
"""

import json
import re
from dataclasses import dataclass
from functools import partial

import stripe
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_tenants.utils import get_public_schema_name

from . import stripe_api, tasks
from .models import ReceivedEvent

# The longest of Stripe's published examples is 12 KB; an event holds at most ten invoice lines.
LARGEST = 256 * 1024  # bytes
OLDEST = stripe.Webhook.DEFAULT_TOLERANCE  # seconds since Stripe signed

# Ids and types; Stripe's longest have about 70 characters.
WORD = re.compile(r"\A[A-Za-z0-9_.\-]{1,100}\Z")


class Refused(Exception):
    """The request isn't an event for us; `status` is the answer's."""

    def __init__(self, status: int, reason: str):
        self.status = status
        super().__init__(reason)


@dataclass(frozen=True)
class Told:
    """What an event is about; what it says is asked of Stripe again."""

    id: str
    type: str
    object_type: str
    object_id: str
    customer: str


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Stripe shows our answer's text in its dashboard, beside the delivery."""
    secret = stripe_api.webhook_secret()
    if connection.schema_name != get_public_schema_name() or not secret:
        return HttpResponse("Events aren't taken here.", status=404, content_type="text/plain")
    try:
        body = read(request)
        check_signature(body, request.headers.get("Stripe-Signature", ""), secret)
        told = parse(body)
    except Refused as refused:
        return HttpResponse(str(refused), status=refused.status, content_type="text/plain")
    keep(told)
    return HttpResponse("Received.", content_type="text/plain")


def read(request: HttpRequest) -> bytes:
    """The body, of which no more than LARGEST bytes are ever read."""
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
        body = b"" if announced > LARGEST else request.read(LARGEST + 1)
    except (ValueError, UnreadablePostError) as error:
        raise Refused(400, "The body can't be read.") from error
    if announced > LARGEST or len(body) > LARGEST:
        raise Refused(413, f"An event has at most {LARGEST} bytes.")
    return body


def check_signature(body: bytes, header: str, secret: str) -> None:
    # Comparing a signature that isn't ASCII raises TypeError in the library.
    if not header.isascii():
        raise Refused(400, "The signature is malformed.")
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, OLDEST)
    except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
        raise Refused(400, "The signature doesn't fit, or is too old.") from error


def parse(body: bytes) -> Told:
    try:
        event = json.loads(body)
        about = event["data"]["object"]
        livemode, object_type = event["livemode"], about["object"]
        object_id = about.get("id") or ""  # invoice.upcoming is about one that doesn't exist yet
        customer = object_id if object_type == "customer" else about.get("customer") or ""
        told = Told(event["id"], event["type"], object_type, object_id, customer)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(400, "This isn't an event of Stripe.") from error
    if livemode is not stripe_api.live_mode():
        raise Refused(400, "This event is of the other mode, test or live, than our key.")
    optional = [value for value in (told.object_id, told.customer) if value != ""]
    for word in (told.id, told.type, told.object_type, *optional):
        if not isinstance(word, str) or not WORD.match(word):
            raise Refused(400, "This event has an odd id or type.")
    return told


def keep(told: Told) -> None:
    """Once, however often it comes; a worker is asked to look if nobody has."""
    with transaction.atomic():
        event, _ = ReceivedEvent.objects.get_or_create(
            id=told.id,
            defaults={
                "type": told.type,
                "object_type": told.object_type,
                "object_id": told.object_id,
                "customer": told.customer,
            },
        )
        if event.processed_at is None:
            transaction.on_commit(partial(tasks.ring, event.id))
