"""HTTP: reads a call, lets the account's faults and limits have their way, answers."""

import json
import socket
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from customerinfo.demo.crm import pages
from customerinfo.demo.crm.api import Api, ApiError
from customerinfo.demo.crm.faults import Call, Conduct, Fault
from customerinfo.demo.crm.store import Store

API = "/api/v1"
MOST_BYTES = 1_000_000
MALFORMED = ApiError(400, "malformed_call", "This isn't JSON.")
ASSETS = {"crm.css": "text/css", "crm.js": "text/javascript"}
# The pages show other people's data: nothing but our own two files may run or be loaded.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " img-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Crm(ThreadingHTTPServer):
    """The whole CRM on one port. `rate` is (calls, seconds) for each account, 0 calls for no
    limit; `latency` is what an upsert spends thinking, in seconds."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self, address: tuple[str, int], store: Store, rate: tuple[int, float], latency: float
    ) -> None:
        super().__init__(address, Handler)
        self.store = store
        self.stopping = threading.Event()
        self.api = Api(store, lambda: latency and self.stopping.wait(latency))
        self.accounts = {account["api_key"]: account for account in store.accounts()}
        self.conduct = {one["slug"]: Conduct(*rate) for one in self.accounts.values()}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is everyday life here; the rest keeps its traceback."""
        if not self.stopping.is_set() and not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "SandboxCRM"
    sys_version = ""
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True
    server: Crm

    def log_message(self, *args: Any) -> None:
        """The log is at /api/v1/log."""

    def do_GET(self) -> None:
        self._route()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET

    def _route(self) -> None:
        url = urlsplit(self.path)
        self._extra: dict[str, str] = {}
        length = self.headers.get("Content-Length", "0")
        if (
            not length.isdigit()
            or int(length) > MOST_BYTES
            or "chunked" in str(self.headers.get("Transfer-Encoding"))
        ):
            self.close_connection = True
            error = ApiError(413, "too_large", "At most 1 MB, and with a Content-Length.")
            return self._send_json(error.status, error.body())
        raw = self.rfile.read(int(length))
        if url.path.startswith(API + "/"):
            return self._api(url.path.removeprefix(API), url.query, raw)
        if self.command != "GET":
            return self._send(405, b"", "text/plain")
        return self._page(url.path, url.query)

    # the API

    def _api(self, path: str, query: str, raw: bytes) -> None:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        account = self.server.accounts.get(key.strip()) if scheme.lower() == "bearer" else None
        if account is None:
            error = ApiError(401, "invalid_api_key", "This API key isn't known.")
            return self._send_json(401, error.body())
        conduct = self.server.conduct[account["slug"]]
        if path in ("/faults", "/log"):
            return self._control(conduct, path, raw)
        call, self._started = conduct.begin(self.command, API + path), time.monotonic()
        try:
            body = json.loads(raw) if raw else None
        except (ValueError, RecursionError):
            body = MALFORMED
        if isinstance(body, dict) and isinstance(body.get("contacts"), list):
            call.count = len(body["contacts"])
        try:
            self._limited(account, conduct, call, path, query, body)
        finally:
            if call.status is None:
                call.seconds = self._seconds()

    def _limited(
        self, account: Any, conduct: Conduct, call: Call, path: str, query: str, body: Any
    ) -> None:
        admitted, left, wait = conduct.admit()
        if conduct.limiter.calls:
            self._extra = {
                "RateLimit-Limit": str(conduct.limiter.calls),
                "RateLimit-Remaining": str(left),
                "RateLimit-Reset": str(int(wait) + 1),
            }
        if not admitted:
            return self._refuse_for_now(call, int(wait) + 1)
        fault = conduct.next_fault(path)
        if fault is None:
            return self._send_reply(call, *self._answer(account, path, query, body))
        call.fault = fault.kind
        self._misbehave(fault, account, call, path, query, body)

    def _refuse_for_now(self, call: Call, seconds: float) -> None:
        self._extra["Retry-After"] = f"{seconds:g}"
        error = ApiError(429, "rate_limited", "Too many calls. Retry-After says when to go on.")
        self._send_reply(call, error.status, error.body())

    def _misbehave(
        self, fault: Fault, account: Any, call: Call, path: str, query: str, body: Any
    ) -> None:
        if fault.kind == "429":
            return self._refuse_for_now(call, 1 if fault.after is None else fault.after)
        if fault.kind in _FAULTY:
            error = _FAULTY[fault.kind]
            return self._send_reply(call, error.status, error.body())
        if fault.kind == "slow":
            self.server.stopping.wait(1 if fault.after is None else fault.after)
            return self._send_reply(call, *self._answer(account, path, query, body))
        if fault.kind == "hang":
            self.server.stopping.wait(60 if fault.after is None else fault.after)
        elif fault.kind == "commit_then_close":
            self._answer(account, path, query, body)
        elif fault.kind == "half":
            status, data = self._answer(account, path, query, body)
            whole = json.dumps(data).encode()
            self._head(status, len(whole), "application/json")
            self.wfile.write(whole[: len(whole) // 2])
            self.wfile.flush()
        self.close_connection = True
        with suppress(OSError):  # the caller may have hung up first
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, account: Any, path: str, query: str, body: Any) -> tuple[int, Any]:
        if body is MALFORMED:
            return MALFORMED.status, MALFORMED.body()
        origin = f"http://{self.headers.get('Host', '')}"
        try:
            pairs = parse_qsl(query, max_num_fields=1000)
            return self.server.api.answer(account, self.command, path, pairs, body, origin)
        except ApiError as error:
            return error.status, error.body()

    def _control(self, conduct: Conduct, path: str, raw: bytes) -> None:
        """For tests: neither limited nor logged."""
        if (self.command, path) == ("GET", "/log"):
            return self._send_json(200, {"calls": conduct.log()})
        if (self.command, path) == ("DELETE", "/faults"):
            conduct.clear()
            return self._send_json(200, {})
        if (self.command, path) == ("POST", "/faults"):
            try:
                fault = conduct.plan(json.loads(raw))
            except ValueError as error:
                return self._send_json(400, ApiError(400, "invalid_fault", str(error)).body())
            return self._send_json(201, vars(fault))
        self._send_json(405, ApiError(405, "method_not_allowed", "Not possible here.").body())

    # the pages

    def _page(self, path: str, query: str) -> None:
        if path.startswith("/assets/"):
            name = path.removeprefix("/assets/")
            if name not in ASSETS:
                return self._send_html(404, pages.missing())
            data = resources.files(__package__).joinpath("assets", name).read_bytes()
            return self._send(200, data, ASSETS[name])
        page = pages.find(self.server.store, path, parse_qs(query))
        if page is None:
            return self._send_html(404, pages.missing())
        seen = parse_qs(query).get("seen", [""])[0]
        if not seen:
            return self._send_html(200, page.whole())
        # The page that is open asks whether it is still up to date.
        if seen == str(page.revision):
            return self._send(204, b"", "text/html")
        self._extra["X-Revision"] = str(page.revision)
        self._send_html(200, page.live)

    # sending

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _send_reply(self, call: Call, status: int, data: Any) -> None:
        # Before it goes out: who has the answer may look at the log at once.
        call.status, call.seconds = status, self._seconds()
        try:
            self._send_json(status, data)
        except OSError:
            call.status = None
            raise

    def _send_json(self, status: int, data: Any) -> None:
        body = b"" if data is None else json.dumps(data, ensure_ascii=False).encode()
        self._send(status, body, "application/json")

    def _send_html(self, status: int, text: str) -> None:
        self._send(status, text.encode(), "text/html")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self._head(status, len(body), kind)
        self.wfile.write(body)
        self.wfile.flush()

    def _head(self, status: int, length: int, kind: str) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in self._extra.items():
            self.send_header(name, value)
        self.end_headers()


_FAULTY = {
    "500": ApiError(500, "internal_error", "Something went wrong on our side."),
    "401": ApiError(401, "invalid_api_key", "This API key isn't known."),
    "422": ApiError(422, "validation_failed", "The call holds something that we don't take."),
}
