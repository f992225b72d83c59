"""A shopper's tablet for tests: a real Chromium at the product's own pages.

The server is a thread of the test's process, on a database of its own (`tablet_world`). A request
to any other host, and any complaint in the browser's console, is noted; `Tablet.check` looks
at them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import Page

from .shop import Shop

SIZES = {"landscape": (1180, 820), "portrait": (820, 1180), "phone": (390, 844)}
# What Chromium reports as if it were a mishap: a refused form, a device that isn't paired yet, and
# that the tests have no TLS.
EXPECTED = ("status of 422", "status of 401", "Cross-Origin-Opener-Policy header has been ignored")


@contextmanager
def serving() -> Iterator[int]:
    """The port at which all retailers are served."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Tablet:
    """`page` is Playwright's; `posts` holds what was sent, as text."""

    def __init__(self, page: Page, shop: Shop, port: int):
        self.page, self.shop, self.port = page, shop, port
        self.posts: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self.note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self.listen)

    def note(self, request) -> None:
        if request.method == "POST":
            self.posts.append(request.post_data or "")
        if f".shops.test:{self.port}/" not in request.url:
            self.complaints.append(f"asked elsewhere: {request.url}")

    def listen(self, message) -> None:
        if message.type in ("error", "warning") and not any(
            word in message.text for word in EXPECTED
        ):
            self.complaints.append(message.text)

    def url(self, path: str = "/join/", shop: Shop | None = None) -> str:
        return f"http://{(shop or self.shop).host}:{self.port}{path}"

    def open(self, path: str = "/join/", size: str = "landscape", shop: Shop | None = None) -> Page:
        """The page, at one of SIZES, with its modules at work."""
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.goto(self.url(path, shop))
        return self.page

    def ready(self) -> Page:
        self.page.locator("form[data-ready]").wait_for()
        return self.page

    def check(self) -> None:
        assert self.complaints == [], self.complaints
