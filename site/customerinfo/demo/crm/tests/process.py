"""The CRM as its users meet it: a process of its own, asked over HTTP."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlencode

ROOT = Path(__file__).parents[5]


class Process:
    """`key` is the API key that calls carry unless they say otherwise."""

    def __init__(self, folder: Path, *options: str, key: str = "key-a") -> None:
        self.folder, self.options, self.key = folder, options, key
        self.start()

    def start(self) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "customerinfo.demo.crm", "--port", "0"]
            + ["--data", str(self.folder), *self.options],
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'site'}:{ROOT}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.line = self.popen.stdout.readline().strip()
        if not self.line:
            raise RuntimeError(self.popen.communicate()[1])
        self.url = self.line.rsplit(" ", 1)[1].rstrip("/")
        self.address = self.url.removeprefix("http://")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the process by a signal and answers its exit code."""
        self.popen.send_signal(number)
        code = self.popen.wait(20)
        self.popen.stdout.close()
        self.popen.stderr.close()
        return code

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        timeout: float = 10,
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) of one request on a connection of its own."""
        connection = HTTPConnection(self.address, timeout=timeout)
        try:
            raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        status, _, raw = self.ask(method, "/api/v1" + path, body, **options)
        return status, json.loads(raw) if raw else None

    def upsert(self, *contacts: dict[str, Any], match: str = "email", **options: Any) -> Any:
        body = {"match": match, "contacts": list(contacts)}
        return self.api("POST", "/contacts/upsert", body, **options)

    def found(self, **match: str) -> list[dict[str, Any]]:
        return self.api("GET", "/contacts?" + urlencode(match))[1]["contacts"]

    def fault(self, kind: str, **more: Any) -> None:
        assert self.api("POST", "/faults", {"kind": kind, **more})[0] == 201

    def breaks(self, method: str, path: str, body: Any = None, timeout: float = 10) -> bool:
        """Whether this call ends without a complete answer."""
        try:
            self.api(method, path, body, timeout=timeout)
        except (OSError, HTTPException):
            return True
        return False


@contextmanager
def running(folder: Path, *options: str, key: str = "key-a") -> Iterator[Process]:
    process = Process(folder, *options, key=key)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.stop()
