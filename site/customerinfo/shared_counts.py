"""Lets processes count together: prometheus_client keeps their figures in files of one folder.

Apart from customerinfo.metrics, because prometheus_client looks for the folder when it is imported.
"""

import atexit
import os
import shutil
import tempfile

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def share() -> None:
    """For this process and those that it forks; before anything imports prometheus_client."""
    if os.environ.get("METRICS_PORT") and FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="metrics-")
        atexit.register(forget, os.environ[FOLDER], os.getpid())


def forget(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # what is forked would do it as well
        shutil.rmtree(folder, ignore_errors=True)
