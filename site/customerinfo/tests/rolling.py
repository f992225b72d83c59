"""Web processes replaced one after the other under load, with the chart's own numbers.

A `Service` stands for Kubernetes': it sends new connections to the pods that are listed and leaves
open ones where they are. A pod that is deleted stays listed for NOTICE more seconds, because
proxies hear of it late; the chart's drain is there for that.
"""

import asyncio
import contextlib
import http.client
import itertools
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import yaml

from customerinfo.demo.ports import unused_port

from .services import ROOT
from .stack import SHOPS, Stack, eventually, key_of

NOTICE = 1.5  # seconds until nobody sends to a deleted pod any more
DRAIN_AT_MOST = 3.0  # seconds; more of the chart's drain would only make the test slower
PAUSE = 0.2  # seconds between the requests of one client
ARGUMENTS = re.compile(r'GUNICORN_CMD_ARGS\s+value: "(.*)"')
VALUE = re.compile(r"{{ \.Values\.web\.(\w+) }}")


def chart_web() -> dict:
    """`web` of the chart's values, with `arguments`: gunicorn's, as the pod gets them."""
    values = yaml.safe_load((ROOT / "chart/values.yaml").read_text())["web"]
    template = (ROOT / "chart/templates/web.yaml").read_text()
    arguments = VALUE.sub(lambda found: str(values[found[1]]), ARGUMENTS.search(template)[1])
    words = [word for word in arguments.split() if not word.startswith("--bind=")]
    return {**values, "arguments": " ".join(words)}


class Service:
    """A TCP relay on `port` to the ports in `listed`, one after the other."""

    def __init__(self):
        self.listed: list[int] = []
        self.turns = itertools.count()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        # In its own thread: Playwright's loop may be running in this one.
        started = asyncio.start_server(self.relay, "127.0.0.1", 0)
        self.server = asyncio.run_coroutine_threadsafe(started, self.loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            pod = self.listed[next(self.turns) % len(self.listed)]
            there, back = await asyncio.open_connection("127.0.0.1", pod)
            with contextlib.closing(back):
                ways = {
                    asyncio.create_task(pump(reader, back)),
                    asyncio.create_task(pump(there, writer)),
                }
                _, open_ones = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in open_ones:
                    way.cancel()

    def stop(self) -> None:
        async def end() -> None:
            self.server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


class Deployment:
    """One web pod at a time, behind `service`."""

    def __init__(self, stack: Stack, service: Service, web: dict):
        self.stack, self.service, self.web = stack, service, web
        self.number = itertools.count()
        self.pod, self.port = self.new_pod()

    def new_pod(self) -> tuple[subprocess.Popen, int]:
        """Started, ready and listed."""
        port = unused_port()
        env = {
            **self.stack.env,
            "PROXIES": "1",
            "WEB_CONCURRENCY": str(self.web["workers"]),
            "GUNICORN_CMD_ARGS": self.web["arguments"],
        }
        command = [sys.executable, "-m", "gunicorn", "--config", "python:customerinfo.web"]
        with (self.stack.folder / f"pod-{next(self.number)}.log").open("wb") as log:
            pod = subprocess.Popen(
                [*command, "--bind", f"127.0.0.1:{port}"],
                env=env,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(lambda: status(port, "127.0.0.1", "/readyz") == 200)
        self.service.listed.append(port)
        return pod, port

    def replace(self, drain: float) -> int:
        """A new pod, then the old one's end; its exit code."""
        old, port = self.pod, self.port
        self.pod, self.port = self.new_pod()
        noticed = threading.Timer(NOTICE, self.service.listed.remove, [port])
        noticed.start()
        threading.Event().wait(drain)  # preStop
        old.terminate()
        code = old.wait(self.web["gracefulTimeout"] + 10)
        noticed.join()
        return code

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pod.pid, 9)
        self.pod.wait()


def status(port: int, host: str, path: str) -> int:
    """Of one request on its own connection; 0 if there is no answer."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", path, headers={"Host": host})
        return link.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        link.close()


@dataclass
class Load:
    """Clients that keep their connections, and never try again."""

    stack: Stack
    port: int
    ids: dict[str, set[str]] = field(default_factory=lambda: {shop: set() for shop in SHOPS})
    pages: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SHOPS, 0))
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def shopper(self, shop: str) -> Callable:
        """Signs up again and again; ids that were answered with 303 are kept."""
        html = self.stack.get(shop, "/join/")
        data = {"form_version": re.search(r'name="form_version" value="([^"]+)"', html)[1]}
        data[key_of(html, "first_name")] = "Ada"
        data |= dict.fromkeys(re.findall(r'type="checkbox"[^>]*name="([^"]+)"', html), "yes")
        email = key_of(html, "email")

        def act(link: http.client.HTTPConnection) -> None:
            made = uuid.uuid4()
            body = urlencode({**data, "signup_id": str(made), email: self.email(str(made))})
            # Each from an address of its own: together they would be a flood.
            whence = ".".join(str(byte) for byte in made.bytes[:4])
            self.ask(link, shop, "POST", body, {"X-Forwarded-For": whence}, 303)
            self.ids[shop].add(str(made))

        return act

    def email(self, made: str) -> str:
        return f"{made}@{self.mark}.example.com"

    def visitor(self, shop: str) -> Callable:
        def act(link: http.client.HTTPConnection) -> None:
            self.ask(link, shop, "GET", None, {}, 200)
            self.pages[shop] += 1

        return act

    def ask(self, link, shop: str, method: str, body, headers: dict, wanted: int) -> None:
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        host = {"Host": f"{shop}.localhost:{self.stack.port}"}
        link.request(method, "/join/", body, {**host, **kind, **headers})
        answer = link.getresponse()
        answer.read()
        if answer.status != wanted:
            raise http.client.HTTPException(f"{answer.status} instead of {wanted}")

    def client(self, act: Callable) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self.over.wait(PAUSE):
            try:
                act(link)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                link.close()
        link.close()


@contextlib.contextmanager
def under_load(stack: Stack, **changes) -> Iterator[tuple[Deployment, Load]]:
    """A deployment of one pod, and at each shop two shoppers and one who only looks.

    `changes` are made to the chart's values of `web`.
    """
    service = Service()
    deployment = None
    try:
        deployment = Deployment(stack, service, {**chart_web(), **changes})
        load = Load(stack, service.port)
        acts = [make(shop) for shop in SHOPS for make in (load.shopper, load.shopper, load.visitor)]
        threads = [threading.Thread(target=load.client, args=[act]) for act in acts]
        for thread in threads:
            thread.start()
        try:
            yield deployment, load
        finally:
            load.over.set()
            for thread in threads:
                thread.join()
    finally:
        if deployment:
            deployment.stop()
        service.stop()
