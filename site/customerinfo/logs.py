"""Lines for the log: one JSON object each on a server, plain words in the demo. No personal data.

    {"time": "2026-11-27T09:41:07.123Z", "level": "WARNING", "logger": "integrations.doorbell",
     "message": "…", "schema": "r_acorn", "request_id": "9f2c…", "user": 7,
     "task": "integrations.tasks.drain_connection", "exception": "Traceback …"}

`schema` is the one that was active, "public" for the operator's side. `request_id` is the same in
a request, in the tasks that it asked for, and in theirs. `user` is a number: who that is stands in
the schema. What is empty is left out.
"""

import json
import logging
import re
import time
from collections.abc import Mapping

from celery import current_task
from django.apps import apps
from django.db import connection
from django.http import HttpRequest
from django_guid import get_guid

from integrations import traces
from integrations.redaction import scrubbed

from . import watching

# What PostgreSQL adds below an error's first line, in any language: the statement and the row.
BELOW = re.compile(r"\n\w+(?: \d+: |:  ).*", re.DOTALL)


class PlainLines(logging.Formatter):
    """Scrubs what is written: the last wall, wherever a text came from."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # what another handler has made of it, with the values
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = said(record)
        return super().formatMessage(record)

    def formatException(self, error) -> str:
        return traces.without_values(super().formatException(error))


class JsonLines(PlainLines):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": moment(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": said(record),
            **around(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return json.dumps(fields, ensure_ascii=False)


def said(record: logging.LogRecord) -> str:
    """The message: of exceptions in it what `traces` keeps, of addresses the route alone, since a
    path may hold a link that lets somebody in.
    """
    if record.name == "gunicorn.error":
        if str(record.msg).startswith("Error handling request"):
            return "Error handling a request"
        if str(record.msg).startswith("Invalid request from"):  # whose address, and what was asked
            return f"Invalid request: {traces.message('', str(record.msg).partition(': ')[2])}"
    request, args = getattr(record, "request", None), record.args
    if isinstance(args, Mapping):
        failed = record.exc_info[1] if record.exc_info else None
        args = args | {"exc": failed} if failed and "exc" in args else args  # Celery's, of a task
        args = {name: plain(value, request) for name, value in args.items()}
    elif args:
        args = tuple(plain(value, request) for value in args)
    message = str(plain(record.msg, request))
    return scrubbed(BELOW.sub("", message % args if args else message))


def plain(value: object, request: HttpRequest | None) -> object:
    if isinstance(value, BaseException):
        return traces.in_short(value)
    path = getattr(request, "path", None)
    return watching.route_of(request) if path and value == path else value


def moment(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def around(record: logging.LogRecord) -> dict[str, str | int]:
    """In which schema, request and task this happens, and for whom, as far as there are any."""
    if not apps.ready:  # gunicorn's own process, which never loads the application
        return {}
    # What Celery and Sentry say of a task that failed comes when its schema has been left.
    given = (current_task.request.kwargs or {}).get("schema") if current_task else ""
    found = {
        "schema": getattr(record, "schema", "") or given or connection.schema_name,
        "request_id": get_guid(),
        "user": watching.user_id(),
        "task": current_task.name if current_task else "",
    }
    return {name: value for name, value in found.items() if value}
