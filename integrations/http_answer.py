"""What comes back from other people's servers: a complete answer, or the reason there is none.

Apart from http.py, so that connectors and their tests need not load an HTTP library to talk
about answers.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Mapping

LONGEST_WAIT = 24 * 3600.0  # seconds; a vendor's typing error must not park a sign-up for years


class Unreachable(Exception):
    """No usable answer came. `code` is one of: refused, timeout, reset, dns, tls, blocked,
    too_large, bad_answer. The message is fit for a retailer's eyes and names no secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class HttpAnswer:
    """A complete answer of any status; `headers` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises Unreachable("bad_answer") for anything else."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            kind = self.headers.get("Content-Type", "")[:80] or "no content type"
            message = f"The answer (status {self.status}, {kind}) isn't JSON."
            raise Unreachable("bad_answer", message) from None


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def clock_skew(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds by which the other side's clock is ahead of ours, by its Date; None without one."""
    moment = _http_date({name.lower(): value for name, value in headers.items()}.get("date"))
    return None if moment is None else (moment - now).total_seconds()


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait according to Retry-After (RFC 9110 10.2.3), 0 to 24 hours; None if the
    header is missing or makes no sense. `now` carries a time zone.

    A date is measured from the answer's own Date if there is one, so a vendor's wrong clock
    neither hurries nor delays us.
    """
    known = {name.lower(): value for name, value in headers.items()}
    text = known.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
        return min(float(text), LONGEST_WAIT)
    moment = _http_date(text)
    if moment is None:
        return None
    wait = (moment - (_http_date(known.get("date")) or now)).total_seconds()
    return min(max(wait, 0.0), LONGEST_WAIT)
