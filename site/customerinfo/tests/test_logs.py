"""What stands in a line of the log, and what never does."""

import json
import logging
from io import StringIO

import pytest
from celery import current_app, shared_task
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import DataError, IntegrityError, connection, transaction
from django.test import Client
from django_tenants.utils import schema_context, tenant_context

from customerinfo.logs import JsonLines, PlainLines
from customerinfo.tests import log_file
from integrations import traces
from integrations.tenant_task import TenantTask

PEOPLE = ("ada@shopper.example", "+31 6 1234 5678", "Lovelace")


@shared_task(base=TenantTask)
def say(words: str) -> None:
    logging.getLogger("customerinfo.tests").warning(words)


@pytest.fixture
def written():
    """What the root logger writes, as on a server: a list of dicts."""
    lines, root = Lines(), logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(lines)
    yield lines
    root.removeHandler(lines)
    root.setLevel(level)


class Lines(logging.StreamHandler):
    def __init__(self):
        super().__init__(StringIO())
        self.setFormatter(JsonLines())

    def all(self) -> list[dict]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def last(self, **wanted: object) -> dict:
        found = [one for one in self.all() if wanted.items() <= one.items()]
        assert found, (wanted, self.all())
        return found[-1]


def raised(make) -> BaseException:
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def formatted(error: BaseException) -> str:
    return PlainLines().formatException((type(error), error, error.__traceback__))


def test_a_line_is_json_and_says_in_which_schema(retailers, written):
    for retailer in retailers:
        with tenant_context(retailer):
            logging.getLogger("a.place").warning("Two lines\nand “quotes”: %s", 7)
        line = written.last(schema=retailer.schema_name)
        assert line["message"] == "Two lines\nand “quotes”: 7"
        assert (line["level"], line["logger"]) == ("WARNING", "a.place")
        assert line["time"].endswith("Z") and line["time"][10] == "T"
        assert "user" not in line and "task" not in line and "exception" not in line


def test_nobodys_address_or_number_is_in_a_line(db):
    record = logging.makeLogRecord(
        {"msg": "%s called from %s", "args": PEOPLE[:2], "name": "x", "levelname": "INFO"}
    )
    for formatter in (JsonLines(), PlainLines("%(asctime)s %(message)s")):
        text = formatter.format(record)
        assert "a…@… called from …" in text
        assert not any(person in text for person in PEOPLE)
    record = logging.makeLogRecord({"msg": "Hello", "created": 1.7e9, "msecs": 0})
    assert PlainLines("%(asctime)s %(message)s").format(record) == "2023-11-14 22:13:20,000 Hello"


def test_of_a_database_error_the_row_is_left_out_and_the_reason_is_kept(retailers):
    def insert(table, values):
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO pg_temp.{table} VALUES ({values})")

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE person (name text NOT NULL, email text UNIQUE, age int)")
    insert("person", "'Ada Lovelace', 'ada@shopper.example', 36")
    for values, kind, reason in (
        ("'Ada Lovelace', 'ada@shopper.example', 1", IntegrityError, "person_email_key"),
        ("NULL, 'Ada Lovelace', 1", IntegrityError, "null value in column"),
        ("'x', 'y', 'Ada Lovelace'", DataError, "invalid input syntax for type integer"),
    ):
        savepoint = transaction.savepoint()
        error = raised(lambda: insert("person", values))
        transaction.savepoint_rollback(savepoint)
        assert isinstance(error, kind) and any(person in str(error) for person in PEOPLE)
        text = formatted(error)
        assert reason in text and "in insert" in text
        assert not any(person in text for person in PEOPLE), text


def test_a_text_that_an_exception_quotes_is_left_out_in_each_link_of_the_chain():
    name, more = "Lovelace", "Ada Lovelace\n+31612345678"

    def chained():
        try:
            int(name)
        except ValueError as error:
            raise KeyError(more) from error

    text = formatted(raised(chained))
    assert "ValueError: invalid literal for int() with base 10: '…'" in text
    assert "direct cause" in text and "KeyError: '…'" in text
    assert "Ada" not in text and text.count("in chained") == 2

    def while_handling():
        try:
            chained()
        except KeyError:
            return {}[name]

    def from_one_that_was_never_raised():
        raise KeyError(more) from ValueError(f"not '{name}'\n{name}")

    text = formatted(raised(from_one_that_was_never_raised))
    assert text.startswith("ValueError: not '…'\nThe above") and "KeyError: '…'" in text

    text = formatted(raised(while_handling))
    assert "During handling" in text and text.count("Traceback") == 3
    assert "KeyError: '…'" in text and "Ada" not in text


def test_names_of_our_code_are_kept():
    assert "no attribute 'missing'" in formatted(raised(lambda: object().missing))
    assert "named 'no_such_module'" in formatted(raised(lambda: __import__("no_such_module")))
    assert traces.without_values("nothing that went wrong") == "nothing that went wrong"
    assert traces.message("ValueError", "") == ""


