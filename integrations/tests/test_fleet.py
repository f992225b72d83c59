"""The operator's view over all retailers, in a handful of queries and without personal data."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection as database
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from customerinfo import metrics
from integrations import fleet_view, over_schemas
from integrations.admin import fleet_page
from integrations.models import Attempt, Connection, Delivery, Mail

HOST = {"host": "console.shops.test"}


@pytest.fixture
def operator(db):
    client = Client(headers=HOST)
    user = get_user_model().objects.create_superuser("operator@console.test", "a long password")
    client.force_login(user)
    return client


@pytest.fixture
def trouble(retailers, connected, sign_up):
    """Acorn's CRM is dead, Birch's refuses; each has tried."""
    acorn, birch = retailers
    dead, refused = connected(acorn, name="Dead CRM"), connected(birch, name="Strict CRM")
    for retailer, number in ((acorn, 3), (birch, 2)):
        for person in range(number):
            sign_up(retailer, f"shopper{person}@example.com", first_name="Ada")
    now = timezone.now()
    with tenant_context(acorn):
        Connection.objects.update(failures=5, not_before=now - timedelta(hours=3))
        Delivery.objects.update(due_at=now - timedelta(hours=2))
        for delivery in Delivery.objects.all():
            Attempt.objects.create(
                delivery=delivery, outcome="retry", code="timeout", duration_ms=9000
            )
        Attempt.objects.create(delivery=delivery, outcome="delivered", duration_ms=1000)
        old = now - timedelta(days=3)
        Attempt.objects.create(delivery=delivery, outcome="retry", code="ancient", at=old)
        Mail.objects.create(kind="connection_paused", to="ann@acorn.test")
    with tenant_context(birch):
        Connection.objects.update(state="paused", paused_by="invalid_api_key")
        Attempt.objects.create(
            delivery=Delivery.objects.first(), outcome="paused", code="invalid_api_key"
        )
    return dead, refused


def test_the_page_says_what_waits_what_fails_and_who_is_slow(operator, trouble):
    answer = operator.get("/admin/deliveries/")
    assert answer.status_code == 200
    text = answer.text
    for words in ("Acorn", "Birch", "Dead CRM", "Strict CRM", "Not answering", "2\xa0hours"):
        assert words in text, words
    assert "Refused: invalid_api_key" in text and "timeout" in text and "ancient" not in text
    assert "7000 ms" in text, "the mean of what the CRM took"
    assert "shopper" not in text and "Ada" not in text and "key-acorn" not in text


def test_it_is_asked_in_a_handful_of_queries(trouble, django_assert_max_num_queries, monkeypatch):
    database.set_schema_to_public()
    with django_assert_max_num_queries(6 + 2 * 3):  # a transaction for each question
        fleet = fleet_view.look()
    assert database.schema_name == "public"
    assert sum(row.waiting for row in fleet.connections) == 5
    assert {row.schema for row in fleet.attempts} == {row.schema for row in fleet.connections}
    monkeypatch.setattr(over_schemas, "SCHEMAS_A_QUERY", 1)
    again = fleet_view.look()
    assert [row.waiting for row in again.connections] == [row.waiting for row in fleet.connections]


def test_with_nothing_to_say_it_says_so(operator, retailers):
    text = operator.get("/admin/deliveries/").text
    assert "Nothing waits, and every CRM answers." in text
    assert "Nothing failed." in text and "Nothing was sent." in text


def test_each_state_has_its_words(trouble):
    acorn, birch = (one.pk for one in trouble)
    fleet = fleet_view.look()
    row = fleet.connections[0]

    def words(**values):
        return fleet_page.state_in_words(fleet_view.ConnectionRow(**{**vars(row), **values}), fleet)

    calm = {"state": "active", "failures": 0, "not_before": fleet.now - timedelta(1)}
    assert words(**calm) == ("Active", "good")
    later = {**calm, "not_before": fleet.now + timedelta(1)}
    assert words(**later) == ("Asked to wait", "busy")
    by_hand = {**calm, "state": "paused", "paused_by": "hand"}
    assert words(**by_hand) == ("Paused by hand", "busy")
    assert fleet_page.kind_label("withdrawn_kind") == "withdrawn_kind"
    assert row.waited(fleet.now - timedelta(days=9)) == 0


def test_only_the_operator_sees_it_and_only_on_the_console(retailers, visitor, trouble):
    acorn, birch = retailers
    for retailer in retailers:
        owner = visitor(retailer)
        with tenant_context(retailer):
            user = get_user_model().objects.create_superuser(f"root@{retailer.slug}.test", "x" * 12)
            owner.client.force_login(user)
        for path in ("deliveries/", "mails/", "mails/connection_paused/"):
            assert owner.client.get(f"/admin/{path}").status_code == 404
        home = owner.client.get("/admin/").text
        assert "/admin/deliveries/" not in home and "/admin/mails/" not in home
    nobody = Client(headers=HOST)
    assert nobody.get("/admin/deliveries/").status_code == 302


# metrics


def test_prometheus_gets_figures_without_names(operator, trouble):
    answer = operator.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        'customerinfo_deliveries_waiting{connector="sandbox"} 5.0',
        'customerinfo_deliveries_waiting{connector="webhook"} 0.0',
        'customerinfo_connections{connector="sandbox",state="not_answering"} 1.0',
        'customerinfo_connections{connector="sandbox",state="paused"} 1.0',
        'customerinfo_delivery_attempts_5m{code="timeout",connector="sandbox",outcome="retry"} 3.0',
        "customerinfo_mails_unsent 1.0",
    ):
        assert line in lines, answer.text
    assert 7190 < overdue(answer.text) < 7300
    (took,) = [x for x in lines if x.startswith("customerinfo_delivery_call_seconds{")]
    assert 5 < float(took.split()[-1]) < 7
    assert not any(name in answer.text for name in ("corn", "irch", "shopper", "Dead CRM"))


def overdue(text: str) -> float:
    start = 'customerinfo_delivery_overdue_seconds{connector="sandbox"} '
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return float(line.removeprefix(start))


def test_who_has_asked_us_to_wait_is_not_overdue_until_then(
    operator, retailers, connected, sign_up
):
    """Else an alert says that the workers are gone, where one CRM is all there is to call."""
    acorn, birch = retailers
    now = timezone.now()
    for retailer in retailers:
        connected(retailer)
        sign_up(retailer, "shopper@example.com")
        with tenant_context(retailer):
            Delivery.objects.update(due_at=now - timedelta(minutes=50))

    def not_before(retailer, minutes):
        with tenant_context(retailer):
            Connection.objects.update(not_before=now + timedelta(minutes=minutes))
        return overdue(operator.get("/metrics").text)

    not_before(acorn, 10)
    assert not_before(birch, 10) == 0
    assert 3000 <= not_before(birch, -55) < 3100, "Birch's could have gone 50 minutes ago"
    assert "50\xa0minutes" in operator.get("/admin/deliveries/").text, "how long Acorn's wait, too"
    not_before(birch, 10)
    assert 600 <= not_before(acorn, -10) < 700, "Acorn's since the wait was over"


def test_metrics_are_for_the_operator_and_for_the_token_alone(retailers, operator, settings):
    anybody = Client(headers=HOST)
    assert anybody.get("/metrics").status_code == 404
    assert anybody.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = "scrape-me"
    assert anybody.get("/metrics", headers={"authorization": "Bearer scrape-me"}).status_code == 200
    for wrong in ("Bearer scrape", "Bearer scrape-me2", "scrape-me", "Bearer ünicode"):
        header = wrong.encode().decode("latin-1")
        assert anybody.get("/metrics", headers={"authorization": header}).status_code == 404
    for retailer in retailers:
        there = Client(headers={"host": retailer.host, "authorization": "Bearer scrape-me"})
        assert there.get("/metrics").status_code == 404
    assert operator.get("/metrics").status_code == 200
    user = get_user_model().objects.get(email="operator@console.test")
    user.is_superuser = False
    user.save()
    cache.clear()
    assert operator.get("/metrics").status_code == 404


def test_the_view_itself_answers_nobody_on_a_retailers_host(retailers, rf, settings):
    from django.http import Http404

    settings.METRICS_TOKEN = "scrape-me"
    request = rf.get("/metrics", headers={"authorization": "Bearer scrape-me"})
    with tenant_context(retailers[0]), pytest.raises(Http404):
        metrics.view(request)


# mails


def test_the_operator_sees_each_mail_before_a_retailer_does(operator, retailers):
    page = operator.get("/admin/mails/").text
    assert "HubSpot no longer lets us in" in page and "Nothing is lost." in page
    mail = operator.get("/admin/mails/connection_paused/")
    assert "HubSpot no longer lets us in</h1>" in mail.text
    assert "sandbox" in mail["Content-Security-Policy"]
    assert mail["X-Frame-Options"] == "SAMEORIGIN"
    assert operator.get("/admin/mails/no_such_mail/").status_code == 404
