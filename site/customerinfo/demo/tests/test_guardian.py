import signal

import psutil
import pytest

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
