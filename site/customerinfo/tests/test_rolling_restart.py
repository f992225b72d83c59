"""An update under load fails no request, loses no sign-up and delivers nothing twice."""

import http.client
import signal
import threading
import uuid

import psycopg2
import pytest

from customerinfo import web

from .rolling import DRAIN_AT_MOST, Load, chart_web, under_load
from .services import ROOT
from .stack import SHOPS, eventually

pytestmark = pytest.mark.live


@pytest.fixture
def upserts(stack):
    """upserts(shop) → how many contacts the CRM was sent since the test began, with each call."""
    still = "SELECT 1 FROM integrations_delivery WHERE state IN ('due', 'sending')"
    eventually(lambda: not any(rows(stack, shop, still) for shop in SHOPS))
    before = {shop: len(calls(stack, shop)) for shop in SHOPS}
    return lambda shop: [call["count"] for call in calls(stack, shop)[before[shop] :]]


def calls(stack, shop) -> list[dict]:
    found = stack.crm.api("GET", "/log", key=f"key-{shop}")[1]["calls"]
    return [call for call in found if call["path"].endswith("/upsert")]


def rows(stack, shop: str, query: str, *values) -> list[tuple]:
    """`query` with the retailer's schema in the search path."""
    with psycopg2.connect(stack.env["DATABASE_URL"]) as link, link.cursor() as cursor:
        cursor.execute(f"SET search_path TO r_{shop.replace('-', '_')}")
        cursor.execute(query, values)
        found = cursor.fetchall()
    link.close()
    return found


def emails_in_crm(stack, shop: str, ending: str) -> list[str]:
    found, page = [], None
    while page is None or len(page) == 1000:
        path = f"/contacts?limit=1000&offset={len(found)}"
        page = stack.crm.api("GET", path, key=f"key-{shop}")[1]["contacts"]
        found += [contact["attributes"].get("email", "") for contact in page]
    return sorted(email for email in found if email.endswith(ending))


def assert_each_once(stack, load: Load, upserts) -> None:
    """Whoever was thanked stands in the database once and was sent to the CRM once."""
    ending = f"@{load.mark}.example.com"
    for shop in SHOPS:
        wanted = sorted(load.ids[shop])
        assert len(wanted) > 20
        query = "SELECT id::text FROM forms_app_signup WHERE email LIKE %s ORDER BY id::text"
        assert [made for (made,) in rows(stack, shop, query, f"%{ending}")] == wanted
        in_crm = [load.email(made) for made in wanted]
        eventually(lambda: len(emails_in_crm(stack, shop, ending)) >= len(in_crm))
        assert emails_in_crm(stack, shop, ending) == in_crm
        assert sum(upserts(shop)) == len(wanted)


def test_web_processes_are_replaced_under_load_without_a_failed_request(stack, upserts):
    with under_load(stack) as (deployment, load):
        kept = http.client.HTTPConnection("127.0.0.1", deployment.service.port, timeout=20)
        load.visitor(SHOPS[0])(kept)
        threading.Event().wait(3)  # a proxy keeps idle connections, too, and sends on them later
        load.visitor(SHOPS[0])(kept)
        kept.close()
        for _ in range(2):
            assert deployment.replace(min(deployment.web["drainSeconds"], DRAIN_AT_MOST)) == 0
        seen = {shop: count + 5 for shop, count in load.pages.items()}
        eventually(lambda: all(load.pages[shop] > seen[shop] for shop in SHOPS))
    assert load.failures == []
    assert_each_once(stack, load, upserts)


def test_without_the_drain_requests_fail_so_the_test_above_can(stack):
    with under_load(stack, workers=1) as (deployment, load):
        eventually(lambda: all(load.ids[shop] for shop in SHOPS))
        deployment.replace(drain=0)
    assert load.failures


def test_a_worker_stopped_in_mid_batch_hands_over_without_sending_anything_twice(stack, upserts):
    mark = uuid.uuid4().hex
    emails = {shop: [f"{n:02}@{mark}.example.com" for n in range(20)] for shop in SHOPS}
    for shop in SHOPS:
        slow = {"kind": "slow", "times": 3, "after": 2, "path": "upsert"}
        stack.crm.api("POST", "/faults", slow, key=f"key-{shop}")
    for shop in SHOPS:
        for email in emails[shop]:
            assert stack.sign_up(shop, email) == 303
    eventually(lambda: all(in_mid_batch(stack, shop) for shop in SHOPS))
    old = stack.processes.pop("worker")
    stack.start("worker")  # the new one comes first, as in the chart
    old.send_signal(signal.SIGTERM)  # to the container's process, not to its children
    assert old.wait(30) == 0
    for shop in SHOPS:
        eventually(lambda: emails_in_crm(stack, shop, f"@{mark}.example.com") == emails[shop])
        assert sum(upserts(shop)) == 20
        query = (
            "SELECT d.state, d.crashes, d.attempts, count(*) FROM integrations_delivery d"
            " JOIN forms_app_signup s ON s.id = d.signup_id WHERE s.email LIKE %s GROUP BY 1, 2, 3"
        )
        eventually(lambda: rows(stack, shop, query, f"%{mark}%") == [("delivered", 0, 1, 20)])


def test_the_image_and_the_chart_start_the_web_server_alike():
    values, image = chart_web(), (ROOT / "Dockerfile").read_text()
    template = (ROOT / "chart/templates/web.yaml").read_text()
    start = "--config=python:customerinfo.web"
    assert f'CMD ["gunicorn", "{start}"]' in image and f'args: [gunicorn, "{start}"]' in template
    said = (f"--threads={web.threads}", f"--graceful-timeout={web.graceful_timeout}")
    assert tuple(values["arguments"].split()) == said, "the chart's own values are the program's"
    assert f"WEB_CONCURRENCY={values['workers']} " in image
    assert web.keepalive > 60, "longer than proxies keep an idle connection"


def in_mid_batch(stack, shop: str) -> bool:
    return any(call["fault"] == "slow" and call["status"] is None for call in calls(stack, shop))
