"""Mails: never lost, never twice, sent after the commit, to the owners of one retailer."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core import mail as outgoing
from django.db import connection as database, transaction
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import mail, sweep, tasks
from integrations.models import Mail

CONTEXT = {"connection": "Ann's CRM", "connection_id": 7, "reason": "No <b>key</b>."}


@pytest.fixture
def owners(retailers):
    """Two more owners and an editor for each retailer; answers the addresses by slug."""
    for retailer in retailers:
        with tenant_context(retailer):
            for name, group in (("ann", "Owners"), ("ben", "Owners"), ("eve", "Editors")):
                user = get_user_model().objects.create_user(f"{name}@{retailer.slug}.test")
                user.groups.add(Group.objects.get(name=group))
            get_user_model().objects.filter(email__startswith="ben").update(is_active=False)
    return {r.slug: {f"owner@{r.slug}.test", f"ann@{r.slug}.test"} for r in retailers}


def told(retailer):
    with tenant_context(retailer):
        return list(Mail.objects.order_by("pk"))


def test_the_owners_of_one_retailer_are_told_once(retailers, owners):
    acorn, birch = retailers
    with tenant_context(acorn):
        assert mail.mail_owners("connection_paused", CONTEXT, once="connection:7:paused:1") == 2
        assert mail.mail_owners("connection_paused", CONTEXT, once="connection:7:paused:1") == 0
        assert mail.mail_owners("connection_paused", CONTEXT, once="connection:7:paused:2") == 2
    assert {one.to for one in told(acorn)} == owners["acorn"]
    assert told(birch) == []


def test_a_mail_without_once_is_written_each_time(retailers):
    acorn, birch = retailers
    with tenant_context(acorn):
        assert mail.write("connection_paused", "ann@acorn.test", CONTEXT)
        assert mail.write("connection_paused", "ann@acorn.test", CONTEXT)
    assert len(told(acorn)) == 2 and told(birch) == []


def test_a_kind_that_nobody_declared_is_refused_before_it_is_written(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            with pytest.raises(KeyError):
                mail.write("connection_pawsed", "ann@acorn.test", {})
            with pytest.raises(KeyError):
                mail.mail_owners("connection_pawsed", {})
            assert not Mail.objects.exists()


def test_what_is_rolled_back_tells_nobody(retailers, django_capture_on_commit_callbacks):
    acorn, birch = retailers
    with tenant_context(acorn), django_capture_on_commit_callbacks() as callbacks:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            mail.mail_owners("connection_paused", CONTEXT)
            raise ZeroDivisionError
    assert callbacks == [] and told(acorn) == told(birch) == []


def test_it_goes_out_after_the_commit_in_words_and_in_html(
    retailers, owners, django_capture_on_commit_callbacks, monkeypatch
):
    acorn, birch = retailers
    rung = []
    monkeypatch.setattr(tasks.send_mails, "delay", lambda schema: rung.append(schema))
    with tenant_context(acorn), django_capture_on_commit_callbacks(execute=True):
        mail.mail_owners("connection_paused", CONTEXT, once="x")
        assert rung == []
    assert rung == [acorn.schema_name]
    tasks.send_mails(schema=birch.schema_name)
    assert outgoing.outbox == []
    tasks.send_mails(schema=acorn.schema_name)
    tasks.send_mails(schema=acorn.schema_name)
    assert {one.to[0] for one in outgoing.outbox} == owners["acorn"]
    sent = outgoing.outbox[0]
    assert sent.subject == "Ann's CRM no longer lets us in"
    assert "It said: No <b>key</b>." in sent.body and f"{acorn.url}/admin/crm/7/" in sent.body
    ((html, kind),) = sent.alternatives
    assert kind == "text/html" and "No &lt;b&gt;key&lt;/b&gt;." in html
    assert f'href="{acorn.url}/admin/crm/7/"' in html
    assert sent.extra_headers["Message-ID"].startswith(f"<{acorn.schema_name}.")
    assert all(one.sent_at and one.attempts == 1 for one in told(acorn))


class Down:
    """A mail server that is away."""

    def send_messages(self, messages):
        raise ConnectionRefusedError("ann@acorn.test: no connection to smtp")


def test_a_mail_server_that_is_away_loses_nothing(retailers, owners, monkeypatch, caplog):
    acorn, birch = retailers
    with tenant_context(acorn):
        mail.write("connection_paused", "ann@acorn.test", CONTEXT)
        monkeypatch.setattr(mail, "get_connection", lambda **options: Down())
        assert mail.send_due() == 0
        waiting = Mail.objects.get()
        assert waiting.sent_at is None and waiting.attempts == 1
        assert waiting.error.startswith("ConnectionRefusedError") and "ann@" not in waiting.error
        assert waiting.due_at > timezone.now()
        assert "ann@acorn.test" not in caplog.text
        monkeypatch.undo()
        assert mail.send_due() == 0, "it isn't due yet"
        Mail.objects.update(due_at=timezone.now())
        assert mail.send_due() == 1
        assert Mail.objects.get().error == ""
    assert len(outgoing.outbox) == 1 and told(birch) == []


def test_one_bad_mail_does_not_stop_the_others(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            Mail.objects.create(kind="gone_kind", to="ann@acorn.test")
            mail.write("connection_paused", "ann@acorn.test", CONTEXT)
            assert mail.send_due() == 1
            assert "TemplateDoesNotExist" in Mail.objects.get(kind="gone_kind").error


def test_the_sweep_rings_for_mails_that_nobody_came_for(retailers, monkeypatch):
    acorn, birch = retailers
    rung = []
    monkeypatch.setattr(tasks.send_mails, "delay", lambda schema: rung.append(schema))
    now = timezone.now()
    with tenant_context(acorn):
        Mail.objects.create(kind="connection_paused", to="a@acorn.test")
    with tenant_context(birch):
        Mail.objects.create(kind="x", to="b@b.test", due_at=now + timedelta(hours=1))
        Mail.objects.create(kind="x", to="b@b.test", sent_at=now)
        Mail.objects.create(kind="x", to="b@b.test", created_at=now - mail.GIVE_UP)
    assert sweep.sweep() == 1
    assert rung == [acorn.schema_name]


def test_with_the_broker_down_a_mail_is_written_all_the_same(retailers, monkeypatch, caplog):
    from kombu.exceptions import OperationalError

    def refused(schema):
        raise OperationalError("nobody there")

    monkeypatch.setattr(tasks.send_mails, "delay", refused)
    for retailer in retailers:
        with tenant_context(retailer):
            mail.ring()
    assert caplog.text.count("the sweep will find the mail") == 2


def test_a_worker_that_finds_another_one_sending_leaves(retailers, monkeypatch):
    from contextlib import contextmanager

    @contextmanager
    def taken(name):
        assert name.startswith(database.schema_name)
        yield False

    monkeypatch.setattr(mail, "advisory_lock", taken)
    for retailer in retailers:
        with tenant_context(retailer):
            mail.write("connection_paused", "ann@acorn.test", CONTEXT)
            assert mail.send_due() == 0
    assert outgoing.outbox == []


def test_more_than_a_batch_rings_again(retailers, monkeypatch):
    acorn, birch = retailers
    rung = []
    monkeypatch.setattr(mail, "A_BATCH", 1)
    monkeypatch.setattr(tasks.send_mails, "delay", lambda schema: rung.append(schema))
    with tenant_context(acorn):
        for _ in range(2):
            mail.write("connection_paused", "ann@acorn.test", CONTEXT)
    for _ in range(3):
        tasks.send_mails(schema=acorn.schema_name)
    assert rung == [acorn.schema_name] * 2 and len(outgoing.outbox) == 2
    assert told(birch) == []


@pytest.mark.parametrize("kind", sorted(mail.KINDS))
def test_each_kind_says_all_that_it_means_to(kind, retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            made = mail.render(kind, mail.KINDS[kind].sample)
        for text in (made.subject, made.text, made.html):
            assert text.strip() and "{{" not in text and "{%" not in text
        assert "\n" not in made.subject
        assert retailer.url in made.text and retailer.url in made.html
        assert made.html.count("<html") == 1 and "http://schemas" not in made.html


def test_a_mail_is_rung_for_in_its_own_schema_wherever_the_commit_finds_us(
    retailers, owners, monkeypatch, django_capture_on_commit_callbacks
):
    rung = []
    monkeypatch.setattr(tasks.send_mails, "delay", lambda schema: rung.append(schema))
    with django_capture_on_commit_callbacks(execute=True):
        for retailer in retailers:  # as billing does it: from the public schema into each
            with tenant_context(retailer):
                mail.mail_owners("connection_paused", CONTEXT)
    assert rung == [retailer.schema_name for retailer in retailers]
