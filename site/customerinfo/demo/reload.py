"""python -m customerinfo.demo.reload COMMAND …: runs it, and starts it again when code changes.

For worker and beat while somebody works on them; gunicorn has --reload of its own. It looks at the
times of all Python files, since changes on a mounted folder don't always reach a container as
events. A command that dies isn't started again before the next change: the mistake is on the
screen.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from . import guardian

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("site", "tenants", "forms_app", "integrations", "billing")
LOOK_EVERY = 0.5  # seconds
PATIENCE = 10.0  # seconds for a task to come to its end


def times(root: Path) -> dict[str, int]:
    """File → when it was changed, in ns."""
    found = {}
    for folder in FOLDERS:
        for place, _, names in os.walk(root / folder):
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(place, name)
                    try:
                        found[path] = os.stat(path).st_mtime_ns
                    except FileNotFoundError:
                        continue  # an editor's temporary file, or one that is being replaced
    return found


def changed(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Files that are new, gone or written again."""
    return sorted({path for path, _ in before.items() ^ after.items()})


class Runner:
    """One command, in a process group of its own."""

    def __init__(self, command: list[str]):
        self.command = command
        self.start()

    def start(self) -> None:
        self.said_end = False
        self.process = subprocess.Popen(self.command, start_new_session=True)
        guardian.hold(self.process.pid)

    def stop(self) -> int:
        """Its exit status."""
        guardian.signal_group(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            guardian.signal_group(self.process.pid, signal.SIGKILL)
            self.process.wait()
        guardian.release(self.process.pid)
        return self.process.returncode

    def look(self) -> None:
        if self.process.poll() is not None and not self.said_end:
            self.said_end = True
            say(f"Ended with exit status {self.process.returncode}; waiting for a change.")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(command: list[str], root: Path = ROOT) -> int:
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    seen = times(root)
    runner = Runner(command)
    while not asked_to_stop.wait(LOOK_EVERY):
        now = times(root)
        if files := changed(seen, now):
            seen = now
            say(f"{os.path.relpath(files[0], root)} has changed: starting again.")
            runner.stop()
            runner.start()
        runner.look()
    return runner.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
