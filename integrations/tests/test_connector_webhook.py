from dataclasses import replace
from datetime import datetime, timezone

import pytest
from standardwebhooks.webhooks import Webhook

from integrations.connectors import connector_class
from integrations.connectors.base import (
    CredentialsRefused,
    Delivered,
    Identity,
    MappedValue,
    NeedsAttention,
    Record,
    RetryLater,
    TryLater,
)
from integrations.connectors.webhook import WebhookConnector, new_secret
from integrations.http import Http
from integrations.mapping import ConsentGiven, default_rows
from integrations.tests.hostile import Hostile

WHEN = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
SECRET = new_secret()


@pytest.fixture
def receiver():
    with Hostile() as receiver:
        yield receiver


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=2) as http:
        yield http


def connector(http: Http, url: str, secret: str = SECRET) -> WebhookConnector:
    return WebhookConnector({"url": url, "secret": secret}, http)


def record(ref: str = "s-1", **more) -> Record:
    return Record(
        ref=ref,
        identity=Identity("email", "ann@example.com"),
        values={"email": MappedValue("ann@example.com"), "tags": MappedValue(["a"], "append")},
        consents=(ConsentGiven("k", "marketing", "News, please", "de", True, WHEN, 3),),
        language="de",
        submitted_at=WHEN,
        **more,
    )


def test_a_sign_up_arrives_signed_and_whole(receiver, http):
    outcomes = connector(http, receiver.url("/ok")).upsert([record(is_test=True)])
    assert outcomes == {"s-1": Delivered("")}
    (seen,) = receiver.seen
    assert seen.method == "POST" and seen.headers["content-type"] == "application/json"
    assert seen.headers["webhook-id"] == "s-1"
    assert Webhook(SECRET).verify(seen.body, seen.headers) == {
        "type": "signup.created",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {
            "id": "s-1",
            "test": True,
            "language": "de",
            "attributes": {"email": "ann@example.com", "tags": ["a"]},
            "consents": [
                {
                    "purpose": "marketing",
                    "given": True,
                    "wording": "News, please",
                    "language": "de",
                    "recorded_at": "2026-11-22T12:00:00Z",
                    "form_version": 3,
                }
            ],
        },
    }


def test_a_repeat_can_be_dropped_by_its_id(receiver, http):
    for _ in range(2):
        connector(http, receiver.url("/ok")).upsert([record()])
    first, second = receiver.seen
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "s-1"
    assert first.body == second.body


def test_a_language_that_nobody_knows_is_not_sent(receiver, http):
    connector(http, receiver.url("/ok")).upsert([replace(record(), language="", submitted_at=None)])
    event = receiver.seen[0].json()
    assert "language" not in event["data"] and event["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "status, outcome",
    [
        (200, Delivered),
        (202, Delivered),
        (204, Delivered),
        (400, NeedsAttention),
        (409, NeedsAttention),
        (413, NeedsAttention),
        (422, NeedsAttention),
        (500, RetryLater),
        (501, RetryLater),
    ],
)
def test_one_answer_is_about_one_sign_up(receiver, http, status, outcome):
    receiver.answers(status)
    outcomes = connector(http, receiver.url("/ok")).upsert([record("s-1"), record("s-2")])
    assert isinstance(outcomes["s-1"], outcome)
    assert outcomes["s-2"] == Delivered("")


@pytest.mark.parametrize(
    "status, error",
    [
        (302, TryLater),
        (401, CredentialsRefused),
        (403, CredentialsRefused),
        (404, TryLater),
        (405, TryLater),
        (408, TryLater),
        (410, CredentialsRefused),
        (429, TryLater),
        (502, TryLater),
        (503, TryLater),
    ],
)
def test_an_answer_about_the_receiver_stops_the_batch_and_keeps_what_is_done(
    receiver, http, status, error
):
    receiver.answers(200)
    receiver.answers(status, Retry_After="9")
    records = [record("s-1"), record("s-2"), record("s-3")]
    with pytest.raises(error) as caught:
        connector(http, receiver.url("/ok")).upsert(records)
    assert caught.value.outcomes == {"s-1": Delivered("")}
    assert len(receiver.seen) == 2
    if error is TryLater:
        assert caught.value.after == 9


def test_an_error_of_the_receiver_may_say_when_to_come_back(receiver, http):
    receiver.answers(500, Retry_After="30")
    outcomes = connector(http, receiver.url("/ok")).upsert([record()])
    assert outcomes["s-1"].after == 30


@pytest.mark.parametrize(
    "path, code", [("/hang", "timeout"), ("/close", "reset"), ("/half", "reset")]
)
def test_a_receiver_that_breaks_off_is_tried_later(receiver, http, path, code):
    with pytest.raises(TryLater) as caught:
        connector(http, receiver.url(path)).upsert([record()])
    assert (caught.value.code, caught.value.outcomes) == (code, {})


def test_an_inner_address_pauses_the_connection():
    with pytest.raises(CredentialsRefused) as caught:
        connector(Http(), "https://127.0.0.1/").upsert([record()])
    assert caught.value.code == "blocked"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_a", "whsec_A"])
def test_a_secret_that_is_none_pauses_the_connection(receiver, http, secret):
    with pytest.raises(CredentialsRefused) as caught:
        connector(http, receiver.url("/ok"), secret).check()
    assert caught.value.code == "bad_secret"
    assert receiver.seen == []


def test_a_check_posts_a_signed_ping(receiver, http):
    account = connector(http, receiver.url("/ok")).check()
    assert (account.name, account.detail) == ("127.0.0.1", "Answered with status 200.")
    event = Webhook(SECRET).verify(receiver.seen[0].body, receiver.seen[0].headers)
    assert event["type"] == "ping"


def test_a_check_of_a_wrong_address_says_so(receiver, http):
    with pytest.raises(TryLater) as caught:
        connector(http, receiver.url("/status/404")).check()
    assert caught.value.code == "wrong_address"
    with pytest.raises(CredentialsRefused):
        connector(http, receiver.url("/status/410")).check()


def test_any_attribute_goes_and_one_is_offered_for_each_meaning(http):
    webhook = connector_class("webhook")
    assert webhook is WebhookConnector and webhook.any_attribute
    attributes = connector(http, "https://example.com").describe()
    rows = default_rows(attributes, webhook.hints)
    assert ("meaning:email", "email") in [(row.source, row.attribute) for row in rows]


def test_the_secret_is_marked_as_one():
    assert [(field.name, field.secret) for field in WebhookConnector.config_fields] == [
        ("url", False),
        ("secret", True),
    ]
