"""How gunicorn runs the web: `gunicorn --config python:customerinfo.web`.

What differs from place to place (address, number of workers and threads) is in gunicorn's own
variables, WEB_CONCURRENCY and GUNICORN_CMD_ARGS, which win over what stands here.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")

from customerinfo import shared_counts  # noqa: E402

shared_counts.share()

from django.conf import settings  # noqa: E402

from customerinfo import metrics  # noqa: E402

wsgi_app = "customerinfo.wsgi:application"
worker_class = "gthread"
threads = 4
# Loaded once, before the workers are forked, so that they share the memory; what is loaded once
# can't be loaded again when somebody works on it.
preload_app = not settings.DEBUG
# Longer than any proxy keeps an idle connection (nginx: 60 seconds), else one may send a sign-up
# just when we close. gunicorn's own 2 seconds are for bare clients.
keepalive = 75
graceful_timeout = 30
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True
# gunicorn's own process writes lines, too.
logconfig_dict = settings.LOGGING


def when_ready(server) -> None:
    metrics.serve_counted()
