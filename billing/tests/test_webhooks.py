"""Only Stripe's own, fresh events of our mode are taken: once each, and answered at once."""

import io
import json
import time

import pytest
from django.conf import settings as current
from django.http import UnreadablePostError
from django.test import Client, RequestFactory
from django_tenants.utils import tenant_context
from kombu.exceptions import OperationalError

from billing import tasks, webhooks
from billing.models import ReceivedEvent
from billing.tests.conftest import SECRET, post
from billing.tests.fake_stripe import delivery, shapes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("billing_settings")]


@pytest.fixture
def rung(monkeypatch) -> list[str]:
    """Ids of the events that a worker was asked to process."""
    ids: list[str] = []
    monkeypatch.setattr(tasks.process_event, "delay", ids.append)
    return ids


def event(number: int = 1, type: str = "customer.updated", livemode=False, **about) -> dict:
    thing = shapes.customer("cus_acorn", livemode) | about
    return shapes.event(f"evt_{number}", type, thing, None, livemode)


def refused(answer, status: int = 400) -> None:
    assert answer.status_code == status
    assert answer["Content-Type"] == "text/plain"
    assert not ReceivedEvent.objects.exists()


def test_an_event_is_kept_with_what_it_is_about_and_a_worker_is_asked(
    rung, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(event())
        assert rung == []  # not before the event is committed
    assert (answer.status_code, answer.text) == (200, "Received.")
    kept = ReceivedEvent.objects.get()
    assert (kept.id, kept.type) == ("evt_1", "customer.updated")
    assert (kept.object_type, kept.object_id, kept.customer) == (
        "customer",
        "cus_acorn",
        "cus_acorn",
    )
    assert (kept.processed_at, kept.attempts, kept.error) == (None, 0, "")
    assert rung == ["evt_1"]


@pytest.mark.parametrize(
    ("about", "object_id", "customer"),
    [
        ({"object": "subscription", "id": "sub_1", "customer": "cus_1"}, "sub_1", "cus_1"),
        ({"object": "price", "id": "price_1", "customer": None}, "price_1", ""),
        ({"object": "invoice", "id": None, "customer": "cus_1"}, "", "cus_1"),
    ],
)
def test_each_kind_of_object_is_kept_with_its_customer(rung, about, object_id, customer):
    assert post(event(**about)).status_code == 200
    kept = ReceivedEvent.objects.get()
    assert (kept.object_id, kept.customer) == (object_id, customer)


def test_a_repeated_event_is_kept_once_and_rung_for_until_it_is_processed(
    rung, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        assert [post(event()).status_code for _ in range(3)] == [200] * 3
    assert rung == ["evt_1"] * 3
    ReceivedEvent.objects.update(processed_at="2026-11-22T12:00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        assert post(event()).status_code == 200
    assert len(rung) == 3 and ReceivedEvent.objects.count() == 1


def test_with_redis_down_the_answer_is_the_same(monkeypatch, django_capture_on_commit_callbacks):
    def unreachable(event_id):
        raise OperationalError("Connection refused.")

    monkeypatch.setattr(tasks.process_event, "delay", unreachable)
    with django_capture_on_commit_callbacks(execute=True):
        assert post(event()).status_code == 200
    assert ReceivedEvent.objects.due().count() == 1


@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "patch", "options"])
def test_only_post_is_taken(method):
    answer = getattr(Client(), method)("/stripe/webhook/", HTTP_HOST=current.OPERATOR_HOST)
    assert answer.status_code == 405 and answer["Allow"] == "POST"


def test_a_forged_signature_is_refused():
    refused(post(event(), secret="whsec_of_somebody_else"))


def test_a_changed_body_is_refused():
    body = delivery.packed(event())
    refused(post(body + b" ", HTTP_STRIPE_SIGNATURE=delivery.sign(body, SECRET)))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "v1=abc",
        "t=1",
        "t=,v1=",
        "t=x,v1=abc",
        f"t={'9' * 5000},v1=abc",
        "t=-1,v1=abc",
        "t=1,v0=abc",
        ",,,===",
        "t=1,v1=\u00e9\u00e9",
        "t=1,v1=\x00",
    ],
)
def test_an_odd_signature_is_refused(header):
    refused(post(event(), HTTP_STRIPE_SIGNATURE=header))


def test_no_signature_at_all_is_refused():
    request = RequestFactory().post("/", "{}", content_type="application/json")
    refused(webhooks.receive(request))


def test_an_old_event_is_refused_and_a_young_one_taken():
    now = int(time.time())
    refused(post(event(), at=now - webhooks.OLDEST - 5))
    assert post(event(), at=now - webhooks.OLDEST + 30).status_code == 200


