"""Signed events, as Stripe sends them: https://docs.stripe.com/webhooks#verify-manually"""

import copy
import hashlib
import hmac
import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable


def sign(body: bytes, secret: str, at: int | None = None) -> str:
    """The Stripe-Signature header. Not the library's own function: both must agree."""
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={digest.hexdigest()}"


def packed(event: dict) -> bytes:
    return json.dumps(event, indent=2).encode()


def deliver(url: str, event: dict, secret: str, host: str = "", at: int | None = None) -> int:
    """POST the event; returns the status. Call it twice, late or in another order, as Stripe may.

    Raises `urllib.error.URLError` when nobody answers.
    """
    body = packed(event)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": sign(body, secret, at),
    }
    if host:
        headers["Host"] = host
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


class Sender:
    """Delivers each new event in the background, and again when nobody took it, as Stripe does."""

    PAUSES = (0.5, 2, 5, 10, 30, 60)  # seconds; Stripe goes on for three days

    def __init__(self, url: str, secret: str, host: str = ""):
        self.url, self.secret, self.host = url, secret, host
        self.seen: set[str] = set()
        self.waiting: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self.run, daemon=True).start()

    def has_seen(self, events: Iterable[dict]) -> None:
        self.seen.update(event["id"] for event in events)

    def send_new(self, events: Iterable[dict]) -> None:
        for event in list(events):
            if event["id"] not in self.seen:
                self.seen.add(event["id"])
                self.waiting.put((copy.deepcopy(event), 0))

    def run(self) -> None:
        while True:
            event, tries = self.waiting.get()
            try:
                status = deliver(self.url, event, self.secret, self.host)
            except OSError:
                status = 0
            if not 200 <= status < 300 and tries < len(self.PAUSES):
                again = threading.Timer(self.PAUSES[tries], self.waiting.put, ((event, tries + 1),))
                again.daemon = True
                again.start()
