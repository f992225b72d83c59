"""What Sentry gets when something breaks: the place, and nobody's data. From a real process."""

import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli
import pytest
from django.test import RequestFactory
from django.urls import resolve
from django_tenants.utils import tenant_context

from customerinfo import errors
from customerinfo.tests.test_production_settings import run

# A shopper's sign-up, a task and a log line, each of which breaks; in a process that reports.
BREAK = """
import django, logging
django.setup()
import sentry_sdk
from celery import shared_task
from django.db import connection, transaction
from django.test import Client
from django_tenants.utils import tenant_context
from integrations.tenant_task import TenantTask
from forms_app import views
from tenants.models import Retailer

def broken(request, *args, **kwargs):
    first_name = request.POST["first_name"]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO forms_app_store (name) VALUES (%s) RETURNING id", [first_name]
        )

@shared_task(base=TenantTask)
def breaking(email):
    raise ValueError(f"no such person: '{email}'")

views.receive = broken
acorn, birch = Retailer.objects.filter(slug__in=["acorn", "birch"]).order_by("slug")
for retailer in (acorn, birch):
    client = Client(raise_request_exception=False, headers={
        "host": retailer.host, "cookie": "session=secret-cookie", "X-Request-ID": "ab" * 16,
        "authorization": "Bearer secret-token",
    })
    answer = client.post("/join/?email=ada@shopper.example", {"first_name": "Lovelace"})
    assert answer.status_code == 500, answer.status_code
    breaking.apply(kwargs={"email": "ada@shopper.example", "schema": retailer.schema_name})
    with tenant_context(retailer):
        logging.getLogger("a.place").error("%s at %s", "ada@shopper.example", "+31612345678")
sentry_sdk.flush()
"""
SECRET = ("Lovelace", "ada@shopper", "31612345678", "secret-cookie", "secret-token", "?email")


class FakeSentry(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        packed = {"gzip": gzip.decompress, "br": brotli.decompress}
        body = packed.get(self.headers.get("Content-Encoding"), bytes)(body)
        self.server.bodies.append(body.decode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


@pytest.fixture
def sentry():
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeSentry)
    server.bodies = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.live
def test_an_error_tells_where_it_happened_and_nothing_of_anybody(sentry, committed_world):
    from customerinfo.tests.stack import database_url

    done = run(
        *("-c", BREAK),
        DJANGO_SETTINGS_MODULE="customerinfo.settings",
        DATABASE_URL=database_url(),
        BASE_URL="http://shops.test",
        OPERATOR_HOST="console.shops.test",
        SENTRY_DSN=f"http://key@127.0.0.1:{sentry.server_port}/1",
        SENTRY_ENVIRONMENT="a-test",
    )
    assert done.returncode == 0, done.stderr

    everything = "\n".join(sentry.bodies)
    events = [json.loads(line) for line in everything.splitlines() if '"event_id"' in line]
    events = [event for event in events if "level" in event]
    for schema in ("r_acorn", "r_birch"):
        mine = [event for event in events if event["tags"].get("schema") == schema]
        kinds = {
            event["exception"]["values"][-1]["type"] if "exception" in event else "line": event
            for event in mine
        }
        assert kinds.keys() == {"IntegrityError", "ValueError", "line"}, kinds.keys()
        request = kinds["IntegrityError"]
        assert request["tags"]["request_id"] == "ab" * 16
        assert request["environment"] == "a-test"
        (*_, last) = request["exception"]["values"]
        assert "null value in column" in last["value"] and "DETAIL" not in last["value"]
        assert last["stacktrace"]["frames"][-1]["function"], "where it happened"
        assert kinds["ValueError"]["exception"]["values"][-1]["value"] == "no such person: '…'"
        assert kinds["ValueError"]["tags"]["task"].endswith("breaking")
        assert kinds["line"]["logentry"]["message"] == "a…@… at …"
    for secret in SECRET:
        assert secret not in everything, secret
    assert "vars" not in everything and '"request"' not in everything
    for secret in SECRET:  # nor in the log of that process
        assert secret not in done.stderr + done.stdout, (secret, done.stderr)


def sent(record: dict, **event) -> dict:
    """What Sentry would be sent of a log record, as its own handler makes an event of it."""
    made = logging.makeLogRecord({"name": "a.place", "args": (), **record})
    text = {"message": made.msg, "formatted": made.getMessage(), "params": made.args}
    return errors.kept({"logentry": text, **event}, {"log_record": made})


def test_a_line_says_no_more_there_than_in_the_log(retailers):
    path = "/admin/password_reset/confirm/MQ/secret-token/"
    below = "It failed: no such thing\nDETAIL:  Key (first_name)=(Lovelace)"
    for retailer in retailers:
        request = RequestFactory().get(path)
        request.resolver_match = resolve(path)
        with tenant_context(retailer):
            for record, said in (
                (
                    {
                        "name": "gunicorn.error",
                        "msg": "Error handling request %s %s",
                        "args": ("GET", "/admin/signups/?q=Lovelace&export=csv"),
                    },
                    "Error handling a request",
                ),
                (
                    {"msg": "Server Error: %s", "args": (path,), "request": request},
                    f"Server Error: {request.resolver_match.view_name}",
                ),
                ({"msg": below}, "It failed: no such thing"),
                ({"msg": "No: %s", "args": (KeyError("Lovelace"),)}, "No: KeyError: '…'"),
            ):
                event = sent(record)
                assert event["logentry"] == {"message": said}
                assert event["tags"]["schema"] == retailer.schema_name
                assert not any(secret in str(event) for secret in SECRET)


def test_a_text_that_is_in_no_log_is_not_sent(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            event = errors.kept({"logentry": {"message": "Lovelace"}, "level": "error"}, {})
        assert event == {"level": "error", "tags": {"schema": retailer.schema_name}}


def test_where_no_route_is_found_the_path_is_not_sent(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            for source, kept in (("url", False), ("route", True)):
                event = sent(
                    {"msg": "Hello"}, transaction="/x/", transaction_info={"source": source}
                )
                assert ("transaction" in event) == kept


@pytest.mark.live
def test_without_an_address_nothing_reports():
    ask = "import django; django.setup(); import sentry_sdk; print(sentry_sdk.is_initialized())"
    assert run("-c", ask, DJANGO_SETTINGS_MODULE="customerinfo.settings").stdout == "False\n"