@pytest.mark.parametrize(
    "said, kept",
    [
        ("can't read 'Ada Lovelace'", "can't read '…'"),
        ("bad name 'O'Brien'", "bad name '…'"),
        ("Field 'id' expected a number but got ['Ada Lovelace'].", "Field '…']."),
        ("Typ date: »Lovelace«", "Typ date: '…'"),
        ("Typ date: „Ada“ von ‚Lovelace‘", "Typ date: '…'"),
        ("type date : « Lovelace »", "type date : '…'"),
        ("“Ada” isn’t ‘Lovelace’", "'…'"),
        ('"Ada "Sly" Lovelace"', "'…'"),
        ("base 10: b'Lovelace'", "base 10: b'…'"),
        ("base 10: b's Lovelace'", "base 10: b'…'"),
        ("bad name 'Ada\nLovelace'", "bad name '…'"),
        ("bad name 'O'Brien\nLovelace'", "bad name '…'"),
        ("can't extend \"base/1\": No space left", "can't extend '…': No space left"),
    ],
)
def test_whatever_way_a_value_is_quoted_it_is_left_out(said, kept):
    for kind in ("ValueError", "TypeError", "django.db.utils.DataError"):
        assert traces.message(kind, said) == kept
    assert traces.without_values(f"{traces.START}\n  …\nValueError: {said}").endswith(f": {kept}")


def test_what_is_said_of_an_exception_fits_a_column():
    assert len(traces.in_short(ValueError("long " * 200))) == 500


def test_what_another_handler_has_made_of_an_exception_is_not_repeated():
    error = raised(lambda: int("Lovelace"))
    record = logging.makeLogRecord({"msg": "It failed", "exc_info": (type(error), error, None)})
    assert "Lovelace" in logging.Formatter().format(record)
    assert PlainLines().format(record) == (
        "It failed\nValueError: invalid literal for int() with base 10: '…'"
    )


def test_what_postgresql_adds_below_is_left_out_of_any_message(retailers, written):
    log = logging.getLogger("a.place")
    for below in (
        "DETAIL:  Key (first_name)=(Lovelace)",
        "DÉTAIL:  La clé « (x)=(Lovelace) »",
        "LINE 1: SELECT 'Lovelace'\n               ^",
    ):
        for retailer in retailers:
            with tenant_context(retailer):
                log.error(f"It failed: no such thing\n{below}")
            line = written.last(schema=retailer.schema_name)
            assert line["message"] == "It failed: no such thing"


def test_a_stack_that_is_asked_for_is_there(db, written):
    logging.getLogger("a.place").warning("Where?", stack_info=True)
    assert "test_a_stack_that_is_asked_for" in written.last(message="Where?")["stack"]


def test_what_the_whole_run_logs_is_kept_as_a_server_writes_it(retailers):
    """tools/log_people.py searches that file when the run is over."""
    for retailer, person in zip(retailers, PEOPLE):
        with tenant_context(retailer):
            logging.getLogger("a.place").info("Kept for the search: %s", person)
    lines = [line for line in log_file.path().read_text().splitlines() if "for the search" in line]
    assert [json.loads(line)["schema"] for line in lines[-2:]] == ["r_acorn", "r_birch"]
    assert not any(person in line for line in lines for person in PEOPLE)


def test_of_exceptions_in_a_group_the_places_are_kept():
    name = "Ada Lovelace"

    def fail():
        raise ExceptionGroup("for ada@shopper.example", [ValueError(name), KeyError(name)])

    text = formatted(raised(fail))
    assert "in fail" in text and "test_logs.py" in text
    assert "Lovelace" not in text and "shopper" not in text


def test_an_exception_in_a_sentence_says_no_more_than_its_traceback(retailers, written):
    log = logging.getLogger("a.place")
    row = 'null value in column "x"\nDETAIL:  Failing row contains (Ada Lovelace, 1990-01-02).'
    for retailer in retailers:
        with tenant_context(retailer):
            log.warning("It failed: %s", IntegrityError(row))
            log.warning(ValueError("'Lovelace'"))
    messages = {line["message"] for line in written.all() if line["logger"] == "a.place"}
    assert messages == {
        'It failed: IntegrityError: null value in column "x"',
        "ValueError: '…'",
    }


# Requests and tasks


@pytest.mark.parametrize("given", [None, "0123456789abcdef0123456789abcdef", "<script>"])
def test_a_request_has_one_id_that_its_log_and_its_answer_name(retailers, written, given):
    for retailer in retailers:
        headers = {"host": retailer.host} | ({"X-Request-ID": given} if given else {})
        answer = Client(headers=headers).post("/join/", {})
        line = written.last(logger="customerinfo.watching", schema=retailer.schema_name)
        assert line["request_id"] == answer["X-Request-ID"]
        assert line["message"].startswith("POST signup_page: 409 in ")
        if given and given.isalnum():
            assert line["request_id"] == given
        else:
            assert len(line["request_id"]) == 32 and line["request_id"] != given


