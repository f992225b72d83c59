"""The main job, seen from outside: a shopper signs up, and is a contact in that shop's CRM.

As a browser without JavaScript does it: read the page, post its form. Two retailers, since what
reaches the one must not reach the other.
"""

import json
import re
import time
import urllib.request
import uuid
from collections.abc import Callable

from outcome import Failed

SHOPS = ("bloom", "birch")
WAIT = 60.0  # seconds from the shopper's tap to the contact


class Crm:
    """The sandbox CRM's accounts: one a shop, with a key of its own."""

    def __init__(self, port: int, keys: dict[str, str]):
        self.port, self.keys = port, keys

    def contacts(self, shop: str) -> list[dict]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/contacts",
            headers={"Authorization": f"Bearer {self.keys[shop]}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["contacts"]

    def emails(self, shop: str) -> list[str]:
        return sorted(contact["attributes"]["email"] for contact in self.contacts(shop))


def form_at(web, shop: str, email: str) -> dict[str, str]:
    """The starter page, filled in. `web` has get(path, host), post(path, host, form), domain."""
    host = f"{shop}.{web.domain}"
    status, body = web.get("/join/", host)
    if status != 200:
        raise Failed(f"{host}/join/ answers {status}")
    return form_of(body.decode(), email)


def send(web, shop: str, form: dict[str, str]) -> None:
    """Post it. The thanks page is where a browser is led to, after a repeat as well."""
    host = f"{shop}.{web.domain}"
    status, place = web.post("/join/", host, form)
    if status != 303 or "/thanks/" not in place:
        raise Failed(f"a sign-up at {host} is answered with {status} {place}")


def form_of(html: str, email: str) -> dict[str, str]:
    """What a browser would send: the hidden fields, the e-mail, and every box ticked."""
    form = {}
    for tag in re.findall(r"<input\b[^>]*>", html):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        name, kind = attributes.get("name"), attributes.get("type", "text")
        if not name or name == "website":  # which only a robot fills in
            continue
        if kind == "email":
            form[name] = email
        elif kind == "checkbox":
            form[name] = attributes.get("value", "on")
        elif kind == "hidden":
            form[name] = attributes.get("value", "")
        elif "required" in tag:
            form[name] = "Ada"
    if email not in form.values() or not form.get("form_version"):
        raise Failed("the sign-up page has no form with an e-mail field")
    return form


def story(
    web,
    crm: Crm,
    until: Callable[[Callable[[], bool], float, str], None],
    stored: Callable[[], dict[str, int]],
) -> float:
    """Shoppers of both shops sign up, some twice; raises `Failed` where that shows anywhere.

    `until(check, seconds, what)` waits for the worker, `stored()` counts each shop's sign-ups.
    Returns the seconds that the slowest took to arrive.
    """
    slowest = 0.0
    for shop in SHOPS:
        # The second carries an id, as a tablet's does; the first is known again by its answers.
        for name, more in (("ada", {}), ("bea", {"signup_id": str(uuid.uuid4())})):
            email = f"{name}@{shop}.example"
            form = form_at(web, shop, email) | more
            started = time.monotonic()
            for _ in range(2):
                send(web, shop, form)
            until(lambda: email in crm.emails(shop), WAIT, f"{email} in {shop}'s CRM")
            slowest = max(slowest, time.monotonic() - started)
    for shop in SHOPS:
        wanted = [f"ada@{shop}.example", f"bea@{shop}.example"]
        if crm.emails(shop) != wanted:
            raise Failed(f"{shop}'s CRM holds {crm.emails(shop)} instead of {wanted}")
    if stored() != dict.fromkeys(SHOPS, 2):
        raise Failed(f"of two sign-ups in each shop, each sent twice, there are {stored()}")
    return slowest
