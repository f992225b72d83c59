"""The story of a sign-up notices each way in which it can go wrong, on a small web and CRM."""

import http.server
import json
import sys
import threading
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.deploy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import shopper  # noqa: E402
from outcome import Failed  # noqa: E402

PAGE = """
<form method="post">
  <label for="f-1">First name</label><input id="f-1" name="1" type="text" required>
  <input name="2" type="email" required><input name="3" type="text">
  <input name="4" type="checkbox" value="yes"><input name="website" type="text">
  <input type="hidden" name="form_version" value="v"><input type="hidden" name="signup_id" value="">
</form>
"""


class World:
    """A web that stores what is posted, and a CRM that has it at once."""

    domain = "shops.example"

    def __init__(self):
        self.stored = {shop: {} for shop in shopper.SHOPS}
        self.page, self.status = PAGE, 303

    def get(self, path: str, host: str) -> tuple[int, bytes]:
        return 200, self.page.encode()

    def post(self, path: str, host: str, form: dict[str, str]) -> tuple[int, str]:
        self.take(host.partition(".")[0], form)
        return self.status, "/join/thanks/"

    def take(self, shop: str, form: dict[str, str]) -> None:
        self.stored[shop][form.get("signup_id") or form["2"]] = form

    def contacts(self, shop: str) -> set[str]:
        return {form["2"] for form in self.stored[shop].values()}

    def counts(self) -> dict[str, int]:
        return {shop: len(forms) for shop, forms in self.stored.items()}


@pytest.fixture
def tell():
    """tell(world): the story in it."""
    servers = []

    def told(world):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                shop = self.headers["Authorization"].removeprefix("Bearer key-")
                found = [{"attributes": {"email": email}} for email in world.contacts(shop)]
                body = json.dumps({"contacts": found}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keys = {shop: f"key-{shop}" for shop in shopper.SHOPS}
        crm = shopper.Crm(server.server_address[1], keys)

        def until(check, seconds, what):
            if not check():
                raise Failed(f"{what} not within {seconds} s")

        return shopper.story(world, crm, until, world.counts)

    yield told
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_web_that_delivers_passes(tell):
    world = World()
    assert tell(world) < shopper.WAIT
    assert world.counts() == {"bloom": 2, "birch": 2}
    form = next(iter(world.stored["bloom"].values()))
    assert form == {"1": "Ada", "2": "ada@bloom.example", "4": "yes"} | {
        name: form[name] for name in ("form_version", "signup_id")
    }


class Lost(World):
    def contacts(self, shop):
        return set()


class Leaking(World):
    def contacts(self, shop):
        return super().contacts("bloom") | super().contacts("birch")


class Doubling(World):
    def take(self, shop, form):
        self.stored[shop][uuid.uuid4()] = form


class Refusing(World):
    def post(self, path, host, form):
        return 422, ""


class Gone(World):
    def get(self, path, host):
        return 404, b"There is nothing here."


class Empty(World):
    def get(self, path, host):
        return 200, b"<form></form>"


@pytest.mark.parametrize(
    "kind, complaint",
    [
        (Lost, "ada@bloom.example in bloom's CRM not within"),
        (Leaking, "bloom's CRM holds"),
        (Doubling, "each sent twice, there are {'bloom': 4, 'birch': 4}"),
        (Refusing, "answered with 422"),
        (Gone, "answers 404"),
        (Empty, "no form with an e-mail field"),
    ],
)
def test_what_goes_wrong_is_named(kind, complaint, tell):
    with pytest.raises(Failed) as failed:
        tell(kind())
    assert complaint in str(failed.value)
