"""The operator's page "Periodic work": how each task went for each retailer, failed ones first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Avg, Count, Max, Q
from django.http import HttpResponse
from django.urls import path, reverse_lazy

from integrations.admin.console import ConsoleMenuItem, ConsoleView

from . import backup
from .models import PlatformBackup, Retailer, TaskOutcome

LONGEST = 100  # lines of a table
PLATFORM = "Backup of the platform’s own tables"
LEFT_OUT = timedelta(hours=26)  # after the others: all have a turn at least every day

WORDS = {
    "forms_app.tasks.apply_retention": "Retention: delete what is too old",
    "integrations.tasks.prune_log": "Shorten the delivery log",
    "tenants.tasks.tidy_retailer": "Forget ended sessions and old mails",
    backup.TASK: "Backup",
    "integrations.tasks.tell_what_is_aside": "Tell owners what CRMs didn’t take",
    "integrations.tasks.look_for_drift": "Look whether CRMs have changed",
}


@dataclass(frozen=True)
class Summary:
    words: str
    retailers: int | None
    failed: int
    left_out: int
    last: datetime
    seconds: float | None


def summaries() -> list[Summary]:
    last = dict(
        TaskOutcome.objects.order_by()
        .values_list("task")
        .annotate(at=Max("ran_at"))
        .values_list("task", "at")
    )
    found = []
    for task, at in last.items():
        of_it = TaskOutcome.objects.filter(task=task)
        told = of_it.aggregate(
            retailers=Count("pk"),
            failed=Count("pk", filter=~Q(problem="")),
            left_out=Count("pk", filter=Q(ran_at__lt=at - LEFT_OUT)),
            seconds=Avg("seconds"),
        )
        found.append(Summary(WORDS.get(task, task), last=at, **told))
    for each in PlatformBackup.objects.all():
        failed = int(bool(each.problem))
        found.append(Summary(PLATFORM, None, failed, 0, last=each.ran_at, seconds=None))
    return sorted(found, key=lambda each: (-each.failed, -each.left_out, each.words))


class PeriodicPage(ConsoleView):
    page_title = "Periodic work"
    header_icon = "history"
    template_name = "tenants/periodic.html"

    def get(self, request) -> HttpResponse:
        failed = (
            TaskOutcome.objects.exclude(problem="")
            .select_related("retailer")
            .order_by("failed_since")[:LONGEST]
        )
        return self.render_to_response(
            self.get_context_data(
                summaries=summaries(),
                platform=PlatformBackup.objects.exclude(problem="").first(),
                platform_words=PLATFORM,
                failed=[(each, WORDS.get(each.task, each.task)) for each in failed],
                retailers=Retailer.objects.exclude(state=Retailer.State.TEMPLATE).count(),
            )
        )


urls = [path("periodic/", PeriodicPage.as_view(), name="periodic_work")]
menu_item = ConsoleMenuItem(
    *("Periodic work", reverse_lazy("periodic_work")),
    **{"name": "periodic-work", "icon_name": "history", "order": 155},
)
