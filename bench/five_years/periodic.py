"""Beat and a worker in this process: the real schedule, the real queue, one task after the other.

Beat's entries are asked by their own schedules what is due by the moved clock, at each step of the
day. So what runs every half minute to every hour on a server runs a few times a day here, and the
nightly tasks once a night, as there.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from queue import Empty

from celery import current_app
from celery.schedules import maybe_schedule
from django.conf import settings
from django.db import connection
from django.utils import timezone

log = logging.getLogger(__name__)

# A look at Stripe is an hourly one, for what a lost webhook missed. Once a day is enough to count
# the days' usage, and four times as quick to play.
AT_MOST = {"reconcile": timedelta(hours=20)}


class Beat:
    def __init__(self) -> None:
        self.schedules = {
            name: maybe_schedule(entry["schedule"], app=current_app)
            for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
        }
        self.ran: dict[str, datetime] = dict.fromkeys(self.schedules, timezone.now())
        self.times: dict[str, int] = dict.fromkeys(self.schedules, 0)

    def tick(self) -> Iterator[str]:
        """Send what is due now, one entry after the other: at night they have an hour each."""
        now = timezone.now()
        for name, schedule in self.schedules.items():
            if now - self.ran[name] < AT_MOST.get(name, timedelta(0)):
                continue
            due, _ = schedule.is_due(self.ran[name])
            if due:
                entry = settings.CELERY_BEAT_SCHEDULE[name]
                current_app.send_task(entry["task"], args=entry.get("args", ()))
                self.ran[name] = now
                self.times[name] += 1
                yield name


class Worker:
    """`failures` are the tasks that failed: (name, what with)."""

    def __init__(self) -> None:
        current_app.loader.import_default_modules()  # as a worker does when it starts
        self.link = current_app.connection_for_read()
        self.queue = self.link.SimpleQueue(current_app.conf.task_default_queue)
        self.queue.clear()  # what others have left there
        self.failures: list[tuple[str, str]] = []
        self.done = 0

    def work(self) -> None:
        """Until nothing waits."""
        while True:
            try:
                message = self.queue.get_nowait()
            except Empty:
                return
            message.ack()
            self.run(message)

    def run(self, message) -> None:
        name = message.headers["task"]
        args, kwargs, _ = message.payload
        connection.set_schema_to_public()
        done = current_app.tasks[name].apply(args, kwargs, headers=dict(message.headers))
        connection.set_schema_to_public()
        self.done += 1
        if done.failed():
            self.failures.append((name, f"{type(done.result).__name__}: {done.result}"))
            log.error("%s failed: %s", name, done.traceback)

    def close(self) -> None:
        self.queue.close()
        self.link.close()
