"""How gunicorn runs the web: `gunicorn --config python:customerinfo.web`.

WEB_CONCURRENCY and GUNICORN_CMD_ARGS, gunicorn's own variables, say the rest.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")

from customerinfo import shared_counts  # noqa: E402

shared_counts.share()

from django.conf import settings  # noqa: E402

from customerinfo import metrics  # noqa: E402

wsgi_app = "customerinfo.wsgi:application"
# gunicorn's own process writes lines, too, and never loads Django.
logconfig_dict = settings.LOGGING


def when_ready(server) -> None:
    metrics.serve_counted()