def test_an_event_of_the_other_mode_is_refused(settings):
    refused(post(event(livemode=True)))
    settings.STRIPE_SECRET_KEY = "sk_live_" + "b2" * 12
    refused(post(event(livemode=False)))
    assert post(event(livemode=True)).status_code == 200


@pytest.mark.parametrize("mode", [None, 0, "false", "live"])
def test_an_event_without_a_clear_mode_is_refused(mode):
    refused(post({**event(), "livemode": mode}))


def test_an_oversized_body_is_refused_unread():
    big = event(description="x" * webhooks.LARGEST)
    refused(post(big), 413)
    refused(post(big, secret="forged"), 413)
    refused(post(b"x" * 2_000_000), 413)


def test_a_body_that_is_longer_than_announced_is_cut():
    body = b"x" * (webhooks.LARGEST + 10)
    request = RequestFactory().post("/", body, content_type="application/json")
    request.META["CONTENT_LENGTH"] = "5"
    request._stream = io.BytesIO(body)
    refused(webhooks.receive(request), 413)


def test_the_largest_body_is_taken():
    room = webhooks.LARGEST - len(delivery.packed(event(description="")))
    assert post(event(description="x" * room)).status_code == 200


@pytest.mark.parametrize("length", ["abc", "-5", "", "1e3", "9" * 5000])
def test_an_odd_content_length_is_refused(length):
    request = RequestFactory().post("/", b"{}", content_type="application/json")
    request.META["CONTENT_LENGTH"] = length
    assert webhooks.receive(request).status_code in (400, 413)
    assert not ReceivedEvent.objects.exists()


def test_a_sender_that_hangs_up_is_refused():
    class HungUp(io.BytesIO):
        def read(self, *args):
            raise UnreadablePostError("gone")

    request = RequestFactory().post("/", b"{}", content_type="application/json")
    request._stream = HungUp()
    refused(webhooks.receive(request))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'"evt_1"',
        b"{}",
        b'{"id": "evt_1", "object": "v2.core.event", "type": "x", "livemode": false}',
        json.dumps({**event(), "data": []}).encode(),
        json.dumps({**event(), "data": {"object": None}}).encode(),
        json.dumps({**event(), "data": {"object": {"id": "cus_1"}}}).encode(),
    ],
)
def test_what_is_no_event_is_refused_although_it_is_signed(body):
    refused(post(body))


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "evt\x00"},
        {"id": ""},
        {"id": 5},
        {"id": None},
        {"id": "e" * 300},
        {"type": "x" * 300},
        {"type": ["a"]},
        {"data": {"object": {"object": "x" * 200, "id": "a"}}},
        {"data": {"object": {"object": "customer", "id": {"a": 1}}}},
        {"data": {"object": {"object": "invoice", "id": "in_1", "customer": "cus 1"}}},
    ],
)
def test_odd_ids_and_types_are_refused(odd):
    refused(post({**event(), **odd}))


@pytest.mark.parametrize(
    "forwarded",
    ["", "garbage", "1.2.3.4.5.6", "[::1", "<script>", ",,,", "1.2.3.4, \u00e9", "x" * 5000, "\0"],
)
def test_an_odd_forwarded_for_header_changes_nothing(forwarded):
    odd = {"HTTP_X_FORWARDED_FOR": forwarded, "HTTP_X_REAL_IP": forwarded}
    refused(post(event(), secret="forged", **odd))
    assert post(event(), **odd).status_code == 200


def test_a_header_cant_bring_its_own_secret(settings):
    settings.DEBUG = True
    refused(post(event(), secret="mine", HTTP_X_DJSTRIPE_WEBHOOK_SECRET="mine"))


def test_a_retailers_host_takes_no_events(retailers):
    for retailer in retailers:
        assert 400 <= post(event(), HTTP_HOST=retailer.host).status_code < 500
        assert not ReceivedEvent.objects.exists()
    body = delivery.packed(event())
    signature = {"HTTP_STRIPE_SIGNATURE": delivery.sign(body, SECRET)}
    for retailer in retailers:
        request = RequestFactory().post("/", body, "application/json", **signature)
        with tenant_context(retailer):
            answer = webhooks.receive(request)
        refused(answer, 404)


def test_without_a_secret_nothing_is_taken(settings):
    settings.STRIPE_WEBHOOK_SECRET = ""
    refused(post(event(), secret=""), 404)
    del settings.STRIPE_WEBHOOK_SECRET
    refused(post(event(), secret=""), 404)


def test_no_cookie_is_set_and_none_is_needed():
    answer = Client(enforce_csrf_checks=True).post(
        "/stripe/webhook/",
        delivery.packed(event()),
        content_type="application/json",
        HTTP_HOST=current.OPERATOR_HOST,
        HTTP_STRIPE_SIGNATURE=delivery.sign(delivery.packed(event()), SECRET),
    )
    assert answer.status_code == 200 and not answer.cookies