def test_a_task_has_the_id_of_the_request_that_asked_for_it(retailers, written, settings):
    from django_guid import clear_guid, set_guid

    sent = []
    acorn, birch = retailers
    set_guid("0123456789abcdef0123456789abcdef")
    current_app.conf.task_always_eager = False
    try:
        from celery.signals import before_task_publish

        def note(headers, **kwargs):
            sent.append(headers)

        before_task_publish.connect(note)
        say.delay("Hello", schema=birch.schema_name)
    finally:
        before_task_publish.disconnect(note)
        clear_guid()
    assert sent[0]["X-Request-ID"] == "0123456789abcdef0123456789abcdef"


def test_a_tasks_lines_name_task_schema_and_id(retailers, written):
    for retailer in retailers:
        say.apply(kwargs={"words": "In here", "schema": retailer.schema_name}).get()
        line = written.last(message="In here", schema=retailer.schema_name)
        assert line["task"] == "customerinfo.tests.test_logs.say"
        assert len(line["request_id"]) == 32


@shared_task(base=TenantTask)
def insert_nobody(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE IF NOT EXISTS nobody (name text, x int NOT NULL)")
        cursor.execute("INSERT INTO pg_temp.nobody VALUES (%s, NULL)", [name])


def test_a_task_that_fails_says_where_and_nothing_of_the_row(retailers, written):
    from celery.app.trace import build_tracer

    for retailer in retailers:
        with transaction.atomic():
            trace = build_tracer(insert_nobody.name, insert_nobody, app=current_app)
            trace("an-id", [], {"name": "Ada Lovelace", "schema": retailer.schema_name})
            transaction.set_rollback(True)
        line = written.last(logger="celery.app.trace", schema=retailer.schema_name)
        assert 'IntegrityError: null value in column "x"' in line["message"]
        assert "in insert_nobody" in line["exception"]
        assert "Lovelace" not in json.dumps(written.all())


LINKS = ("password_reset/confirm/MQ/secret-token/", "support/secret-token/")


@pytest.mark.parametrize("path", LINKS)
def test_a_link_that_lets_somebody_in_is_in_no_line(retailers, written, path):
    for retailer in retailers:
        client = Client(headers={"host": retailer.host}, enforce_csrf_checks=True)
        assert client.post(f"/admin/{path}", {"x": "y"}).status_code == 403
        with schema_context("public"):
            type(retailer).objects.filter(pk=retailer.pk).update(schema_problem="lacks a table")
            cache.clear()
        assert client.get(f"/admin/{path}").status_code == 503
    loggers = {line["logger"] for line in written.all()}
    assert {"django.request", "django.security.csrf"} <= loggers
    assert "secret-token" not in json.dumps(written.all())


def test_gunicorns_own_errors_name_no_address(db):
    record = logging.makeLogRecord(
        {"name": "gunicorn.error", "msg": "Error handling request %s", "args": ("/secret-token/",)}
    )
    assert json.loads(JsonLines().format(record))["message"] == "Error handling a request"
    for why, kept in (
        ("Invalid HTTP request line: 'GET /admin/?q=Ada Lovelace'", "HTTP request line: '…'"),
        ("Invalid HTTP Version: b'Lovelace'", "HTTP Version: b'…'"),
        ("Request Line is too large (5000 > 4094)", "is too large (5000 > 4094)"),
    ):
        record = logging.makeLogRecord(
            {"name": "gunicorn.error", "msg": f"Invalid request from ip=2001:db8::7: {why}"}
        )
        said = json.loads(JsonLines().format(record))["message"]
        assert said.startswith("Invalid request: ") and said.endswith(kept), said
        assert "Lovelace" not in said and "db8" not in said


def test_who_is_logged_in_is_a_number(retailers, written):
    for retailer in retailers:
        with tenant_context(retailer):
            user = get_user_model().objects.create_superuser(f"root@{retailer.slug}.test", "x" * 12)
            client = Client(headers={"host": retailer.host})
            client.force_login(user)
        client.post("/admin/password_reset/", {"email": user.email})
        client.post("/admin/logout/")
        lines = [one for one in written.all() if one.get("schema") == retailer.schema_name]
        assert any(one.get("user") == user.pk for one in lines)
        assert not any(user.email in json.dumps(one) for one in lines)


def test_a_page_that_was_only_looked_at_makes_no_line(retailers, written):
    for retailer in retailers:
        assert Client(headers={"host": retailer.host}).get("/join/").status_code == 200
    assert not [one for one in written.all() if one["logger"] == "customerinfo.watching"]


def test_before_the_application_is_loaded_there_are_lines_too(monkeypatch):
    from django.apps import apps

    monkeypatch.setattr(apps, "ready", False)
    record = logging.makeLogRecord({"msg": "Booting", "name": "gunicorn.error"})
    assert json.loads(JsonLines().format(record)).keys() == {"time", "level", "logger", "message"}


def test_an_exception_stands_in_its_line(db, written):
    try:
        raise ValueError("for 'Lovelace'")
    except ValueError:
        logging.getLogger("a.place").exception("It failed")
    assert "ValueError: for '…'" in written.last(message="It failed")["exception"]
