"""The processes that are measured: gunicorn as in production, and the sandbox CRM."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from customerinfo.demo import guardian
from customerinfo.demo.ports import unused_port

START_LIMIT = 60.0  # seconds
# The limits': as many processes and threads as the product has (Dockerfile, customerinfo.web).
GUNICORN = ["--worker-class", "gthread", "--workers", "2", "--threads", "4", "--no-control-socket"]


class BenchFailed(Exception):
    """A bench can't be run, or what ran didn't do its work; the message says which and why."""


class Server:
    """A program of a module, listening on `port`. Ends with this process, even by SIGKILL."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], folder: Path):
        self.name = name
        self.port = unused_port()
        self.log = folder / f"{name}.log"
        arguments = [word.replace("PORT", str(self.port)) for word in command]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        guardian.hold(self.process.pid)
        self._wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """CPU time of the process and its children until now."""
        process = psutil.Process(self.process.pid)
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def stop(self) -> None:
        if self.process.poll() is None:
            guardian.signal_group(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                guardian.signal_group(self.process.pid, signal.SIGKILL)
                self.process.wait()
        guardian.release(self.process.pid)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline and self.process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_LIMIT)
            try:
                # Whatever it answers: gunicorn listens long before its workers do.
                connection.request("GET", "/")
                connection.getresponse()
                return
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            finally:
                connection.close()
        self.stop()
        raise BenchFailed(f"{self.name} didn't start:\n{self.log.read_text()[-2000:]}")


def web(env: Mapping[str, str], folder: Path) -> Server:
    """The product by the image's command, showing its metrics; `env` may say otherwise."""
    command = ["gunicorn", "--config=python:customerinfo.web", "--bind", "127.0.0.1:PORT"]
    image = {"WEB_CONCURRENCY": "2", "METRICS_PORT": str(unused_port())}
    return Server("web", command, image | dict(env), folder)


def gunicorn(name: str, application: str, env: Mapping[str, str], folder: Path) -> Server:
    """A limit: the least that the work needs."""
    return Server(
        name, ["gunicorn", application, "--bind", "127.0.0.1:PORT", *GUNICORN], env, folder
    )


def crm(key: str, folder: Path) -> Server:
    """The sandbox CRM, empty, answering as fast as it can."""
    return crm_of({"bench": key}, folder, "0")


def crm_of(keys: Mapping[str, str], folder: Path, latency: str) -> Server:
    """The same with an account for each key; each call takes it so many seconds."""
    shutil.rmtree(folder / "crm", ignore_errors=True)
    command = ["customerinfo.demo.crm", "--port", "PORT", "--data", str(folder / "crm")]
    command += ["--rate", "off", "--latency", latency]
    command += [f"--account={name}={key}" for name, key in keys.items()]
    return Server("crm", command, {}, folder)
