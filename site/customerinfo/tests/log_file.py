"""A pytest plugin: keeps what the run logs, as a server would write it, for tools/log_people.py."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from .services import FOLDER

LOGS = FOLDER / "logs"


def path() -> Path:
    return LOGS / f"tests-{os.getpid()}.jsonl"


@pytest.hookimpl(trylast=True)  # pytest-django has set Django up by then
def pytest_configure(config) -> None:
    # A test that imports it later would set the logging up anew, without this handler.
    import customerinfo.wsgi  # noqa: F401
    from customerinfo.logs import JsonLines

    LOGS.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path(), encoding="utf-8")
    handler.setFormatter(JsonLines())
    handler.setLevel(logging.INFO)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)


def keep(folder: Path) -> None:
    """What processes of a test have written into `folder`, too."""
    for log in folder.glob("*.log"):
        shutil.copy(log, LOGS / f"{os.getpid()}-{folder.name}-{log.name}")
