"""A server as a child process with a data folder and a log of its own."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import guardian
from .claim import Claim, Taken

START_LIMIT = 120.0  # seconds; after a power cut PostgreSQL first replays its log


class ServiceError(Exception):
    """A service can't be started; the message says why, with the end of its log."""


class Service:
    """What PostgreSQL and Redis have in common: folder, log, start, stop."""

    name: str
    stop_signal: int
    process_name: str

    def __init__(self, data_dir: Path):
        # Absolute, since the servers change their working folder.
        self.data_dir = data_dir.absolute()
        self._claim = Claim(self.data_dir)
        self._process: subprocess.Popen | None = None

    @property
    def log(self) -> Path:
        return self.data_dir / "server.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def poll(self) -> int | None:
        """None while it runs, else its exit status."""
        return self._process.poll() if self._process else 0

    def stop(self, patience: float = 8.0) -> None:
        """Ask it to end, and kill it after `patience` seconds. Stopping twice is no mistake."""
        if self._process is not None:
            guardian.signal_group(self._process.pid, self.stop_signal)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                guardian.signal_group(self._process.pid, signal.SIGKILL)
                self._process.wait()
            guardian.release(self._process.pid)
            self._process = None
        self._claim.drop()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _take_folder(self) -> None:
        try:
            self._claim.take()
        except Taken as taken:
            raise ServiceError(f"{self.name} can't start: {taken}.") from None

    def _launch(self, command: list[str], folder: Path, **options) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal is for whoever started us
                **options,
            )
        guardian.hold(self._process.pid, self.stop_signal)

    def _wait_until(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not ready():
            if self._process.poll() is not None:
                problem = f"ended at once (exit status {self._process.returncode})"
            elif time.monotonic() > deadline:
                problem = f"was not ready after {START_LIMIT:.0f} s"
            else:
                time.sleep(0.02)
                continue
            self.stop(patience=1.0)
            raise ServiceError(f"{self.name} {problem}. Its log, {self.log}, ends:\n{self._tail()}")

    def _tail(self, lines: int = 12) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
