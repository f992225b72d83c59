"""The operator sees what Stripe sent; nobody on a retailer's host does."""

import pytest
from django.conf import settings as current
from django.contrib.auth import get_user_model
from django.test import Client
from django_tenants.utils import tenant_context

from billing.models import MOST_ATTEMPTS, ReceivedEvent

LIST = "/admin/billing/receivedevent/"


@pytest.fixture
def events(retailers):
    """One of each outcome, about Acorn and Birch in turn."""
    outcomes = {
        "evt_done": {"processed_at": "2026-11-22T12:00:00Z", "customer": "cus_acorn"},
        "evt_new": {"customer": "cus_birch"},
        "evt_again": {"error": "APIError: 503", "attempts": 1, "customer": "cus_acorn"},
        "evt_aside": {"error": "x", "attempts": MOST_ATTEMPTS, "customer": "cus_birch"},
    }
    for id, values in outcomes.items():
        ReceivedEvent.objects.create(
            id=id, type="customer.updated", object_type="customer", **values
        )


def logged_in(host: str) -> Client:
    client = Client(HTTP_HOST=host)
    users = get_user_model().objects
    client.force_login(users.create_superuser("operator@console.test", "a password"))
    return client


def test_the_operator_sees_each_event_and_what_became_of_it(events):
    client = logged_in(current.OPERATOR_HOST)
    assert LIST in client.get("/admin/").text
    page = client.get(LIST).text
    for words in ("Processed", "Waiting", "Will be tried again", "Set aside", "cus_acorn"):
        assert words in page
    found = client.get(LIST, {"q": "cus_birch"}).text
    assert "Set aside" in found and "cus_acorn" not in found


def test_events_can_only_be_looked_at(events):
    client = logged_in(current.OPERATOR_HOST)
    for action in ("create/", "edit/evt_5Fdone/", "delete/evt_5Fdone/"):
        assert client.post(f"{LIST}{action}").status_code in (302, 403, 404), action
    assert ReceivedEvent.objects.count() == 4


def test_on_a_retailers_host_not_even_its_superuser_sees_them(events, retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            client = logged_in(retailer.host)
        assert LIST not in client.get("/admin/").text
        answer = client.get(LIST, follow=False)
        assert answer.status_code in (302, 403, 404)


def test_an_event_names_itself(events):
    assert str(ReceivedEvent.objects.get(pk="evt_new")) == "customer.updated evt_new"
