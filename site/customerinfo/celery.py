"""The Celery app. Tasks live in each app's `tasks.py`."""

import os
import sys

from celery import Celery
from celery.signals import beat_init, worker_ready

from . import shared_counts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")
if "worker" in sys.argv:  # its children count together; nobody else imports this for that
    shared_counts.share()

app = Celery("customerinfo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def serve_counted(**kwargs) -> None:
    from . import metrics

    metrics.serve_counted()


@beat_init.connect
def serve_fleet(**kwargs) -> None:
    from . import metrics

    metrics.serve_fleet()
