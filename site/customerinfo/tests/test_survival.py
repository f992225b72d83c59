"""Nothing is lost: Redis stopped, a worker killed, a CRM away; all with the real processes."""

import signal
import uuid

import pytest

from .stack import SHOPS, eventually

pytestmark = pytest.mark.live


@pytest.fixture
def emails():
    """One for each shop."""
    return {shop: f"{uuid.uuid4().hex}@example.com" for shop in SHOPS}


def test_with_redis_stopped_a_shopper_is_thanked_and_arrives_later(stack, emails):
    stack.redis.stop()
    try:
        for shop, email in emails.items():
            assert stack.sign_up(shop, email) == 303
            assert stack.contacts(shop, email) == []
    finally:
        stack.redis.start()
    for shop, email in emails.items():
        assert len(eventually(lambda: stack.contacts(shop, email), seconds=90)) == 1


def test_a_worker_killed_in_mid_delivery_delivers_once_within_a_minute(stack, emails):
    for shop, email in emails.items():
        # The contact is made, but the answer never comes: the worst moment to die.
        key = f"key-{shop}"
        stack.crm.api("DELETE", "/faults", key=key)
        stack.crm.api(
            "POST", "/faults", {"kind": "hang", "times": 1, "after": 120, "path": "upsert"}, key=key
        )
        assert stack.sign_up(shop, email) == 303
    eventually(lambda: all(hanging(stack, shop) for shop in SHOPS))
    stack.stop("worker", signal.SIGKILL)
    stack.start("worker")
    for shop, email in emails.items():
        assert len(eventually(lambda: stack.contacts(shop, email), seconds=60)) == 1


def hanging(stack, shop):
    calls = stack.crm.api("GET", "/log", key=f"key-{shop}")[1]["calls"]
    return any(call["fault"] == "hang" for call in calls)


def test_a_worker_stopped_politely_loses_nothing(stack, emails):
    for shop, email in emails.items():
        assert stack.sign_up(shop, email) == 303
    stack.stop("worker", signal.SIGTERM)
    stack.start("worker")
    for shop, email in emails.items():
        assert len(eventually(lambda: stack.contacts(shop, email), seconds=60)) == 1


def test_the_logs_of_all_processes_name_no_shopper(stack, emails):
    for shop, email in emails.items():
        assert stack.sign_up(shop, email, first_name="Zebedee") == 303
        eventually(lambda: stack.contacts(shop, email))
    for name in ("web", "worker", "beat"):
        assert "Zebedee" not in stack.log(name)
        assert not any(email in stack.log(name) for email in emails.values())
