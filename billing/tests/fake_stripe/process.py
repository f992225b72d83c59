"""Starts the fake Stripe as a process, and reaches what isn't part of Stripe's API."""

import http.client
import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parents[3]


class FakeStripe:
    """`with FakeStripe() as fake:` … `fake.url` is what STRIPE_API_BASE wants."""

    def __enter__(self) -> "FakeStripe":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "billing.tests.fake_stripe"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()  # printed once it listens
        if not self.url:
            raise RuntimeError(f"The fake Stripe ended with {self.process.wait()}.")
        return self

    def __exit__(self, *problem) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def ask(self, name: str, **values):
        body = json.dumps(values).encode()
        with urllib.request.urlopen(f"{self.url}/_fake/{name}", body, timeout=10) as answer:
            return json.load(answer)

    def reset(self, livemode: bool = False, now: int | None = None) -> None:
        """An empty Stripe. `livemode`: everything is shown as real money."""
        self.ask("reset", livemode=livemode, now=now)

    def fail(self, status: int = 503, times: int = 1, after: bool = False, **headers) -> None:
        """The next calls fail; `after`: they are carried out, but their answers get lost."""
        self.ask("fail", status=status, times=times, after=after, headers=headers)

    def set_subscription(self, id: str, **values) -> dict:
        """What only Stripe's clock and cards do, such as status="past_due"."""
        return self.ask("subscription", id=id, **values)

    def cancel(self, id: str, reason: str) -> dict:
        return self.ask("cancel", id=id, reason=reason)

    def advance(self, days: float) -> int:
        """Let the time pass, with all that it brings. Returns what this Stripe's clock says."""
        return self.ask("advance", seconds=int(days * 24 * 3600))["now"]

    def give_card(self, customer: str, card: str) -> dict:
        """The customer enters another card in the portal; {"refused": …} if it is declined."""
        return self.ask("card", customer=customer, card=card)

    def pay(self, invoice: str) -> dict:
        return self.ask("pay", id=invoice)

    def check_out(self, session: str, card: str = "4242424242424242") -> dict:
        return self.ask("checkout", id=session, card=card)

    def objects(self, kind: str) -> list[dict]:
        return self.ask("objects", kind=kind)

    def press(self, url: str, **asked: str) -> tuple[int, str]:
        """A button on one of its pages: (status, where to)."""
        place = urlsplit(url)
        there = http.client.HTTPConnection(place.netloc, timeout=30)
        try:
            there.request("POST", place.path, urlencode(asked))
            answer = there.getresponse()
            return answer.status, answer.getheader("Location", "")
        finally:
            there.close()

    def events(self, after: int = 0) -> list[dict]:
        """In their order, without the first `after` of them."""
        return self.ask("events", after=after)

    def requests(self, method: str, path: str) -> int:
        """How many such calls came in."""
        return self.ask("requests").count({"method": method, "path": path})
