"""What needs a person: the start page of the console shows this, and nothing else.

Each question is answered by one query on the public schema, from what was counted a few minutes
ago (tenants.figures), so that the page is as quick with a thousand retailers as with two.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db.models import Min, Q, QuerySet, Sum
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from wagtail import hooks
from wagtail.admin.ui.components import Component

from integrations.connectors import CONNECTORS, connector_class

from . import backup, onboard_queue, trials
from .models import Onboarding, PlatformBackup, PublicMail, Retailer, TaskOutcome

NAMED = 5  # retailers that are named; the others are behind the link
STUCK = timedelta(hours=1)
NOT_COUNTED = timedelta(minutes=20)
TOO_LONG = timedelta(minutes=5)  # for an onboarding
NOT_DELETED = timedelta(hours=2)
NO_BACKUP = timedelta(hours=50)
NEW_RELEASE = timedelta(days=90)  # time to make one, or to fetch it


@dataclass(frozen=True)
class Need:
    """`tone` is critical or warning; `names` are (words, url) of the first few it is about."""

    tone: str
    title: str
    text: str
    url: str
    link: str
    names: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0


def listing(query: str) -> str:
    return f"{reverse('tenants_retailer_modeladmin_index')}?{query}"


def people(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def named(found: QuerySet, number: int) -> dict:
    """The first few, with links."""
    first = found.order_by("name").values_list("name", "pk")[:NAMED]
    names = [(name, reverse("retailer_detail", args=[pk])) for name, pk in first]
    return {"names": names, "more": max(0, number - len(names))}


def retailers() -> QuerySet:
    return Retailer.objects.exclude(state=Retailer.State.TEMPLATE)


def needs() -> list[Need]:
    """The most urgent first."""
    found: list[Need] = []
    for ask in (
        *(not_counted, not_served, behind, undeleted, onboardings, stuck, mails, tasks, refused),
        *(versions, backups),
        *hooks.get_hooks("construct_console_needs"),
    ):
        found += ask()
    return sorted(found, key=lambda need: need.tone != "critical")


def not_counted() -> Iterable[Need]:
    """All other answers are old if the periodic work has stopped."""
    since = timezone.now() - NOT_COUNTED
    never = Q(counted=None, created_at__lt=since, schema_problem="")
    old = Q(counted__counted_at__lt=since, schema_problem="")
    if retailers().filter(never | old).exists():
        yield Need(
            "critical",
            "The periodic work has stopped",
            "Retailers haven’t been counted for a while. Are the worker and beat running?",
            reverse("periodic_work"),
            "See what ran",
        )


def about(found: QuerySet, tone: str, what: str, text: str, url: str, link: str) -> Iterable[Need]:
    """A need if there are any; `what` may hold {}: how many retailers."""
    if number := found.count():
        title = what.format(people(number, "retailer"))
        yield Need(tone, title, text, url, link, **named(found, number))


def not_served() -> Iterable[Need]:
    return about(
        retailers().exclude(schema_problem=""),
        "critical",
        "{} not served",
        "Each of them says why. Everybody who comes there reads “Back in a few minutes”.",
        listing("needs=problem"),
        "See why",
    )


def behind() -> Iterable[Need]:
    return about(
        retailers().filter(schema_problem="", counted__migrations_lacking__gt=0),
        "warning",
        "{} behind this release",
        "The fleet migration isn’t finished: run migrate_fleet again.",
        listing("needs=behind"),
        "See which",
    )


def undeleted() -> Iterable[Need]:
    return about(
        retailers().filter(state=Retailer.State.CLOSED, delete_at__lt=timezone.now() - NOT_DELETED),
        "critical",
        "{} should be deleted by now",
        "Deleting failed; the worker’s log says why. It is tried again every hour.",
        listing("state=closed"),
        "See which",
    )


def onboardings() -> Iterable[Need]:
    late = Q(
        state__in=[Onboarding.State.WAITING, Onboarding.State.BUILDING],
        asked_at__lt=timezone.now() - TOO_LONG,
    )
    # Who started a trial alone was told what is wrong, and can begin again.
    failed = Q(state=Onboarding.State.FAILED) & (
        ~Q(asked_by=trials.SELF_SERVICE) | Q(problem=onboard_queue.BROKEN)
    )
    found = list(Onboarding.objects.filter(late | failed).order_by("-asked_at"))
    if found:
        names = [(each.name, reverse("onboarding", args=[each.pk])) for each in found[:NAMED]]
        yield Need(
            "critical",
            f"{people(len(found), 'new retailer')} couldn’t be made",
            "Try again, or forget it.",
            reverse("onboarding", args=[found[0].pk]),
            "Look at it",
            names,
            len(found) - len(names),
        )


def stuck() -> Iterable[Need]:
    return about(
        retailers().filter(
            counted__oldest_undelivered_at__lt=timezone.now() - STUCK, counted__crm_refused=0
        ),
        "warning",
        "{} with sign-ups on their way for over an hour",
        "Nothing is lost: they wait in the retailer’s schema.",
        reverse("fleet_deliveries"),
        "See what waits",
    )


def mails() -> Iterable[Need]:
    if settings.EMAIL_BACKEND.endswith(".console.EmailBackend") and not settings.DEMO:
        yield Need(
            "critical",
            "Mail isn’t set up",
            "Invitations and letters are printed and never sent: set EMAIL_URL or EMAIL_SERVICE.",
            reverse("mails"),
            "Mails",
        )
    yield from about(
        retailers().filter(counted__mails_failing_since__isnull=False),
        "warning",
        "{} with mails that don’t go out",
        "The mail server refuses them, or can’t be reached.",
        listing("needs=mails"),
        "See which",
    )
    failing = PublicMail.objects.filter(sent_at=None, attempts__gt=1)
    if number := failing.count():
        error = failing.values_list("error", flat=True).first() or ""
        yield Need(
            "critical",
            f"{people(number, 'mail')} of ours don’t go out",
            error or "The mail server refuses them, or can’t be reached.",
            reverse("mails"),
            "Mails",
        )


def tasks() -> Iterable[Need]:
    failed = TaskOutcome.objects.exclude(problem="").select_related("retailer")
    if number := failed.count():
        first = failed.order_by("failed_since")[:NAMED]
        names = [
            (each.retailer.name, reverse("retailer_detail", args=[each.retailer_id]))
            for each in first
        ]
        yield Need(
            "warning",
            f"{people(number, 'periodic task')} failed",
            "Each is tried again at its next turn.",
            reverse("periodic_work"),
            "See why",
            list(dict.fromkeys(names)),
            number - len(first),
        )


def refused() -> Iterable[Need]:
    return about(
        retailers().filter(counted__crm_refused__gt=0),
        "warning",
        "{} whose CRM refuses us",
        "They have been told by mail and in their admin. Sign-ups wait until they mend it.",
        listing("needs=refused"),
        "See which",
    )


def versions() -> Iterable[Need]:
    """CRMs that will no longer answer what this release says, of those that somebody uses."""
    today = timezone.localdate()
    for kind in CONNECTORS:
        ends = connector_class(kind).supported_until
        if ends is None or today < ends - NEW_RELEASE:
            continue
        label, over = connector_class(kind).label, today >= ends
        yield from about(
            retailers().filter(counted__crm_state__contains=f"{kind} "),
            "critical" if over else "warning",
            f"The version of {label}’s API that we use "
            f"{'ended' if over else 'ends'} on {ends:%-d %B %Y}: {{}}",
            "Bring a newer release. What a CRM no longer takes waits, and nothing is lost.",
            reverse("fleet_deliveries"),
            "See what waits",
        )


def backups() -> Iterable[Need]:
    """None at all, or none for two nights. In the demo nobody misses them."""
    if settings.DEMO:
        return
    old = timezone.now() - NO_BACKUP
    done = TaskOutcome.objects.filter(task=backup.TASK, problem="", ran_at__gt=old)
    late = retailers().filter(created_at__lt=old).exclude(task_outcomes__in=done)
    number = late.count()
    if not settings.BACKUP_RECIPIENT:
        text = "BACKUP_RECIPIENT isn’t set, so nothing is backed up."
        yield Need("critical", "There are no backups", text, listing(""), "All retailers")
        return
    if number:
        yield Need(
            *("critical", f"{people(number, 'retailer')} without a backup for two nights"),
            *("The nightly job fails, or doesn’t run.", reverse("periodic_work"), "See why"),
            **named(late, number),
        )
    platform = PlatformBackup.objects.first()
    done = platform.done_at if platform else None
    if Retailer.objects.filter(created_at__lt=old).exists() and (done is None or done < old):
        yield Need(
            *("critical", "The platform’s own tables have had no backup for two nights"),
            (platform.problem if platform else "") or "The nightly job doesn’t run.",
            *(reverse("periodic_work"), "Periodic work"),
        )


class NeedsPanel(Component):
    """Replaces all of Wagtail's panels on the console's start page."""

    order = 10

    def render_html(self, parent_context=None) -> str:
        found = needs()
        context = {"needs": found}
        if not found:
            context |= retailers().aggregate(
                signups=Sum("counted__signups_30_days"), counted=Min("counted__counted_at")
            )
            context["number"] = retailers().count()
        return render_to_string("tenants/needs.html", context)
