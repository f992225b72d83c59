"""Runs several programs as one: their output in one terminal, their lives under one roof.

One thread, one loop: `select` wakes up for output, for a signal, for a child that ended, and for
the moment at which a program is due to start again.
"""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import guardian
from .service import Service, ServiceError
from .terminal import Terminal

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_LINE = 64 * 1024
STEADY = 60.0  # seconds of running after which a death counts as the first
LONGEST_PAUSE = 30.0


class StopRequested(Exception):
    """The person, or the machine, wants us to end."""


class ProgramFailed(Exception):
    """A program that had to succeed didn't. Its output is on the terminal already."""


@dataclass(frozen=True)
class Program:
    """`leaned_on`: stopped only after the others, because they still use it."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    leaned_on: bool = False


@dataclass
class Backoff:
    """How long to wait before the next start: 1 s, 2 s, 4 s … after deaths in quick succession."""

    started: float = field(default_factory=time.monotonic)
    deaths: int = 0
    due: float | None = None

    def died(self) -> float:
        now = time.monotonic()
        self.deaths = 1 if now - self.started > STEADY else self.deaths + 1
        pause = min(2.0 ** (self.deaths - 1), LONGEST_PAUSE)
        self.due = now + pause
        return pause

    def is_due(self) -> bool:
        return self.due is not None and time.monotonic() >= self.due

    def restarted(self) -> None:
        self.started = time.monotonic()
        self.due = None


class Child:
    """One running program, and the rest of a line that it hasn't finished."""

    def __init__(self, program: Program, capture: bool = False):
        self.program = program
        self.captured: bytearray | None = bytearray() if capture else None
        self.rest = b""
        self.process = subprocess.Popen(
            program.command,
            env=program.env,
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if capture else subprocess.STDOUT,
            # A process group of its own: Ctrl-C in the terminal reaches the supervisor alone,
            # which stops things in order, with their children and children's children.
            start_new_session=True,
        )
        guardian.hold(self.process.pid)

    def lines(self, data: bytes) -> list[str]:
        """The lines that `data` completes; empty data (the end) completes what is left."""
        *done, self.rest = (self.rest + data).split(b"\n")
        if self.rest and (not data or len(self.rest) > LONGEST_LINE):
            done.append(self.rest)
            self.rest = b""
        return [line.decode(errors="replace").rstrip() for line in done]


