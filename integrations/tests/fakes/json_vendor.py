"""A vendor's JSON API in this process: a real server on a thread, with the vendor's own memory.

A vendor's fake is a subclass: `routes` lead to its methods, which answer (status, body) or
(status, body, headers), or raise `Refusal`. Each call is kept in `calls`; `fault` makes the next
ones go wrong. With a `Contract`, `verify` holds every exchange against the vendor's own files.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Mapping
from urllib.parse import parse_qsl, unquote

from integrations.tests.contract import Contract


class Refusal(Exception):
    """The vendor says no: status, body as the vendor writes it, headers."""

    def __init__(
        self, status: int, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.answer = (status, body, dict(headers or {}))


@dataclass
class Call:
    method: str
    target: str
    headers: dict[str, str]
    body: Any
    status: int = 0
    answer: Any = None
    real: bool = True  # answered by the vendor, not by a proxy in between or not at all

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2]))


@dataclass
class Fault:
    """What goes wrong: "hang", "close", "half" (both before anything happens or `after` the vendor
    did its work), or an answer instead: status, body, headers."""

    kind: str
    path: str = ""
    method: str = ""
    times: int = 1
    after: bool = False
    answer: tuple[int, Any, dict[str, str]] = (500, None, {})
    real: bool = True

    def fits(self, call: Call) -> bool:
        return self.times > 0 and self.path in call.path and self.method in ("", call.method)


@dataclass
class Written:
    """What goes over the wire, and how it ends."""

    status: int
    raw: bytes
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # of callers in the same moment; the usual 5 resets some


class JsonVendor:
    """`base` is the path before every route (/v3); `media` what bodies are called."""

    routes: ClassVar[dict[str, str]] = {}  # "GET /contacts/{id}" → name of the method
    base: ClassVar[str] = ""
    media: ClassVar[str] = "application/json"

    def __init__(self, contract: Contract | None = None) -> None:
        self.contract = contract
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.crashes: list[BaseException] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one packet: the caller's delayed ACK would cost 40 ms a call.
            wbufsize = -1

            def _any(self) -> None:
                fake._serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

            def log_message(self, *args: object) -> None:
                return

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._table = [
            (route.split(" ")[0], re.compile(_pattern(route.split(" ")[1])), name)
            for route, name in self.routes.items()
        ]

    def __enter__(self) -> "JsonVendor":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.base}"

    # what a vendor says about itself

    def authorised(self, call: Call) -> None:
        """Raises Refusal unless the call carries a good key."""

    def limits(self, call: Call) -> dict[str, str]:
        """The headers about rates that go with every answer."""
        return {}

    # what tests say

    def fault(self, kind: str, **more: Any) -> None:
        self.faults.append(Fault(kind, **more))

    def answers(self, status: int, body: Any, path: str = "", **more: Any) -> None:
        """This answer, in the vendor's name, instead of what would have been said."""
        headers = more.pop("headers", {})
        self.fault("answer", path=path, answer=(status, body, headers), **more)

    def asked(self, method: str = "", path: str = "") -> list[Call]:
        """The calls to paths that contain this."""
        return [c for c in self.calls if method in ("", c.method) and path in c.path]

    def verify(self) -> None:
        """Every exchange as the vendor's own files have it, and no error inside of the fake."""
        assert self.crashes == [], self.crashes
        if self.contract is None:
            return
        for call in self.calls:
            if call.real:
                self.contract.check(
                    call.method, call.target, call.headers, call.body, call.status, call.answer
                )
        assert not self.contract.findings, "\n".join(self.contract.findings)

    # the server

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length)
        headers = {name: value for name, value in handler.headers.items()}
        form = "form" in headers.get("Content-Type", "")
        body = dict(parse_qsl(raw.decode())) if form else json.loads(raw) if raw else None
        call = Call(handler.command, handler.path, headers, body)
        with self.lock:
            written = self._handle(call)
        if written is None:  # hangs: the caller gives up first
            self.stopping.wait(30)
            handler.close_connection = True
            return
        if written.close:
            handler.close_connection = True
        if not written.status:
            return
        if "Date" in written.headers:
            handler.send_response_only(written.status)
        else:
            handler.send_response(written.status)
        for name, value in written.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(written.raw)

    def _handle(self, call: Call) -> Written | None:
        self.calls.append(call)
        fault = next((one for one in self.faults if one.fits(call)), None)
        if fault is not None:
            fault.times -= 1
        if fault is not None and fault.kind == "answer":
            status, body, headers = fault.answer
            call.real = fault.real
            return self._written(call, status, body, headers)
        if fault is None or fault.after:
            written = self._written(call, *self._worked(call))
        if fault is None:
            return written
        call.real = fault.after
        if fault.kind == "hang":
            return None
        if fault.kind == "half" and fault.after:
            half = written.raw[: len(written.raw) // 2]
            return Written(written.status, half, written.headers, close=True)
        return Written(0, b"", close=True)

    def _worked(self, call: Call) -> tuple[int, Any, dict[str, str]]:
        try:
            self.authorised(call)
            path = call.path.removeprefix(self.base)
            for method, pattern, name in self._table:
                found = pattern.fullmatch(path)
                if method == call.method and found:
                    given = {key: unquote(value) for key, value in found.groupdict().items()}
                    answer = getattr(self, name)(call, **given)
                    return (*answer, {}) if len(answer) == 2 else answer
            raise AssertionError(f"The fake knows no {call.method} {call.target}")
        except Refusal as refusal:
            return refusal.answer
        except BaseException as error:  # shown by verify()
            self.crashes.append(error)
            return 500, None, {}

    def _written(self, call: Call, status: int, body: Any, headers: dict[str, str]) -> Written:
        raw = body if isinstance(body, bytes) else b""
        if body is not None and not isinstance(body, bytes):
            raw = json.dumps(body).encode()
        call.status, call.answer = status, body
        named = {"Content-Type": self.media} if raw else {}
        length = {"Content-Length": str(len(raw))}
        return Written(status, raw, {**named, **length, **self.limits(call), **headers})


def _pattern(route: str) -> str:
    parts = re.split(r"\{(\w+)\}", route)
    return "".join(
        f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )
