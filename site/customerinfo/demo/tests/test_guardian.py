import io
import signal
import subprocess
import sys

import psutil
import pytest

from customerinfo.demo import guardian as module
from customerinfo.demo.guardian import Guardian
from customerinfo.demo.tests.watched import Watched, eventually, is_over

pytestmark = pytest.mark.live

# A program with a child of its own, both of which ignore what they are asked.
STUBBORN = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("pids", child.pid, flush=True)
signal.pause()
"""
OWNER = """
import signal, subprocess, sys
from customerinfo.demo.guardian import Guardian
guardian = Guardian(patience=0.2)
process = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
guardian.hold(process.pid, int(sys.argv[2]))
print("held", process.pid, guardian._process.pid, flush=True)
signal.pause()
"""
POLITE = """
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(print("asked politely", flush=True)))
print("up", flush=True)
signal.pause()
"""


def test_what_a_killed_process_held_is_asked_to_end_with_its_own_signal():
    with Watched.python(OWNER, POLITE, int(signal.SIGINT)) as owner:
        held = psutil.Process(int(owner.line_with("held").split()[1]))
        owner.line_with("up")
        owner.process.kill()
        owner.line_with("asked politely")
        eventually(lambda: is_over(held))


def test_what_does_not_listen_is_killed_with_its_children():
    with Watched.python(OWNER, STUBBORN, int(signal.SIGTERM)) as owner:
        held = psutil.Process(int(owner.line_with("held").split()[1]))
        child = psutil.Process(int(owner.line_with("pids").split()[1]))
        owner.process.kill()
        eventually(lambda: is_over(held) and is_over(child))


def test_the_guardian_goes_when_its_work_is_done():
    with Watched.python(OWNER, POLITE, int(signal.SIGINT)) as owner:
        guardian = psutil.Process(int(owner.line_with("held").split()[2]))
        owner.line_with("up")
        owner.process.kill()
        eventually(lambda: is_over(guardian))


def test_a_guardian_that_was_killed_is_replaced_and_the_new_one_knows_everything():
    guardian = Guardian()
    first = Watched.python(POLITE)
    second = Watched.python(POLITE)
    with first, second:
        for program in (first, second):
            program.line_with("up")
        guardian.hold(first.process.pid, signal.SIGINT)
        guardian._process.kill()
        guardian._process.wait()
        guardian.hold(second.process.pid, signal.SIGINT)
        guardian.close()
        first.line_with("asked politely")
        second.line_with("asked politely")


def test_what_was_released_is_left_alone():
    guardian = Guardian()
    with Watched.python(POLITE) as program:
        program.line_with("up")
        guardian.hold(program.process.pid, signal.SIGINT)
        guardian.release(program.process.pid)
        guardian.close()
        assert program.process.poll() is None
        assert "asked politely" not in program.lines


@pytest.fixture
def listening(monkeypatch):
    """Makes this very process the guardian, told `lines`, and gives it back its signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGHUP] = signal.getsignal(signal.SIGHUP)

    def listen(*lines, patience=0.2):
        told = io.TextIOWrapper(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
        monkeypatch.setattr(sys, "stdin", told)
        monkeypatch.setattr(sys, "argv", ["guardian", str(patience)])
        module.main()

    yield listen
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_end_of_its_input_stops_what_is_held_and_only_that(listening):
    with Watched.python(POLITE) as held, Watched.python(POLITE) as released:
        held.line_with("up")
        released.line_with("up")
        listening(
            f"hold {held.process.pid} {int(signal.SIGINT)}",
            f"hold {released.process.pid} {int(signal.SIGINT)}",
            f"release {released.process.pid}",
            patience=30,
        )
        held.line_with("asked politely")
        assert released.process.poll() is None


def test_patience_has_an_end(listening):
    with Watched.python(STUBBORN) as held:
        child = psutil.Process(int(held.line_with("pids").split()[1]))
        listening(f"hold {held.process.pid} {int(signal.SIGTERM)}")
        assert held.process.wait(30) == -signal.SIGKILL
        eventually(lambda: is_over(child))


def test_a_zombie_is_not_alive():
    process = subprocess.Popen([sys.executable, "-S", "-c", ""], start_new_session=True)
    eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert not module.is_alive(process.pid)
    process.wait()
    assert not module.is_alive(process.pid)
