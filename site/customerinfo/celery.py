"""The Celery app. Tasks live in each app's `tasks.py`."""

import gc
import os
import sys

from celery import Celery
from celery.signals import beat_init, worker_init, worker_ready

from . import shared_counts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")
if "worker" in sys.argv:  # its children count together; nobody else imports this for that
    shared_counts.share()

app = Celery("customerinfo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def share_memory(**kwargs) -> None:
    """Before the children are forked: the collector would write into what they share."""
    gc.collect()
    gc.freeze()


@worker_ready.connect
def serve_counted(**kwargs) -> None:
    from . import metrics

    metrics.serve_counted()


@beat_init.connect
def serve_fleet(**kwargs) -> None:
    from . import metrics

    if "worker" not in sys.argv:  # else the worker shows that as well
        metrics.serve_fleet()
