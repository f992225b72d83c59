"""A program under test: its lines as they come, and what has become of its processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

LIMIT = 30.0  # seconds; how long a busy machine may take for what takes a moment
SITE = Path(__file__).resolve().parents[3]


class Watched:
    """Use as a context manager: at its end, nothing of the program is left."""

    def __init__(self, command: Sequence[str], env: dict[str, str] | None = None):
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # as its own group, which is what the guardian speaks to
            env={**os.environ, "PYTHONPATH": str(SITE), "PYTHONUNBUFFERED": "1", **(env or {})},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def python(cls, code: str, *arguments: object) -> "Watched":
        return cls([sys.executable, "-c", code, *map(str, arguments)])

    def _read(self) -> None:
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def line_with(self, text: str, count: int = 1, limit: float = LIMIT) -> str:
        """The `count`th line that contains `text`, as soon as it is there."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count or self._ended, timeout=limit)
            assert len(found()) >= count, f"no {text!r} in:\n" + "\n".join(self.lines)
            return found()[count - 1]

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def signal_and_wait(self, number: int, limit: float = LIMIT) -> float:
        """Seconds until it had ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(limit)
        return time.monotonic() - started

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *_) -> None:
        left = self.descendants() if self.process.poll() is None else []
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self._reader.join(LIMIT)
        self.process.stdout.close()


def eventually(condition: Callable[[], object], limit: float = LIMIT) -> None:
    deadline = time.monotonic() + limit
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not true within {limit} s"
        pause.wait(0.02)


def is_over(process: psutil.Process) -> bool:
    """Ended; a zombie has, its parent just hasn't asked."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def is_called(process: psutil.Process, text: str) -> bool:
    """`text` stands in its command, and it runs; it may end while we ask."""
    try:
        return not is_over(process) and text in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def is_gone(pid: int) -> bool:
    try:
        return is_over(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def all_over(processes: Sequence[psutil.Process]) -> bool:
    return all(is_over(process) for process in processes)
