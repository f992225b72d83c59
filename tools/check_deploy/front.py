"""A small front before the product, as an Ingress is one: TLS, and not a header of its own."""

import http.client
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


def certificate(folder: Path, hosts: list[str]) -> Path:
    """A file with a certificate for these hosts, signed by itself, and its key."""
    command = [sys.executable, str(Path(__file__).parent / "certificate.py"), *hosts, "127.0.0.1"]
    path = folder / "front.pem"
    path.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return path


@contextmanager
def standing(pem: Path, port: int, without: str = "") -> Iterator[dict[str, int]]:
    """{"http": port, "https": port} of a front before the product at `port`.

    `without` is a header that it loses on the way: what a check must notice.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    servers = {scheme: server(scheme, port, without) for scheme in ("http", "https")}
    servers["https"].socket = context.wrap_socket(servers["https"].socket, server_side=True)
    threads = [threading.Thread(target=each.serve_forever) for each in servers.values()]
    for thread in threads:
        thread.start()
    try:
        yield {scheme: each.server_port for scheme, each in servers.items()}
    finally:
        for each in servers.values():
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()


def server(scheme: str, port: int, without: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behind = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            told = {**self.headers, "X-Forwarded-Proto": scheme, "Connection": "close"}
            behind.request(self.command, self.path, headers=told)
            answer = behind.getresponse()
            body = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {*HOP_BY_HOP, without.lower()}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            behind.close()

        do_OPTIONS = do_GET

        def log_message(self, *args) -> None:
            """Nothing: the step tells what it saw."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
