"""Signed events, as Stripe sends them: https://docs.stripe.com/webhooks#verify-manually"""

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request


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
