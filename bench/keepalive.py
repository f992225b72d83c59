"""A small load client for machines without wrk: kept-alive connections on plain sockets.

    python -m bench.keepalive URL HOST CONNECTIONS SECONDS ID_PREFIX [BODY]

Prints: requests, seconds, failed requests. Costs several times the CPU of wrk, on the same
machine as the server, so compare its figures only with each other.
"""

import itertools
import re
import socket
import sys
import threading
import time
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Client:
    def __init__(self, url: str, host: str, prefix: str, body: str):
        self.url, self.host, self.prefix, self.body = urlsplit(url), host, prefix, body
        self.numbers = itertools.count(1)
        self.requests = self.failed = 0
        self.lock = threading.Lock()

    def message(self) -> bytes:
        head = f" {self.url.path or '/'} HTTP/1.1\r\nHost: {self.host}\r\n"
        if not self.body:
            return f"GET{head}\r\n".encode()
        body = self.body.replace("SIGNUPID", f"{self.prefix}-{next(self.numbers):012x}")
        kind = "Content-Type: application/x-www-form-urlencoded"
        return f"POST{head}{kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    def exchange(self, link: socket.socket) -> bytes:
        """Send one request, and read its answer to the end; returns the status line's code."""
        link.sendall(self.message())
        data = link.recv(65536)
        while b"\r\n\r\n" not in data:
            data += link.recv(65536) or self.broken()
        head, _, rest = data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not length:
            raise ConnectionError("an answer that doesn't say how long it is")
        left = int(length[1]) - len(rest)
        while left > 0:
            left -= len(link.recv(65536) or self.broken())
        return head[9:10]

    def broken(self) -> bytes:
        raise ConnectionError("the server closed the connection in the middle of an answer")

    def run(self, ends: float) -> None:
        requests = failed = 0
        link = None
        while time.monotonic() < ends:
            try:
                link = link or socket.create_connection((self.url.hostname, self.url.port), 10)
                failed += self.exchange(link) not in (b"2", b"3")
            except OSError:
                failed += 1
                link = None
            requests += 1
        if link:
            link.close()
        with self.lock:
            self.requests += requests
            self.failed += failed


def main() -> None:
    url, host, connections, seconds, prefix, *body = sys.argv[1:]
    client = Client(url, host, prefix, "".join(body))
    started = time.monotonic()
    ends = started + float(seconds)
    threads = [threading.Thread(target=client.run, args=[ends]) for _ in range(int(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(client.requests, time.monotonic() - started, client.failed)


if __name__ == "__main__":
    main()
