"""Errors report themselves to Sentry, if SENTRY_DSN is set: where and what, and nobody's data.

What leaves is built up, not cut down: of an event only what is named here is sent. Variables,
forms, cookies, headers, addresses with links in them and the database's rows never are.
"""

import logging
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration

from integrations import traces

Event = dict[str, Any]

# Of an event, of a place in the code, and of an exception.
KEPT = {
    *("event_id", "timestamp", "level", "logger", "platform", "release", "environment"),
    *("transaction", "sdk", "server_name", "modules", "fingerprint"),
}
KEPT_OF_A_FRAME = {
    *("abs_path", "filename", "function", "module", "lineno", "in_app"),
    *("pre_context", "context_line", "post_context"),
}
KEPT_OF_AN_EXCEPTION = {"type", "module", "mechanism"}


def report_to(dsn: str, environment: str) -> None:
    """The release is in SENTRY_RELEASE, which Sentry's own code reads."""
    sentry_sdk.init(
        dsn=dsn,
        environment=environment,
        before_send=kept,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        trace_propagation_targets=[],  # no header of ours to CRMs
        auto_enabling_integrations=False,
        integrations=[
            DjangoIntegration(middleware_spans=False, signals_spans=False),
            CeleryIntegration(propagate_traces=False, monitor_beat_tasks=False),
        ],
    )


def kept(event: Event, hint: Event) -> Event:
    """What is sent of an event."""
    from .logs import around, said  # they read the settings, which call this module

    sent = {name: event[name] for name in KEPT & event.keys()}
    if event.get("transaction_info", {}).get("source") == "url":
        sent.pop("transaction", None)  # no route was found: it is the path, which may hold a link
    sent["tags"] = around(logging.makeLogRecord({}))
    if "exception" in event:
        sent["exception"] = {"values": [exception(one) for one in event["exception"]["values"]]}
    if record := hint.get("log_record"):  # its text in `event` is what the log doesn't say
        sent["logentry"] = {"message": said(record)}
    return sent


def exception(given: Event) -> Event:
    sent = {name: given[name] for name in KEPT_OF_AN_EXCEPTION & given.keys()}
    sent["value"] = traces.message(given.get("type") or "", given.get("value") or "")
    if trace := given.get("stacktrace"):
        sent["stacktrace"] = {"frames": [frame(one) for one in trace["frames"]]}
    return sent


def frame(given: Event) -> Event:
    return {name: given[name] for name in KEPT_OF_A_FRAME & given.keys()}
