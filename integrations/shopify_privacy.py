"""What Shopify asks of apps about people's data: three webhooks, one address for all shops.

https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance

A sign-up was given to the shop at its till, not taken from Shopify: the shop keeps or erases it.
What we hold of Shopify's is the number of a customer (RemoteLink), and the shop's token.

    customers/data_request   owners are told which customer asks
    customers/redact         the customer's number is forgotten, owners are told
    shop/redact              the connection is switched off; token and numbers are forgotten
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django_tenants.utils import get_public_schema_name, schema_context
from kombu.exceptions import OperationalError

from . import mail
from .models import Connection, RemoteLink
from .sweep import served_schemas

LARGEST = 100_000  # bytes
TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
SHOP = re.compile(r"\A([a-z0-9][a-z0-9-]{0,100})\.myshopify\.com\Z")

mail.declare(
    "shopify_privacy",
    "Shopify passes on a person's wish",
    connection="Our Shopify",
    customer="7001",
    wants_erasing=True,
)


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """On the operator's host. 401 for what isn't Shopify's, as it wants; 503 is sent again."""
    _, secret = settings.OAUTH_CLIENTS.get("shopify", ("", ""))
    if not secret:
        return HttpResponse(status=404)
    try:
        body = request.read(LARGEST + 1)
    except UnreadablePostError:
        return HttpResponse(status=400)
    if len(body) > LARGEST:
        return HttpResponse(status=413)
    given = request.headers.get("X-Shopify-Hmac-Sha256", "")
    wanted = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not hmac.compare_digest(wanted, given.encode("utf-8", "replace")):
        return HttpResponse(status=401)
    try:
        topic = request.headers.get("X-Shopify-Topic", "")
        shop, customer = told_by(topic, json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError):
        return HttpResponse(status=400)
    from .tasks import follow_shopify

    try:
        # Numbers only: no address or telephone goes through the broker.
        follow_shopify.delay(topic, shop, customer)
    except OperationalError:
        return HttpResponse(status=503)
    return HttpResponse(status=200)


def told_by(topic: str, told: dict) -> tuple[str, str]:
    """(shop, customer's number or ""). Raises ValueError, KeyError, TypeError, AttributeError."""
    if topic not in TOPICS:
        raise ValueError(topic)
    shop = SHOP.match(told["shop_domain"])[1]
    if topic == "shop/redact":
        return shop, ""
    return shop, str(int(told["customer"]["id"]))


def follow(topic: str, shop: str, customer: str) -> int:
    """Do it for each connection to this shop; how many there are. Any number of times."""
    found = 0
    for schema in schemas_with(shop):
        with schema_context(schema):
            for one in Connection.objects.filter(kind="shopify", config__shop=shop):
                found += 1
                with transaction.atomic():
                    do(topic, one, customer)
    return found


def schemas_with(shop: str) -> Iterator[str]:
    with schema_context(get_public_schema_name()):
        schemas = served_schemas()
    for schema in schemas:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT 1 FROM {connection.ops.quote_name(schema)}.integrations_connection"
                " WHERE kind = 'shopify' AND config ->> 'shop' = %s LIMIT 1",
                [shop],
            )
            if cursor.fetchone():
                yield schema


def do(topic: str, one: Connection, customer: str) -> None:
    if topic == "shop/redact":
        RemoteLink.objects.filter(connection=one).delete()
        one.secrets, one.state = {}, Connection.State.OFF
        one.state_reason = "Our app was removed from the shop."
        one.save(update_fields=["secrets", "state", "state_reason"])
        return
    wants_erasing = topic == "customers/redact"
    if wants_erasing:
        RemoteLink.objects.filter(connection=one, remote_id=customer).delete()
    told = {"connection": one.name, "customer": customer, "wants_erasing": wants_erasing}
    mail.mail_owners("shopify_privacy", told, once=f"{topic}:{one.pk}:{customer}")
