"""With small programs in place of web, worker and beat."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from customerinfo.demo.tests.watched import SITE, Watched, all_over, eventually, is_called, is_gone

pytestmark = pytest.mark.live

# Runs the programs given as name=code (name+ for one that others lean on).
SUPERVISOR = """
import sys
from customerinfo.demo.supervisor import Program, Supervisor
from customerinfo.demo.terminal import Terminal

supervisor = Supervisor(Terminal(0))
with supervisor.signals():
    for argument in sys.argv[1:]:
        name, _, code = argument.partition("=")
        command = [sys.executable, "-S", "-c", code]
        supervisor.start(Program(name.rstrip("+"), command, leaned_on=name.endswith("+")))
    supervisor.serve()
    supervisor.stop()
print("stopped", flush=True)
"""
UP = "import os, signal; print('up', os.getpid(), flush=True); signal.pause()"
LAST_WORDS = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("goodbye", flush=True)))
print("up", flush=True)
signal.pause()
"""
PARENT = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import os, signal; signal.signal(15, 1); print('up', os.getpid(), flush=True)"
subprocess.Popen([sys.executable, "-S", "-c", child + "; signal.pause()"])
signal.pause()
"""
DIES_WITH_A_CHILD = """
import subprocess, sys
child = "import os, signal; print('left', os.getpid(), flush=True); signal.pause()"
process = subprocess.Popen([sys.executable, "-S", "-c", child], stdout=subprocess.PIPE)
print(process.stdout.readline().decode(), flush=True)
sys.exit(3)
"""


def pid_in(line):
    return psutil.Process(int(line.split()[-1]))


def supervised(*programs):
    return Watched.python(SUPERVISOR, *programs)


def test_every_line_says_whose_it_is():
    with supervised(f"web={UP}", f"worker={UP}") as demo:
        assert demo.line_with("web    | up")
        assert demo.line_with("worker | up")


def test_a_line_without_an_end_is_not_lost():
    with supervised("web=import sys; sys.stdout.write('half a line')") as demo:
        assert demo.line_with("half a line") == "web    | half a line"


def test_a_program_that_dies_is_started_again_and_said_so():
    with supervised(f"web={UP}", f"beat={UP}") as demo:
        beat = demo.line_with("beat   | up")
        pid_in(demo.line_with("web    | up")).kill()
        assert demo.line_with("ended") == "web    | ended by SIGKILL; starts again in 1 s"
        assert demo.line_with("web    | up", count=2)
        assert not all_over([pid_in(beat)])


def test_one_that_dies_again_and_again_waits_longer_each_time():
    with supervised("web=raise SystemExit(3)") as demo:
        pauses = [demo.line_with("ended", count=count).split()[-2] for count in (1, 2, 3)]
    assert pauses == ["1", "2", "4"]


def test_the_children_of_a_dead_program_do_not_stay_beside_its_successor():
    with supervised(f"worker={DIES_WITH_A_CHILD}") as demo:
        left = int(demo.line_with("left").split()[-1])
        demo.line_with("left", count=2)
        assert is_gone(left)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(number):
    with supervised(f"crm+={LAST_WORDS}", f"web={LAST_WORDS}", f"worker={LAST_WORDS}") as demo:
        for name in ("crm", "web", "worker"):
            demo.line_with(f"{name:<7}| up")
        processes = demo.descendants()
        assert demo.signal_and_wait(number) < 10
        assert all_over(processes)
        demo.line_with("stopped")
        said = [line for line in demo.lines if "goodbye" in line]
        assert len(said) == 3 and said[2] == "crm    | goodbye"


def test_what_ignores_the_request_is_killed_with_its_children_within_ten_seconds():
    with supervised(f"worker={PARENT}") as demo:
        demo.line_with("up")
        processes = demo.descendants()
        assert len(processes) == 3  # program, its child, and the guardian
        assert demo.signal_and_wait(signal.SIGINT) < 10
        eventually(lambda: all_over(processes))


def test_the_second_request_is_not_patient():
    with supervised(f"worker={PARENT}", f"web={LAST_WORDS}") as demo:
        demo.line_with("worker | up")
        demo.line_with("web    | up")
        demo.process.send_signal(signal.SIGINT)
        demo.line_with("goodbye")
        assert demo.signal_and_wait(signal.SIGINT) < 4  # the patience of the first is 4.5 s


def test_nothing_is_left_when_the_supervisor_is_killed():
    with supervised(f"web={UP}", f"worker={PARENT}") as demo:
        demo.line_with("web    | up")
        demo.line_with("worker | up")
        processes = demo.descendants()
        demo.process.kill()
        eventually(lambda: all_over(processes))


def test_a_terminal_that_went_away_stops_nothing():
    command = [sys.executable, "-c", SUPERVISOR, f"web={UP}"]
    env = {**os.environ, "PYTHONPATH": str(SITE)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as demo:
        web = pid_in(demo.stdout.readline())
        demo.stdout.close()
        web.kill()  # which the supervisor wants to tell
        supervisor = psutil.Process(demo.pid)
        eventually(lambda: any(is_called(one, UP) for one in supervisor.children()))
        demo.send_signal(signal.SIGINT)
        assert demo.wait(10) == 0
