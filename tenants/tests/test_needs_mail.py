"""What needs a person reaches the operators by mail, when it is news, and weekly while it stays."""

from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings as declared
from django.contrib.auth import get_user_model
from django.core import mail as outgoing
from django.db import OperationalError
from django.db.models import F
from django_tenants.utils import tenant_context

from integrations import mail
from integrations.models import Mail
from tenants import needs_mail, tasks
from tenants.models import PublicMail, RetailerFigures

CONSOLE = "http://console.shops.test/admin/"
REFUSED, BEHIND = "1 retailer whose CRM refuses us", "1 retailer behind this release"


@pytest.fixture(autouse=True)
def calm(retailers, settings):
    """Two operators, and nothing that needs them."""
    settings.BACKUP_RECIPIENT, settings.DEMO = "age1…", False
    users = get_user_model().objects
    for name in ("ann", "ben"):
        users.create_superuser(f"{name}@operator.test")
    users.create_user("guest@operator.test", is_staff=True)
    users.create_superuser("gone@operator.test", is_active=False)
    for retailer in retailers:
        with tenant_context(retailer):
            users.create_superuser(f"root@{retailer.slug}.test")
    tasks.count_figures()


def change(retailer, **values) -> None:
    RetailerFigures.objects.filter(retailer=retailer).update(**values)


def next_morning(days: int = 1) -> list[str]:
    """The subjects that go out then."""
    past = F("created_at") - timedelta(days=days, seconds=-5)  # beat is never quite on time
    PublicMail.objects.update(created_at=past)
    outgoing.outbox.clear()
    tasks.tell_operators()
    mail.send_due()
    return [message.subject for message in outgoing.outbox]


def test_every_operator_reads_what_needs_a_person_and_nobody_else_does(retailers):
    acorn, birch = retailers
    assert tasks.tell_operators() == 0
    change(acorn, migrations_lacking=1)
    change(birch, crm_refused=1)
    assert tasks.tell_operators() == 2
    mail.send_due()
    assert {message.to[0] for message in outgoing.outbox} == {
        *("ann@operator.test", "ben@operator.test")
    }
    letter = outgoing.outbox[0]
    assert letter.subject == "CustomerInfo: 2 things need you"
    assert f"- {BEHIND}\n- {REFUSED}\n" in letter.body and CONSOLE in letter.body
    ((html, _),) = letter.alternatives
    assert f"<li>{BEHIND}</li>" in html and f'href="{CONSOLE}"' in html
    for retailer in retailers:
        with tenant_context(retailer):
            assert not Mail.objects.exists()


def test_it_is_told_when_it_changes_and_weekly_while_it_stays(retailers):
    acorn, birch = retailers
    change(birch, crm_refused=1)
    assert next_morning() == [f"CustomerInfo: {REFUSED}"] * 2
    assert next_morning(days=0) == []
    assert [len(next_morning()) for _ in range(8)] == [0, 0, 0, 0, 0, 0, 2, 0]
    change(acorn, migrations_lacking=1)
    assert next_morning() == ["CustomerInfo: 2 things need you"] * 2
    change(birch, crm_refused=0)
    assert next_morning(days=0) == []  # one a day is enough
    assert next_morning() == [f"CustomerInfo: {BEHIND}"] * 2
    change(acorn, migrations_lacking=0)
    assert next_morning() == []
    change(acorn, migrations_lacking=1)
    assert next_morning() == [f"CustomerInfo: {BEHIND}"] * 2  # it had ended in between


def test_a_list_that_could_not_be_sent_gives_way_to_todays(retailers):
    acorn, birch = retailers
    change(birch, crm_refused=1)
    tasks.tell_operators()  # and the mail server is away
    change(acorn, migrations_lacking=1)
    assert next_morning() == ["CustomerInfo: 2 things need you"] * 2
    assert not PublicMail.objects.filter(sent_at=None).exists()


def test_beat_asks_for_it_and_a_database_that_is_away_delays_it(retailers, monkeypatch):
    change(retailers[1], crm_refused=1)
    answers = [OperationalError("gone"), needs_mail.needs()]

    def needs():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(needs_mail, "needs", needs)
    task = current_app.tasks[declared.CELERY_BEAT_SCHEDULE["tell_operators"]["task"]]
    task.apply()
    assert answers == [] and PublicMail.objects.count() == 2
