"""Stops what this process started, even when this process is killed with SIGKILL.

A process that gets SIGKILL can't clean up, and what it started would go on: a web server that
keeps its port, a worker that keeps delivering. Linux can signal direct children when their parent
dies (PR_SET_PDEATHSIG), but not grandchildren, and macOS has nothing of the kind. A pipe works on
both: the guardian is a small process of its own whose standard input is held open by the process
that it guards. End of input means that the other is gone, however it went.

    hold(process.pid)                    # a process started with start_new_session=True
    hold(process.pid, signal.SIGINT)     # and how to ask it to end
    release(process.pid)                 # it has ended

What stays possible: the guarded process and its guardian are both killed. PostgreSQL and Redis
are found again by their folder (services.py).
"""

import atexit
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 8.0  # seconds between the request to end and SIGKILL


class Guardian:
    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._held: dict[int, int] = {}
        self._process: subprocess.Popen | None = None
        self._files: list[int] = []

    def keep_open(self, file: int) -> None:
        """The guardian keeps this open to its end. Call it before the first `hold`.

        With a lock on the file, one who comes later can wait until all is really stopped.
        """
        self._files.append(file)

    def hold(self, pid: int, stop_signal: int = signal.SIGTERM) -> None:
        self._held[pid] = stop_signal
        self._tell(f"hold {pid} {int(stop_signal)}\n")

    def release(self, pid: int) -> None:
        if self._held.pop(pid, None) is not None:
            self._tell(f"release {pid}\n")

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
            return  # _start() has told everything that is held
        try:
            self._process.stdin.write(line.encode())
        except BrokenPipeError:
            self._process.wait()
            self._start()

    def _start(self) -> None:
        # -I -S: only the standard library is needed, and it starts in 10 ms. A session of its own:
        # Ctrl-C in the terminal must not reach it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(self.patience)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            pass_fds=self._files,
        )
        for pid, stop_signal in self._held.items():
            self._process.stdin.write(f"hold {pid} {int(stop_signal)}\n".encode())

    def close(self) -> None:
        """Let it stop what is still held, and wait for that."""
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None
            self._held.clear()


_guardian = Guardian()
atexit.register(_guardian.close)
hold = _guardian.hold
release = _guardian.release
keep_open = _guardian.keep_open


def signal_group(pid: int, number: int) -> bool:
    """Signal the process group that `pid` leads; False if nobody is left in it."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS says so for a group of which only zombies are left.
        return False
    return True


def is_alive(group: int) -> bool:
    """Somebody is left in the group who isn't a zombie.

    A dead process stays a zombie until its parent asks for its end, and there are containers whose
    first process never asks.
    """
    if not signal_group(group, 0):
        return False
    states = list(Path("/proc").glob("[0-9]*/stat"))
    for file in states:
        try:
            # pid (name) state parent group …, where the name may hold anything
            state, _, leader = file.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # gone in the meantime
        if int(leader) == group and state != "Z":
            return True
    return not states  # macOS has no /proc, and its first process always asks


def _stop_groups(held: dict[int, int], patience: float) -> None:
    remaining = [pid for pid, stop_signal in held.items() if signal_group(pid, stop_signal)]
    deadline = time.monotonic() + patience
    while remaining and time.monotonic() < deadline:
        time.sleep(0.05)
        remaining = [pid for pid in remaining if is_alive(pid)]
    for pid in remaining:
        signal_group(pid, signal.SIGKILL)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    held: dict[int, int] = {}
    for line in sys.stdin.buffer:
        word, pid, *stop_signal = line.split()
        if word == b"hold":
            held[int(pid)] = int(stop_signal[0])
        else:
            held.pop(int(pid), None)
    _stop_groups(held, float(sys.argv[1]))


if __name__ == "__main__":
    main()
