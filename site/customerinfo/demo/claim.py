"""One owner for a data folder, and an end to what a killed owner left running in it."""

import fcntl
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil


class Taken(Exception):
    """Another process holds the folder. `owner` is what it wrote about itself."""

    def __init__(self, folder: Path, owner: str):
        super().__init__(f"{folder} is in use by {owner or 'another process'}")
        self.owner = owner


class Claim:
    """A lock on a folder. The kernel lets go of it when its owner dies, however that happens."""

    def __init__(self, folder: Path, name: str = "owner.lock"):
        self.folder = folder
        self._path = folder / name
        self._file: int | None = None

    def take(self, patience: float = 0.0) -> int:
        """The descriptor of the locked file. Raises Taken, after `patience` seconds."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience
        while not self._lock():
            if time.monotonic() >= deadline:
                self.drop()
                raise Taken(self.folder, self._path.read_text().strip())
            time.sleep(0.1)
        self.describe(f"process {os.getpid()}")
        return self._file

    def _lock(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def describe(self, owner: str) -> None:
        """What the one who comes second is told."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, owner.encode(), 0)

    def drop(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def running_in(folder: Path, name: str) -> list[psutil.Process]:
    """Processes called `name` whose working folder is `folder`.

    PostgreSQL and Valkey both change into their data folder. That names them better than a pid
    in a file, which belongs to somebody else after a restart of the machine.
    """
    wanted = str(folder.resolve())
    found = []
    for process in psutil.process_iter(["name"]):
        if name not in (process.info["name"] or ""):
            continue
        try:
            if process.cwd() == wanted:
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue  # another user's, or gone in the meantime: not ours either way
    return found


def end(processes: Iterable[psutil.Process], stop_signal: int, patience: float = 8.0) -> None:
    """Ask them to end, and kill them after `patience` seconds."""
    alive = list(processes)
    deadline = time.monotonic() + patience
    for number, until in ((stop_signal, deadline), (signal.SIGKILL, deadline + 2.0)):
        for process in alive:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(alive, timeout=max(0.0, until - time.monotonic()))
