"""What web and worker load before they fork: memory to share, and no connection."""

import os
import subprocess
import sys

from .services import ROOT

WEB = """
import gc, sys, threading
import customerinfo.wsgi
from django.db import connections
assert connections["default"].connection is None, "a connection to PostgreSQL"
assert threading.active_count() == 1, threading.enumerate()
assert {"forms_app.views", "tenants.console_views"} <= set(sys.modules), "not all is loaded"
assert gc.get_freeze_count() > 100_000
"""
WORKER = """
import gc
from celery.signals import worker_init
import customerinfo.celery
worker_init.send(sender=None)
assert gc.get_freeze_count() > 10_000
"""


def run(program: str) -> None:
    """With addresses at which nobody listens: who connected would fail."""
    nobody = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1"}
    path = os.pathsep.join([str(ROOT / "site"), str(ROOT)])
    env = {**os.environ, **nobody, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_web_server_loads_everything_and_opens_nothing_before_it_forks():
    run(WEB)


def test_the_worker_keeps_the_collector_off_what_its_children_share():
    run(WORKER)
