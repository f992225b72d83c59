"""A command that is started again when code changes, on a small checkout."""

import os
import signal
import sys

import pytest

from customerinfo.demo.reload import changed, times
from customerinfo.demo.tests.watched import Watched, eventually, is_gone

pytestmark = pytest.mark.live

DRIVER = """
import sys
from pathlib import Path
from customerinfo.demo import reload
root, *command = sys.argv[1:]
sys.exit(reload.main(command, Path(root)))
"""
# Says which text it was started with, and who it and its child are.
COMMAND = """
import os, signal, subprocess, sys
from pathlib import Path
child = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
print("up", os.getpid(), child.pid, Path(sys.argv[1]).read_text(), flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
signal.pause()
"""


@pytest.fixture
def checkout(tmp_path):
    code = tmp_path / "tenants" / "models.py"
    code.parent.mkdir()
    code.write_text("first")
    return tmp_path


def start(checkout, command=COMMAND):
    words = [sys.executable, "-c", DRIVER, str(checkout), sys.executable, "-S", "-c", command]
    return Watched([*words, str(checkout / "tenants" / "models.py")])


def pids(line):
    return [int(word) for word in line.split()[1:3]]


def test_a_saved_file_starts_the_command_again_without_leaving_the_old_one(checkout):
    with start(checkout) as program:
        first = pids(program.line_with("up"))
        (checkout / "tenants" / "models.py").write_text("second")
        assert program.line_with("up", count=2).endswith("second")
        assert program.line_with("tenants/models.py has changed")
        assert is_gone(first[0])
        eventually(lambda: is_gone(first[1]))


def test_a_template_starts_nothing_again_and_a_new_module_does(checkout):
    with start(checkout) as program:
        program.line_with("up")
        (checkout / "tenants" / "page.html").write_text("<p>")
        (checkout / "tenants" / "views.py").write_text("")
        program.line_with("up", count=2)
        assert [line for line in program.lines if "changed" in line] == [
            "tenants/views.py has changed: starting again."
        ]


def test_a_mistake_stays_on_the_screen_until_it_is_mended(checkout):
    with start(checkout, "exec(open(__import__('sys').argv[1]).read())") as program:
        assert program.line_with("NameError")
        assert program.line_with("exit status 1; waiting for a change")
        (checkout / "tenants" / "models.py").write_text("print('mended', flush=True)")
        assert program.line_with("mended")
        assert program.line_with("exit status 0; waiting for a change")
        assert sum("waiting" in line for line in program.lines) == 2


def test_when_it_is_asked_to_stop_so_is_its_command_with_all_that_it_started(checkout):
    with start(checkout) as program:
        children = pids(program.line_with("up"))
        program.signal_and_wait(signal.SIGTERM)
        assert program.process.returncode == 3
        eventually(lambda: all(map(is_gone, children)))


def test_when_it_is_killed_its_command_ends_too(checkout):
    with start(checkout) as program:
        children = pids(program.line_with("up"))
        program.process.kill()
        eventually(lambda: all(map(is_gone, children)))


def test_a_command_that_does_not_listen_is_killed(checkout, monkeypatch):
    deaf = COMMAND.replace("lambda *_: sys.exit(3)", "signal.SIG_IGN")
    driver = DRIVER.replace("root, *command", "reload.PATIENCE = 0.2\nroot, *command")
    monkeypatch.setitem(globals(), "DRIVER", driver)
    with start(checkout, deaf) as program:
        (pid, _) = pids(program.line_with("up"))
        program.signal_and_wait(signal.SIGTERM)
        assert is_gone(pid)


def test_what_is_new_gone_or_written_again_has_changed(checkout):
    before = times(checkout)
    kept, lost = checkout / "tenants" / "models.py", checkout / "tenants" / "views.py"
    lost.write_text("")
    between = times(checkout)
    assert changed(before, between) == [str(lost)]
    lost.unlink()
    os.utime(kept, ns=(1, 1))
    assert changed(between, times(checkout)) == [str(kept), str(lost)]
    (checkout / "billing").mkdir()
    (checkout / "billing" / "gone.py").symlink_to(checkout / "nowhere")  # as an editor leaves it
    assert str(checkout / "billing" / "gone.py") not in times(checkout)
