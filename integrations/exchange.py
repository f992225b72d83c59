"""What was asked of a CRM and what it answered, as the log keeps it: without people or secrets."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from .connectors.base import Record
from .http import Http
from .http_answer import HttpAnswer, Unreachable
from .redaction import masked_lines, scrubbed

MOST_CALLS = 6  # of one batch; a connector that splits a batch makes many
LONGEST_BODY = 600  # characters of an answer that says no
LONGEST_TEXT = 4_000
PATIENCE = 30.0  # seconds for all calls of a batch


@dataclass(frozen=True)
class Call:
    """One request. `answer` is the status, or the code of why none came; `said` its body if it
    was no success."""

    request: str
    answer: str
    milliseconds: int
    said: str = ""


class Recorder:
    """Stands where a connector expects its Http, and takes notes.

    No call begins after `patience` seconds, so that a slow CRM that is asked once for each record
    doesn't hold a worker for minutes: what is settled stays, the rest comes later.
    """

    def __init__(self, http: Http, patience: float = PATIENCE) -> None:
        self._http = http
        self._ends = time.monotonic() + patience
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._http, name)

    def request(self, method: str, url: str, **options: Any) -> HttpAnswer:
        started = time.monotonic()
        # Without its query, which may carry a key.
        parts = urlsplit(url)
        asked = f"{method} {parts.hostname or ''}{unquote(parts.path)}"

        def note(answer: str, said: str = "") -> None:
            took = int((time.monotonic() - started) * 1000)
            self.calls.append(Call(asked, answer, took, said))

        try:
            if started > self._ends:
                raise Unreachable("slow", "The CRM takes long: the rest is sent in a moment.")
            answer = self._http.request(method, url, **options)
        except Unreachable as error:
            note(f"no answer ({error.code})")
            raise
        failed = not 200 <= answer.status < 300
        note(str(answer.status), answer.body.decode(errors="replace") if failed else "")
        return answer


class Log:
    """The two texts of each attempt of a batch. The calls are written up once for all of it."""

    def __init__(
        self, calls: list[Call], records: Iterable[Record], secrets: Mapping[str, Any]
    ) -> None:
        self._secrets = [one for one in secrets.values() if isinstance(one, str)]
        self._records = records = list(records)
        shown, more = calls[:MOST_CALLS], calls[MOST_CALLS:]
        self._asked = "\n".join(scrubbed(call.request, self._secrets) for call in shown)
        if len(records) > 1:
            self._asked += f"\ntogether with {len(records) - 1} more"
        answers = [f"{call.answer} after {call.milliseconds} ms" for call in shown]
        for number, call in enumerate(shown):
            if call.said:
                said = self.scrubbed(call.said[: 2 * LONGEST_BODY], None)
                answers[number] += f"\n{said[:LONGEST_BODY]}"
        if more:
            answers.append(f"and {len(more)} more calls")
        self._answered = "\n".join(answers)

    def request(self, record: Record | None) -> str:
        """What was sent of this record; nothing if it never got so far."""
        if record is None or not self._asked:
            return ""
        values = {name: mapped.value for name, mapped in record.values.items()}
        return f"{self._asked}\n\n{masked_lines(values)}"[:LONGEST_TEXT]

    def response(self, record: Record | None) -> str:
        return self._answered[:LONGEST_TEXT] if record is not None else ""

    def scrubbed(self, text: str, record: Record | None) -> str:
        """What the CRM said of this record, or of the whole batch, fit for every page."""
        records = self._records if record is None else [record]
        values = [mapped.value for one in records for mapped in one.values.values()]
        return scrubbed(text, self._secrets, values)
