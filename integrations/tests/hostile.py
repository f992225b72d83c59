"""A real HTTP server that misbehaves on request: what other people's servers do to us.

The path says how. `script` takes answers to be given first, in order, whatever the path:
(status, headers, body). `seen` holds every request, `connections` counts the connections.
"""

import gzip
import json
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Callable

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone.utc)


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Hostile:
    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.script: list[tuple[int, dict[str, str], bytes]] = []
        self.seen: list[Seen] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._context = context
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Hostile":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            sock.close()
        self._thread.join(5)

    def url(self, path: str = "") -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}{path}"

    def answers(self, status: int, body: Any = None, **headers: str) -> None:
        """Adds one answer to the script; headers with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.script.append((status, named, raw))

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=[sock], daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._context:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            stream = sock.makefile("rb")
            while self._one(sock, stream):
                pass
            # Not close(): the caller may still be sending, and would see a reset instead.
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the caller hung up, as it should

    def _one(self, sock: socket.socket, stream: Any) -> bool:
        """Serves one request; true if the connection stays open."""
        first = stream.readline().decode()
        if not first:
            return False
        method, path, _ = first.split()
        headers = {}
        while (line := stream.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        self.seen.append(Seen(method, path, headers, body))
        if self.script:
            status, extra, raw = self.script.pop(0)
            return _send(sock, status, raw, {"Content-Type": "application/json", **extra})
        name, _, argument = path.partition("?")[0].strip("/").partition("/")
        behaviour: Callable[..., bool] = getattr(self, "do_" + name.replace("-", "_"))
        return behaviour(sock, argument)

    # the behaviours

    def do_ok(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 200, b'{"ok": true}', {"Content-Type": "application/json"})

    def do_status(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, int(argument), b"{}", {"Content-Type": "application/json"})

    def do_429_seconds(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 429, b"{}", {"Retry-After": "7"})

    def do_429_date(self, sock: socket.socket, argument: str) -> bool:
        moment = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
        return _send(sock, 429, b"{}", {"Retry-After": moment})

    def do_text(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 200, b"<h1>Welcome to the Wi-Fi</h1>", {"Content-Type": "text/html"})

    def do_deep(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 200, b"[" * 100_000, {})

    def do_cookie(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 200, b"{}", {"Set-Cookie": "session=1; Path=/"})

    def do_redirect(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 302, b"", {"Location": self.url("/ok")})

    def do_chunked(self, sock: socket.socket, argument: str) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        sock.sendall(b'6\r\n{"ok":\r\n6\r\n true}\r\n0\r\n\r\n')
        return True

    def do_zipped(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 200, gzip.compress(b'{"ok": true}'), {"Content-Encoding": "gzip"})

    def do_hang(self, sock: socket.socket, argument: str) -> bool:
        self.stopping.wait(30)
        return False

    def do_close(self, sock: socket.socket, argument: str) -> bool:
        return False

    def do_reset(self, sock: socket.socket, argument: str) -> bool:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        raise OSError("reset, as ordered")

    def do_half(self, sock: socket.socket, argument: str) -> bool:
        sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":')
        return False

    def do_half_chunked(self, sock: socket.socket, argument: str) -> bool:
        sock.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"half":\r\n')
        return False

    def do_huge(self, sock: socket.socket, argument: str) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(100):
            sock.sendall(b" " * 1_000_000)
        return True

    def do_large(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 200, b"x" * 2_000_000, {})

    def do_bomb(self, sock: socket.socket, argument: str) -> bool:
        body = gzip.compress(b" " * 20_000_000, 9)
        return _send(sock, 200, body, {"Content-Encoding": "gzip"})

    def do_bad_gzip(self, sock: socket.socket, argument: str) -> bool:
        return _send(sock, 200, b"not gzip at all", {"Content-Encoding": "gzip"})

    def do_not_http(self, sock: socket.socket, argument: str) -> bool:
        sock.sendall(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        return False

    def do_drip(self, sock: socket.socket, argument: str) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        return self._drip(sock)

    def do_drip_head(self, sock: socket.socket, argument: str) -> bool:
        sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        return self._drip(sock)

    def _drip(self, sock: socket.socket) -> bool:
        while not self.stopping.wait(0.02):
            sock.sendall(b"1")
        return False


def _send(sock: socket.socket, status: int, body: bytes, headers: dict[str, str]) -> bool:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return True
