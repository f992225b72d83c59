"""Load on a web server: `wrk` where it is installed, else a small keep-alive client of our own."""

import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from dataclasses import dataclass

from bench.servers import BenchFailed, Server

SECONDS = 3
CONNECTIONS = 8  # as many as the server has threads
ID = "SIGNUPID"  # stands in a body for an id that no other request has

# wrk gives each of its threads an interpreter of its own; we use one thread.
SCRIPT = """
local body, prefix, count = [==[%s]==], "%s", 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
request = function()
  count = count + 1
  local id = string.format("%%s-%%012x", prefix, count)
  return wrk.format(nil, nil, nil, (body:gsub("SIGNUPID", id)))
end
"""


@dataclass(frozen=True)
class Request:
    """GET, or POST of `body` if there is one."""

    path: str
    host: str
    body: str = ""


def client() -> str:
    """Which client sends the load."""
    return "wrk" if shutil.which("wrk") else "bench/keepalive.py (wrk isn't installed)"


def id_prefix() -> str:
    """The first four groups of a UUID; the fifth is counted."""
    return str(uuid.uuid4())[:23]


def load(server: Server, request: Request) -> dict[str, float]:
    """Requests per second, and the server's CPU milliseconds per request, under full load.

    Raises BenchFailed if an answer wasn't a 2xx or 3xx.
    """
    run = with_wrk if shutil.which("wrk") else with_our_own
    before = server.cpu_seconds()
    requests, seconds, failed = run(server.url, request)
    spent = server.cpu_seconds() - before
    if failed or not requests:
        raise BenchFailed(f"{server.name}: {failed} of {requests} requests failed.")
    return {"rate": requests / seconds, "cpu": 1000 * spent / requests}


def with_wrk(url: str, request: Request) -> tuple[int, float, int]:
    """(requests, seconds, failed ones)"""
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS)]
    command += ["--duration", f"{SECONDS}s", "--timeout", "10s", "-H", f"Host: {request.host}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if request.body:
            script.write(SCRIPT % (request.body, id_prefix()))
            script.flush()
            command += ["--script", script.name]
        done = subprocess.run([*command, url + request.path], capture_output=True, text=True)
    counted = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", done.stdout)
    if done.returncode or not counted:
        raise BenchFailed(f"wrk failed:\n{done.stdout}{done.stderr}")
    unit = {"ms": 0.001, "s": 1.0, "m": 60.0}[counted[3]]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    failed = int(refused[1]) if refused else 0
    failed += sum(map(int, broken.groups())) if broken else 0
    return int(counted[1]), float(counted[2]) * unit, failed


def with_our_own(url: str, request: Request) -> tuple[int, float, int]:
    """The same, by a process of its own: here it would share our interpreter's lock."""
    command = [sys.executable, "-m", "bench.keepalive", url + request.path, request.host]
    command += [str(CONNECTIONS), str(SECONDS), id_prefix(), request.body]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchFailed(f"The client failed:\n{done.stderr}")
    requests, seconds, failed = done.stdout.split()
    return int(requests), float(seconds), int(failed)
