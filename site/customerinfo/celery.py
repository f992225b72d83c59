"""The Celery app. Tasks live in each app's `tasks.py`."""

import gc
import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")

app = Celery("customerinfo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def share_memory(**kwargs) -> None:
    """Before the children are forked: the collector would write into what they share."""
    gc.collect()
    gc.freeze()
