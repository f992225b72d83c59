"""HTTP for somebody who is looking at the page: what takes too long is given up, and said."""

import time
from typing import Any

from django.conf import settings

from .http import Http
from .http_answer import HttpAnswer, Unreachable

ONE_CALL = 10.0  # seconds
ALL_CALLS = 20.0


class Patience:
    """Stands where a connector expects its Http. No call begins when `seconds` are over, so that
    all of them take that and one call's time at most."""

    def __init__(self, seconds: float = ALL_CALLS) -> None:
        self._http = Http(
            allow_private=settings.OUTBOUND_ALLOW_PRIVATE,
            read_timeout=ONE_CALL,
            total_timeout=ONE_CALL,
        )
        self._ends = time.monotonic() + seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._http, name)

    def __enter__(self) -> "Patience":
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def request(self, method: str, url: str, **options: Any) -> HttpAnswer:
        if time.monotonic() >= self._ends:
            raise Unreachable("timeout", "The other side took too long to answer.")
        return self._http.request(method, url, **options)
