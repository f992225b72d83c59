"""The console's start page names what needs a person, and nothing else."""

from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app.models import Tablet
from integrations import fan_out, mail
from integrations.connectors import connector_class
from integrations.models import Connection, Mail
from integrations.tenant_task import FAN_OUT, finished
from tenants import backup, figures, tasks
from tenants.models import Onboarding, PlatformBackup, Retailer, RetailerFigures, TaskOutcome
from tenants.needs import needs
from tenants.provisioning import onboard

from .people import superuser

HOST = "console.shops.test"
PRUNE = "integrations.tasks.prune_log"


@pytest.fixture(autouse=True)
def backed_up(settings):
    settings.BACKUP_RECIPIENT, settings.DEMO = "age1…", False


@pytest.fixture
def operator(retailers):
    return superuser("public", HOST)


@pytest.fixture
def counted(retailers) -> tuple[Retailer, Retailer]:
    tasks.count_figures()
    return retailers


def home(operator) -> str:
    return operator.get("/admin/").text


def titles() -> list[str]:
    return [need.title for need in needs()]


def change(retailer: Retailer, **values) -> None:
    RetailerFigures.objects.filter(retailer=retailer).update(**values)


def test_where_all_is_well_it_says_so(operator, counted):
    text = home(operator)
    assert "Nothing needs you" in text and "2 retailers, 0 sign-ups" in text
    assert needs() == []


@pytest.mark.parametrize("days, tone", [(120, None), (80, "warning"), (-1, "critical")])
def test_the_end_of_a_vendors_api_is_told_in_time(counted, monkeypatch, days, tone):
    acorn, birch = counted
    ends = timezone.localdate() + timedelta(days=days)
    monkeypatch.setattr(connector_class("klaviyo"), "supported_until", ends)
    assert titles() == [], "nobody uses it"
    change(acorn, crm_state="brevo active, klaviyo active")
    change(birch, crm_state="brevo active")
    found = [need for need in needs() if "Klaviyo" in need.title]
    assert [need.tone for need in found] == ([tone] if tone else [])
    if tone:
        assert found[0].title.endswith(": 1 retailer") and f"{ends:%B %Y}" in found[0].title
        assert [name for name, _ in found[0].names] == ["Acorn"]


def test_an_empty_console_offers_the_first_retailer(operator, retailers):
    Retailer.objects.update(state=Retailer.State.TEMPLATE)  # which is nobody's
    text = home(operator)
    assert "There is no retailer yet" in text and "New retailer" in text


@pytest.mark.parametrize(
    "values, title, critical",
    [
        ({"migrations_lacking": 2}, "1 retailer behind this release", False),
        ({"crm_refused": 1}, "1 retailer whose CRM refuses us", False),
        ({"mails_failing_since": timezone.now()}, "1 retailer with mails that don’t go out", False),
        (
            {"oldest_undelivered_at": timezone.now() - timedelta(hours=2)},
            "1 retailer with sign-ups on their way for over an hour",
            False,
        ),
        (
            {"counted_at": timezone.now() - timedelta(hours=1)},
            "The periodic work has stopped",
            True,
        ),
    ],
)
def test_what_was_counted_becomes_a_need_of_one_retailer(
    operator, counted, values, title, critical
):
    acorn, birch = counted
    change(birch, **values)
    (need,) = needs()
    assert need.title == title and (need.tone == "critical") == critical
    text = home(operator)
    assert title in text
    if need.names:
        assert [name for name, _ in need.names] == ["Birch"]
    # The list that it leads to shows the same ones.
    if "?" in need.url:
        listed = operator.get(need.url).text
        assert birch.owner_email in listed and acorn.owner_email not in listed


def test_what_is_urgent_stands_on_top_and_many_are_named_briefly(operator, counted):
    for number in range(6):
        onboard(f"Cedar {number}", f"cedar-{number}", f"owner{number}@cedar.test")
    tasks.count_figures()
    RetailerFigures.objects.update(crm_refused=1)
    Retailer.objects.filter(slug="birch").update(schema_problem="Tables are missing: x.")
    first, second = needs()
    assert first.tone == "critical" and "not served" in first.title
    assert second.title.startswith("8 retailers") and second.more == 3
    assert "and 3 more" in home(operator)


