"""How the CRM misbehaves on request, how it limits its callers, and what it saw of them.

All of it lives in memory: a CRM that is started again starts well-behaved.
"""

import random
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

KINDS = ("500", "429", "401", "422", "hang", "slow", "close", "half", "commit_then_close")


@dataclass
class Fault:
    """`after`: for 429 the Retry-After, for hang and slow how long, in seconds. `path`: only calls
    whose path holds this text. `chance`: how likely each call is to meet it."""

    kind: str
    times: int = 1
    after: float | None = None
    path: str = ""
    chance: float = 1.0


@dataclass
class Call:
    """One call as the log shows it; `status` is None where no complete answer went out."""

    method: str
    path: str
    time: str
    count: int = 0
    status: int | None = None
    fault: str = ""
    seconds: float = 0.0


class Limiter:
    """At most `calls` in any `seconds`; 0 calls means no limit."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls, self.seconds = calls, seconds
        self._times: deque[float] = deque()

    def admit(self, now: float) -> tuple[bool, int, float]:
        """(admitted, calls left, seconds until a call is free again)."""
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        admitted = not self.calls or len(self._times) < self.calls
        if admitted and self.calls:
            self._times.append(now)
        wait = self._times[0] + self.seconds - now if self._times else 0.0
        return admitted, max(self.calls - len(self._times), 0), wait


class Conduct:
    """One account's faults, limit and log."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.limiter = Limiter(calls, seconds)
        self._faults: list[Fault] = []
        self._log: deque[Call] = deque(maxlen=10_000)
        self._lock = threading.Lock()

    def plan(self, data: Any) -> Fault:
        """A fault from its JSON; ValueError if it isn't one."""
        if not isinstance(data, dict) or data.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}.")
        times, after = data.get("times", 1), data.get("after")
        if type(times) is not int or times < 1:
            raise ValueError("times must be a number from 1.")
        if after is not None and (type(after) not in (int, float) or not 0 <= after <= 86_400):
            raise ValueError("after must be a number of seconds.")
        chance = data.get("chance", 1.0)
        if type(chance) not in (int, float) or not 0 < chance <= 1:
            raise ValueError("chance must be a number above 0, at most 1.")
        fault = Fault(data["kind"], times, after, str(data.get("path", "")), chance)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def next_fault(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.path in path and random.random() < fault.chance:
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault
        return None

    def admit(self) -> tuple[bool, int, float]:
        with self._lock:
            return self.limiter.admit(time.monotonic())

    def begin(self, method: str, path: str) -> Call:
        call = Call(method, path, datetime.now(timezone.utc).isoformat(timespec="milliseconds"))
        with self._lock:
            self._log.append(call)
        return call

    def log(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(call) for call in self._log]
