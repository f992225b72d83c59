"""The search for people in a log finds them, and doesn't take silence for privacy."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[1] / "log_people.py"
QUIET = '{"message": "Nothing about anybody", "time": "2026-11-27T09:41:07.123Z"}\n' * 300


def search(*words: Path | str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(TOOL), *map(str, words)], capture_output=True, text=True
    )


def test_a_log_without_people_passes(tmp_path):
    (tmp_path / "web.log").write_text(QUIET)
    done = search(tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("300 log lines, 0 with a person")


@pytest.mark.parametrize("person", ["shopper7@example.com", "+31612345678", "06 12345678"])
def test_a_person_is_found_whose_number_stands_in_the_tests(tmp_path, person):
    (tmp_path / "web.log").write_text(QUIET)
    (tmp_path / "worker.log").write_text(f"{QUIET}delivered {person}\n")
    done = search(tmp_path)
    assert done.returncode == 1
    assert f"worker.log:301: {person}" in done.stdout


def test_an_empty_log_proves_nothing(tmp_path):
    (tmp_path / "web.log").write_text("one line\n")
    assert search(tmp_path).returncode == 1


def test_a_new_run_begins_with_an_empty_folder(tmp_path):
    (tmp_path / "logs").mkdir()
    assert search("--forget", tmp_path / "logs").returncode == 0
    assert not (tmp_path / "logs").exists()
    assert search("--forget", tmp_path / "logs").returncode == 0


def test_a_single_file_is_searched_and_forgotten_like_a_folder(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/web.log").write_text(QUIET)
    database = tmp_path / "server.log"
    database.write_text("STATEMENT: INSERT … 'shopper7@example.com'\n")
    assert "server.log:1: shopper7@example.com" in search(tmp_path / "logs", database).stdout
    assert search("--forget", tmp_path / "logs", database).returncode == 0
    assert not list(tmp_path.iterdir())