class Supervisor:
    """Use inside `with supervisor.signals():`, and end with `stop()`, always."""

    def __init__(self, terminal: Terminal):
        self.terminal = terminal
        self.asked_to_stop = 0
        self._selector = selectors.DefaultSelector()
        self._children: list[Child] = []
        self._waiting: dict[str, tuple[Program, Backoff]] = {}
        self._backoffs: dict[str, Backoff] = {}
        self._services: list[tuple[Service, Backoff]] = []

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Signals end the wait in `select`, instead of whatever line happens to run."""
        ours, kernels = socket.socketpair()
        ours.setblocking(False)
        kernels.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, self._note) for number in STOP_SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(kernels.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.unregister(ours)
            ours.close()
            kernels.close()

    def _note(self, number: int, frame: object) -> None:
        self.asked_to_stop += 1

    def adopt(self, service: Service) -> None:
        """Start `service` again when it dies, and stop it after all programs."""
        self._services.append((service, Backoff()))

    def start(self, program: Program) -> None:
        """Keep it running until `stop()`."""
        self._backoffs.setdefault(program.name, Backoff()).restarted()
        self._launch(program)

    def run(self, program: Program, capture: bool = False) -> str:
        """Run it to its end; what it wrote to standard output, if `capture`.

        Raises ProgramFailed, StopRequested.
        """
        child = self._launch(program, capture)
        while child in self._children:
            self._turn()
            self._check()
        if child.process.returncode != 0:
            raise ProgramFailed(f"{program.name} failed (exit status {child.process.returncode}).")
        return bytes(child.captured or b"").decode()

    def wait_until(self, ready: Callable[[], bool], limit: float) -> bool:
        """Keep things running until `ready()`; False after `limit` seconds."""
        deadline = time.monotonic() + limit
        while not ready():
            if time.monotonic() > deadline:
                return False
            self._turn(0.1)
            self._check()
        return True

    def serve(self) -> None:
        """Keep things running until somebody wants us to end."""
        while not self.asked_to_stop:
            self._turn()

    def stop(self) -> None:
        """Stop everything: within ten seconds, or at once when asked twice.

        Web, worker and beat first; then what they lean on; then Redis and PostgreSQL, the last
        started first.
        """
        self._waiting.clear()
        asked = self.asked_to_stop
        deadline = time.monotonic() + 8.0
        for leaned_on, patience in ((False, 4.5), (True, 1.0)):
            wave = [child for child in self._children if child.program.leaned_on == leaned_on]
            self._stop_wave(wave, patience, asked)
        for service, _ in reversed(self._services):
            # Whatever time is left: a PostgreSQL that is killed before it has written everything
            # to its place does so at the next start, while somebody waits for it.
            service.stop(patience=max(1.5, deadline - time.monotonic()))
        self._services.clear()

    def _stop_wave(self, wave: list[Child], patience: float, asked: int) -> None:
        deadline = time.monotonic() + patience
        for child in wave:
            guardian.signal_group(child.process.pid, signal.SIGTERM)
        while any(child in self._children for child in wave):
            if time.monotonic() > deadline or self.asked_to_stop > max(asked, 1):
                for child in wave:
                    if child in self._children:
                        guardian.signal_group(child.process.pid, signal.SIGKILL)
            self._turn(0.1, restart=False)

    def _check(self) -> None:
        if self.asked_to_stop:
            raise StopRequested

    def _launch(self, program: Program, capture: bool = False) -> Child:
        child = Child(program, capture)
        self._children.append(child)
        for stream in (child.process.stdout, child.process.stderr):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._selector.register(stream, selectors.EVENT_READ, child)
        return child

    def _turn(self, timeout: float = 0.5, restart: bool = True) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                key.fileobj.recv(4096)  # only there to wake us
            else:
                self._read(key.fileobj, key.data)
        for child in list(self._children):
            if child.process.poll() is not None:
                self._ended(child, restart)
        if restart:
            self._start_what_is_due()

    def _read(self, stream, child: Child) -> bool:
        """False if there is nothing to read, for now or for ever."""
        try:
            data = os.read(stream.fileno(), LONGEST_LINE)
        except BlockingIOError:
            return False
        if child.captured is not None and stream is child.process.stdout:
            child.captured += data
        else:
            for line in child.lines(data):
                self.terminal.line(child.program.name, line)
        if not data:
            self._close(stream)
        return bool(data)

    def _close(self, stream) -> None:
        if stream is not None and not stream.closed:
            self._selector.unregister(stream)
            stream.close()

    def _ended(self, child: Child, restart: bool) -> None:
        name = child.program.name
        self._children.remove(child)
        # What it leaves behind would keep its port, or go on working beside its successor.
        guardian.signal_group(child.process.pid, signal.SIGKILL)
        guardian.release(child.process.pid)
        for stream in (child.process.stdout, child.process.stderr):
            while stream is not None and not stream.closed and self._read(stream, child):
                pass
            self._close(stream)
        backoff = self._backoffs.get(name)
        if restart and backoff is not None:
            pause = backoff.died()
            self._waiting[name] = (child.program, backoff)
            self.terminal.line(name, f"ended {how(child.process)}; starts again in {pause:.0f} s")

    def _start_what_is_due(self) -> None:
        for name, (program, backoff) in list(self._waiting.items()):
            if backoff.is_due():
                del self._waiting[name]
                self.start(program)
        for service, backoff in self._services:
            if service.poll() is None:
                continue
            if backoff.due is None:
                pause = backoff.died()
                self.terminal.say(f"{service.name} ended; it starts again in {pause:.0f} s")
            elif backoff.is_due():
                try:
                    service.start()
                except ServiceError as error:
                    self.terminal.say(str(error))
                    backoff.died()
                else:
                    backoff.restarted()


def how(process: subprocess.Popen) -> str:
    if process.returncode < 0:
        return f"by {signal.Signals(-process.returncode).name}"
    return f"with exit status {process.returncode}"
