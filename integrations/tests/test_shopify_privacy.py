"""Shopify's webhooks about people's data: only Shopify is heard, only that shop is touched."""

import base64
import hashlib
import hmac
import json

import pytest
from django.test import Client
from django_tenants.utils import tenant_context
from kombu.exceptions import OperationalError

from integrations import tasks
from integrations.models import Connection, Mail, RemoteLink

SECRET = "shpss_secret"
ADDRESS = "/shopify/webhook/"
ROBIN = {"id": 7001, "email": "robin@example.com", "phone": "+31612345678"}


@pytest.fixture(autouse=True)
def client_of_ours(settings):
    settings.OAUTH_CLIENTS = {"shopify": ("id", SECRET)}


@pytest.fixture
def sent(monkeypatch) -> list:
    """What goes through the broker; it is carried out at once."""
    told = []

    def carry_out(*arguments):
        told.append(arguments)
        tasks.follow_shopify(*arguments)

    monkeypatch.setattr(tasks.follow_shopify, "delay", carry_out)
    return told


@pytest.fixture
def shops(retailers) -> dict[str, Connection]:
    """Each has the same customer's number in a shop of its own."""
    made = {}
    for retailer in retailers:
        with tenant_context(retailer):
            one = Connection.objects.create(
                name="Ours",
                kind="shopify",
                config={"shop": retailer.slug},
                secrets={"token": "shpat_1"},
            )
            RemoteLink.objects.create(connection=one, identity="email:r@x.test", remote_id="7001")
            RemoteLink.objects.create(connection=one, identity="email:s@x.test", remote_id="7002")
            made[retailer.slug] = one
    return made


def post(topic: str, body=None, secret: str = SECRET, shop: str = "acorn", **headers):
    told = {"shop_domain": f"{shop}.myshopify.com", "customer": ROBIN} if body is None else body
    raw = told if isinstance(told, bytes) else json.dumps(told).encode()
    digest = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
    headers = {"host": "console.shops.test", "X-Shopify-Hmac-Sha256": digest, **headers}
    return Client(headers={**headers, "X-Shopify-Topic": topic}).post(
        ADDRESS, raw, content_type="application/json"
    )


def numbers(retailer) -> list[str]:
    with tenant_context(retailer):
        return sorted(RemoteLink.objects.values_list("remote_id", flat=True))


def letters(retailer) -> list[dict]:
    with tenant_context(retailer):
        return [letter.context for letter in Mail.objects.filter(kind="shopify_privacy")]


def test_who_wants_to_be_forgotten_is_and_owners_are_told_once(retailers, shops, sent):
    acorn, birch = retailers
    for _ in range(2):
        assert post("customers/redact").status_code == 200
    assert numbers(acorn) == ["7002"] and numbers(birch) == ["7001", "7002"]
    (letter,) = letters(acorn)
    assert letter["wants_erasing"] and letter["customer"] == "7001" and letters(birch) == []
    assert "robin" not in str(sent) and "316" not in str(sent)


def test_who_asks_for_their_data_is_passed_on_and_nothing_is_deleted(retailers, shops, sent):
    acorn, birch = retailers
    assert post("customers/data_request", shop="birch").status_code == 200
    assert numbers(acorn) == numbers(birch) == ["7001", "7002"]
    (letter,) = letters(birch)
    assert not letter["wants_erasing"] and letters(acorn) == []


def test_a_shop_that_removed_the_app_has_its_token_forgotten(retailers, shops, sent):
    acorn, birch = retailers
    assert post("shop/redact", {"shop_domain": "acorn.myshopify.com"}).status_code == 200
    with tenant_context(acorn):
        one = Connection.objects.get(kind="shopify")
        assert (one.state, one.secrets) == ("off", {}) and numbers(acorn) == []
    with tenant_context(birch):
        one = Connection.objects.get(kind="shopify")
        assert one.secrets == {"token": "shpat_1"} and one.state == "active"


def test_a_shop_that_nobody_has_is_no_error(retailers, shops, sent):
    assert post("customers/redact", shop="oak").status_code == 200
    assert tasks.follow_shopify("shop/redact", "oak", "") == 0


def test_only_shopify_is_heard(retailers, shops, sent, settings):
    assert post("customers/redact", secret="another").status_code == 401
    for odd in ("", "é", "x" * 500):
        answer = post("customers/redact", **{"X-Shopify-Hmac-Sha256": odd})
        assert answer.status_code == 401
    settings.OAUTH_CLIENTS = {"shopify": ("", "")}
    assert post("customers/redact").status_code == 404
    assert sent == []


@pytest.mark.parametrize(
    "topic, body",
    [
        ("customers/create", None),
        ("", None),
        ("customers/redact", b"no json"),
        ("customers/redact", []),
        ("customers/redact", {"shop_domain": "acorn.myshopify.com"}),
        ("customers/redact", {"shop_domain": "evil.example", "customer": ROBIN}),
        ("customers/redact", {"shop_domain": "acorn.myshopify.com", "customer": {"id": "x"}}),
        ("shop/redact", {"shop_domain": 7}),
    ],
)
def test_what_is_no_webhook_of_these_is_refused(retailers, shops, sent, topic, body):
    assert post(topic, body).status_code == 400 and sent == []


def test_a_body_that_is_too_large_is_refused(retailers, shops, sent):
    assert post("customers/redact", b" " * 100_001).status_code == 413


def test_without_the_broker_shopify_is_asked_to_come_again(retailers, shops, monkeypatch):
    def gone(*arguments):
        raise OperationalError

    monkeypatch.setattr(tasks.follow_shopify, "delay", gone)
    assert post("customers/redact").status_code == 503


def test_a_retailers_host_takes_none(retailers, shops, sent):
    for retailer in retailers:
        answer = post("customers/redact", host=retailer.host)
        assert answer.status_code in (404, 405, 409) and sent == []