def test_a_retailer_that_should_be_deleted_by_now_is_named(counted):
    acorn, birch = counted
    Retailer.objects.filter(pk=acorn.pk).update(
        state="closed", delete_at=timezone.now() - timedelta(hours=3)
    )
    assert titles() == ["1 retailer should be deleted by now"]


def test_an_onboarding_that_waits_for_long_is_named(operator, counted):
    Onboarding.objects.create(
        **{"name": "Cedar", "slug": "cedar", "owner_email": "o@c.test", "asked_by": "x"},
        asked_at=timezone.now() - timedelta(minutes=6),
    )
    assert titles() == ["1 new retailer couldn’t be made"] and "Cedar" in home(operator)


def test_mails_of_ours_that_do_not_go_out_are_named(counted):
    mail.write("confirm_trial", "a@b.test", {"shop": "x", "link": "y"})
    assert needs() == []
    mail.model().objects.update(attempts=2, error="Refused: 550")
    (need,) = needs()
    assert "1 mail of ours" in need.title and need.text == "Refused: 550"


def test_mail_that_is_only_printed_is_named(operator, counted, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert "Mail isn’t set up" in home(operator)
    settings.DEMO = True
    assert needs() == []


def test_missing_backups_are_named(operator, counted, settings):
    acorn, birch = counted
    Retailer.objects.update(created_at=timezone.now() - timedelta(days=3))
    for retailer in counted:
        ran(retailer.schema_name, task=backup.TASK)
    (need,) = needs()
    assert "platform’s own tables" in need.title and "doesn’t run" in need.text
    PlatformBackup.note("")
    assert needs() == []
    PlatformBackup.objects.update(done_at=timezone.now() - timedelta(hours=51))
    PlatformBackup.note("disk full")
    assert [need.text for need in needs()] == ["disk full"]
    page = operator.get("/admin/periodic/").text
    assert page.count("Backup of the platform’s own tables") == 2 and "disk full" in page
    PlatformBackup.note("")
    page = operator.get("/admin/periodic/").text
    assert page.count("Backup of the platform’s own tables") == 1 and "Failing since" not in page
    assert needs() == []
    TaskOutcome.objects.filter(retailer=birch).update(ran_at=timezone.now() - timedelta(hours=51))
    (need,) = needs()
    assert "1 retailer without a backup" in need.title
    assert [name for name, _ in need.names] == ["Birch"]
    settings.BACKUP_RECIPIENT = ""
    assert "There are no backups" in home(operator)
    settings.DEMO = True
    assert needs() == []


def test_it_costs_the_same_for_many_retailers(operator, counted):
    home(operator)
    with CaptureQueriesContext(connection) as two:
        home(operator)
    for number in range(5):
        onboard(f"Cedar {number}", f"cedar-{number}", f"owner{number}@cedar.test")
    tasks.count_figures()
    with CaptureQueriesContext(connection) as seven:
        home(operator)
    assert len(seven) == len(two)


# --- What is counted ---


def test_each_retailers_figures_are_its_own(counted, sign_up):
    acorn, birch = counted
    sign_up(acorn, email="robin@example.com")
    with tenant_context(acorn):
        Tablet.objects.create(name="Till", token_hash="x", last_contact_at=timezone.now())
        Tablet.objects.create(name="Door", token_hash="y")
        Connection.objects.create(name="Ours", kind="hubspot", state="paused", paused_by="auth")
        Mail.objects.create(kind="x", to="a@b.test", attempts=3)
    assert tasks.count_figures() == 2
    ours, theirs = (RetailerFigures.objects.get(retailer=each) for each in counted)
    assert (ours.signups_30_days, ours.tablets, ours.tablets_offline) == (1, 2, 1)
    assert (ours.crm_refused, ours.crm_state) == (1, "hubspot paused")
    assert ours.mails_failing_since and theirs.mails_failing_since is None
    assert (theirs.signups_30_days, theirs.tablets, theirs.crm_state) == (0, 0, "")
    assert ours.migrations_lacking == theirs.migrations_lacking == 0


def test_a_schema_that_cannot_be_counted_holds_up_no_other(counted):
    acorn, birch = counted
    Retailer.objects.filter(pk=acorn.pk).update(schema_name="r_gone")
    RetailerFigures.objects.all().delete()
    assert figures.count({"r_gone": acorn.pk, birch.schema_name: birch.pk}) == 1
    assert RetailerFigures.objects.get().retailer == birch
    Retailer.objects.filter(pk=acorn.pk).update(schema_name=acorn.schema_name)


# --- Periodic work ---


def ran(schema: str, problem: str = "", task: str = PRUNE) -> None:
    finished.send(None, schema=schema, task=task, seconds=0.2, problem=problem)


def test_the_last_outcome_of_each_task_is_kept_for_each_retailer(operator, counted):
    acorn, birch = counted
    ran("r_acorn")
    ran("r_birch", "OperationalError: disk full")
    since = TaskOutcome.objects.get(retailer=birch).failed_since
    ran("r_birch", "OperationalError: still full")
    ran("r_gone")  # deleted meanwhile
    outcome = TaskOutcome.objects.get(retailer=birch)
    assert (outcome.problem, outcome.failed_since) == ("OperationalError: still full", since)
    assert str(outcome) and outcome.took.total_seconds() == 0.2
    assert titles() == ["1 periodic task failed"] and "Birch" in home(operator)
    page = operator.get("/admin/periodic/").text
    assert "still full" in page and "Shorten the delivery log" in page
    assert "still full" in operator.get(f"/admin/retailers/{birch.pk}/").text
    ran("r_birch")
    assert needs() == []
    assert TaskOutcome.objects.get(retailer=birch).failed_since is None


def test_who_is_left_out_is_counted(operator, counted):
    ran("r_acorn")
    ran("r_birch")
    TaskOutcome.objects.filter(retailer__slug="birch").update(
        ran_at=timezone.now() - timedelta(hours=30)
    )
    assert "1" in operator.get("/admin/periodic/").text
    from tenants.periodic_page import summaries

    (told,) = summaries()
    assert (told.retailers, told.failed, told.left_out) == (2, 0, 1)


def test_one_retailers_failure_stops_no_other_and_both_are_recorded(
    counted, monkeypatch, django_capture_on_commit_callbacks
):
    """The real fan-out, its messages carried out here one after another."""
    acorn, birch = counted
    task = current_app.tasks[PRUNE]
    sent, who = [], "owner@acorn.test"

    def carry_out(name, kwargs, headers):
        assert headers == {FAN_OUT: True}
        sent.append(task.apply(kwargs=kwargs, headers=headers).state)

    def prune_but_not_acorns():
        if connection.schema_name == "r_acorn":
            raise RuntimeError(f"{who} is no good")
        return 0

    monkeypatch.setattr("integrations.attempt_log.prune", prune_but_not_acorns)
    monkeypatch.setattr(fan_out.current_app, "send_task", carry_out)
    assert fan_out.for_each_retailer(PRUNE) == 2
    assert sorted(sent) == ["FAILURE", "SUCCESS"]
    told = dict(TaskOutcome.objects.values_list("retailer__slug", "problem"))
    assert told["birch"] == "" and told["acorn"].startswith("RuntimeError")


def test_the_operator_learns_why_it_failed_and_nothing_of_a_shopper(
    operator, counted, monkeypatch
):
    def prune():
        if connection.schema_name == "r_birch":
            raise OSError(28, "No space left on device", "media/Ada O'Lovelace.jpg")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT %s::date", ['Ada "Sly" Lovelace'])

    monkeypatch.setattr("integrations.attempt_log.prune", prune)
    for retailer in counted:
        done = current_app.tasks[PRUNE].apply(
            kwargs={"schema": retailer.schema_name}, headers={FAN_OUT: True}
        )
        assert done.state == "FAILURE" and "Lovelace" in str(done.result)
    assert dict(TaskOutcome.objects.values_list("retailer__slug", "problem")) == {
        "acorn": "DataError: invalid input syntax for type date: '…'",
        "birch": "OSError: [Errno 28] No space left on device: '…'",
    }
    page = operator.get("/admin/periodic/").text
    assert "No space left on device" in page and "Lovelace" not in page
