"""What Prometheus gets: from the database, and from the processes themselves."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from billing.models import MOST_ATTEMPTS, ReceivedEvent
from customerinfo import metrics, shared_counts
from customerinfo.tests.services import ROOT
from customerinfo.tests.stack import SHOPS, eventually
from tenants import figures
from tenants.models import Retailer


def fleet() -> dict[str, float]:
    """Series → value; labels in the order of their names."""
    found = {}
    for family in metrics.fleet().collect():
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_the_fleet_is_told_in_figures(retailers):
    from forms_app.tablets import Tablet

    acorn, birch = retailers
    now = timezone.now()
    with schema_context("public"):
        Retailer.objects.filter(pk=birch.pk).update(state="past_due")
        for number, attempts in enumerate((0, 1, MOST_ATTEMPTS)):
            ReceivedEvent.objects.create(
                id=f"evt_{number}",
                type="invoice.paid",
                object_type="invoice",
                attempts=attempts,
                received_at=now - timedelta(minutes=number),
            )
    for retailer, heard in ((acorn, now), (birch, now - timedelta(hours=3))):
        with tenant_context(retailer):
            Tablet.objects.create(name="Till", last_contact_at=heard)
    figures.count_all()
    with schema_context("public"):
        birch.counted.migrations_lacking = 2
        birch.counted.counted_at = now - timedelta(minutes=10)
        birch.counted.save()

    found = fleet()

    assert found['customerinfo_retailers{state="past_due"}'] == 1
    assert found['customerinfo_retailers{state="closed"}'] == 0
    assert found["customerinfo_tablets"] == 2
    assert found["customerinfo_tablets_offline"] == 1
    assert found["customerinfo_schemas_behind"] == 1
    assert found["customerinfo_schemas_not_served"] == 0
    assert 590 < found["customerinfo_figures_age_seconds"] < 700
    assert found["customerinfo_stripe_events_waiting"] == 2
    assert 50 < found["customerinfo_stripe_event_lag_seconds"] < 120
    assert found["customerinfo_stripe_events_set_aside"] == 1
    assert found['customerinfo_needs{tone="warning"}'] >= 1  # Birch is behind
    assert found["customerinfo_redis_up"] == 1
    assert 'customerinfo_queue_messages{queue="celery"}' in found
    assert connection.schema_name == "public"
    assert not any("corn" in series or "irch" in series for series in found)


def test_a_schema_with_a_problem_is_counted_as_not_served_and_not_as_behind(retailers):
    figures.count_all()
    with schema_context("public"):
        Retailer.objects.filter(pk=retailers[0].pk).update(schema_problem="lacks a table")
    found = fleet()
    assert found["customerinfo_schemas_not_served"] == 1
    assert found["customerinfo_schemas_behind"] == 0
    assert found['customerinfo_needs{tone="critical"}'] >= 1


def test_without_retailers_there_are_figures_too(db):
    with schema_context("public"):
        Retailer.objects.exclude(state="template").update(state="template")
    assert fleet()["customerinfo_figures_age_seconds"] == 0


def test_without_redis_the_other_figures_are_told(retailers, monkeypatch):
    from redis import Redis

    from customerinfo import broker

    nobody = Redis(port=1, socket_connect_timeout=0.2)
    monkeypatch.setattr(broker, "get_redis_connection", lambda name: nobody)
    found = fleet()
    assert found["customerinfo_redis_up"] == 0
    assert not any(series.startswith("customerinfo_queue_messages") for series in found)
    assert "customerinfo_tablets" in found


def test_one_broken_schema_does_not_hide_the_others(retailers, caplog):
    whole = fleet()
    with tenant_context(retailers[0]), connection.cursor() as cursor:
        cursor.execute("DROP TABLE integrations_attempt CASCADE")
    assert fleet().keys() == whole.keys()
    assert "r_acorn can't be asked" in caplog.text and "r_birch" not in caplog.text


def test_figures_that_fail_do_not_hide_the_rest(retailers, monkeypatch, caplog):
    def fail(*args):
        raise DatabaseError("out of shared memory")

    monkeypatch.setattr("integrations.metrics.look", fail)
    found = fleet()
    assert "No figures by integrations.metrics" in caplog.text
    assert found["customerinfo_redis_up"] == 1 and "customerinfo_schemas_not_served" in found
    assert not any(series.startswith("customerinfo_deliveries") for series in found)


def test_mails_that_were_given_up_are_not_waited_for(retailers):
    from integrations.models import Mail

    for retailer in retailers:
        with tenant_context(retailer):
            for days in (0, 10):
                mail = Mail.objects.create(kind="connection_paused", to="ann@shop.test")
                Mail.objects.filter(pk=mail.pk).update(
                    created_at=timezone.now() - timedelta(days=days)
                )
    assert fleet()["customerinfo_mails_unsent"] == 2


def test_a_worker_with_beat_in_it_shows_both(retailers, monkeypatch, tmp_path):
    monkeypatch.setenv(shared_counts.FOLDER, str(tmp_path))
    families = {family.name for family in metrics.everything().collect()}
    assert "customerinfo_retailers" in families


def test_it_is_asked_in_the_public_schema_wherever_one_was(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            assert fleet()["customerinfo_tablets"] >= 0
            assert connection.schema_name == retailer.schema_name


# Requests


def counted(route: str, method: str, status: int) -> float:
    from customerinfo.watching import REQUESTS

    return REQUESTS.labels(route, method, status)._value.get()


@pytest.mark.parametrize(
    "method, path, route, status",
    [
        ("GET", "/join/", "signup_page", 200),
        ("POST", "/join/", "signup_page", 409),
        ("GET", "/no-such-page/", "signup_page", 404),
        ("BREW", "/join/", "signup_page", 405),
        ("GET", "/admin/login/", "account_login", 200),
        ("GET", "/static/forms_app/app.css", "static", 200),
    ],
)
def test_requests_are_counted_by_route(retailers, method, path, route, status):
    shown = method if method != "BREW" else "other"
    before = counted(route, shown, status)
    for retailer in retailers:
        client = Client(headers={"host": retailer.host})
        assert client.generic(method, path).status_code == status
    assert counted(route, shown, status) == before + 2


def test_a_host_that_nobody_has_is_one_series_whatever_its_path(retailers):
    before = counted("unrouted", "GET", 404)
    for number in range(3):
        Client(headers={"host": f"stranger{number}.example"}).get(f"/path-{number}/")
    assert counted("unrouted", "GET", 404) == before + 3


def test_probes_are_not_counted(db):
    before = [sample for metric in watching_samples() for sample in metric.samples]
    Client().get("/healthz")
    Client().get("/readyz")
    after = [sample for metric in watching_samples() for sample in metric.samples]
    assert [one.value for one in after] == [one.value for one in before]


def watching_samples():
    from customerinfo.watching import REQUESTS

    return REQUESTS.collect()


# Processes


def test_counting_together_is_for_those_who_are_scraped(monkeypatch, tmp_path):
    monkeypatch.delenv(shared_counts.FOLDER, raising=False)
    monkeypatch.delenv("METRICS_PORT", raising=False)
    shared_counts.share()
    assert shared_counts.FOLDER not in os.environ
    folder = tmp_path / "counts"
    folder.mkdir()
    shared_counts.forget(str(folder), owner=1)
    assert folder.exists(), "a child that ends must not take what its parent counts"
    shared_counts.forget(str(folder), owner=os.getpid())
    assert not folder.exists()


def test_a_folder_for_counts_is_made_and_forgotten_with_its_process(tmp_path):
    ask = (
        "import os; from customerinfo import shared_counts as s; s.share(); s.share();"
        "print(os.path.isdir(os.environ[s.FOLDER]), os.environ[s.FOLDER])"
    )
    env = {**os.environ, "METRICS_PORT": "9090", "TMPDIR": str(tmp_path)}
    env["PYTHONPATH"] = f"{ROOT / 'site'}:{ROOT}"
    env.pop(shared_counts.FOLDER, None)
    done = subprocess.run([sys.executable, "-c", ask], env=env, capture_output=True, text=True)
    there, folder = done.stdout.split()
    assert there == "True" and folder.startswith(str(tmp_path))
    assert not os.path.exists(folder)


def test_a_port_that_is_taken_stops_nothing(settings, caplog):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.METRICS_PORT = taken.getsockname()[1]
        metrics.serve_fleet()
    assert "No metrics: port" in caplog.text


@pytest.mark.live
def test_each_process_shows_what_it_does(stack):
    shops = dict(enumerate(SHOPS))
    stack.get(SHOPS[0], "/join/")  # so that there is something to tell
    before = eventually(lambda: scraped(stack, "web"))
    for number in range(6):
        assert stack.sign_up(shops[number % 2], f"metrics{number}@shopper.example") == 303
    taken = 'customerinfo_signups_total{origin="page",outcome="taken"}'
    posts = 'customerinfo_requests_total{method="POST",route="signup_page",status="303"}'
    web = stack.metrics("web")
    assert web[taken] == before.get(taken, 0) + 6
    assert web[posts] == before.get(posts, 0) + 6
    assert 'customerinfo_request_seconds_bucket{le="0.05",route="signup_page"}' in web

    delivered = 'customerinfo_deliveries_total{connector="sandbox",outcome="delivered"}'
    eventually(lambda: scraped(stack, "worker").get(delivered, 0) >= 6)
    eventually(lambda: scraped(stack, "worker").get("customerinfo_sweep_seconds_count", 0) > 0, 90)
    worker = stack.metrics("worker")
    quick = 'customerinfo_delivery_delay_seconds_bucket{connector="sandbox",le="60.0"}'
    assert worker[quick] >= 6

    beat = eventually(lambda: scraped(stack, "beat"))
    assert beat['customerinfo_retailers{state="trial"}'] == len(SHOPS)
    assert beat['customerinfo_deliveries_waiting{connector="sandbox"}'] >= 0
    assert beat["customerinfo_redis_up"] == 1
    assert not any("fern" in series for series in {**web, **worker, **beat})
    # The connection of a scrape isn't kept: a thread of its own has made it.
    assert stack.metrics("beat").keys() == beat.keys()


def scraped(stack, name: str) -> dict[str, float]:
    try:
        return stack.metrics(name)
    except OSError:
        return {}
