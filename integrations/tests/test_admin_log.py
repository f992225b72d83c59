"""The log of a connection, and sending again: one, all that failed, since a day, earlier ones."""

from datetime import timedelta

from django.apps import apps
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import attempt_log, outbox, tasks
from integrations.admin import log_page
from integrations.delivery import drain
from integrations.models import Attempt, Connection, Delivery
from integrations.tasks import http
from integrations.tests.conftest import sign_up, words_of


def deliver(retailer, pk):
    with tenant_context(retailer):
        drain(pk, http())


def states(retailer):
    with tenant_context(retailer):
        return sorted(Delivery.objects.values_list("state", flat=True))


def consent(signup, *given, purpose="marketing"):
    for number, one in enumerate(given):
        apps.get_model("forms_app", "Consent").objects.create(
            signup=signup,
            key=f"{purpose}-{number}",
            purpose=purpose,
            wording="Yes",
            language="en",
            given=one,
            recorded_at=timezone.now(),
        )


# the log


def test_each_try_stands_with_what_was_asked_and_said_and_nobody_is_named(
    retailers, visitor, connect
):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        assert "Nothing was sent yet." in owner.read(f"{pk}/log/")
        sign_up(retailer, "ann.lee@example.com")
        sign_up(retailer, "nonsense address", first_name="Bob")
        deliver(retailer, pk)
        answer = owner.get(f"{pk}/log/")
        words = words_of(answer)
        assert "Delivered 1" in words and "Needs attention 1" in words
        assert "POST 127.0.0.1/api/v1/contacts/upsert" in words
        assert "first_name: &quot;A…&quot;" in words and "email: &quot;a…@…&quot;" in words
        assert "207 after" in words and "invalid_email" in words
        with tenant_context(retailer):
            for attempt in Attempt.objects.all():
                texts = attempt.request + attempt.response + attempt.message
                for secret in ("ann.lee", "example.com", "Bob", "Ann", "nonsense", "secret-key"):
                    assert secret not in texts
                assert "first_name" in attempt.request and attempt.duration_ms >= 0


def test_the_log_is_filtered_by_outcome_and_by_day(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer)
        now = timezone.now()
        with tenant_context(retailer):
            delivery = Delivery.objects.get()
            for days, outcome in ((0, "retry"), (2, "retry"), (2, "delivered"), (9, "crashed")):
                at = now - timedelta(days=days)
                Attempt.objects.create(
                    delivery=delivery, at=at, outcome=outcome, message=f"{outcome} {days}"
                )
        day = (now - timedelta(days=2)).date().isoformat()
        everything = owner.read(f"{pk}/log/")
        assert all(
            text in everything for text in ("retry 0", "retry 2", "delivered 2", "crashed 9")
        )
        assert "Delivered 1 Tried again later 2 Needs attention 0" in everything
        some = owner.read(f"{pk}/log/?outcome=retry&since={day}&until={day}")
        assert "retry 2" in some and "retry 0" not in some and "delivered 2" not in some
        assert "Delivered 1 Tried again later 1" in some
        assert "Nothing like that" in owner.read(f"{pk}/log/?outcome=paused")
        assert "retry 0" in owner.read(f"{pk}/log/?outcome=nonsense&since=yesterday")


def test_a_long_log_has_pages(retailers, visitor, connect, monkeypatch):
    monkeypatch.setattr(log_page, "A_PAGE", 2)
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer)
        with tenant_context(retailer):
            delivery = Delivery.objects.get()
            for number in range(5):
                at = timezone.now() - timedelta(minutes=number)
                Attempt.objects.create(
                    delivery=delivery, at=at, outcome="retry", message=f"no {number}"
                )
        page = owner.get(f"{pk}/log/?outcome=retry&p=2")
        assert "no 2" in page.text and "no 4" not in page.text and "no 1" not in page.text
        assert "outcome=retry&amp;p=1" in page.text and "outcome=retry&amp;p=3" in page.text


def test_who_may_not_see_sign_ups_sees_no_names_in_the_log(retailers, visitor, connect):
    from django.contrib.auth.models import Group

    for retailer in retailers:
        pk, reader = connect(retailer, "Ours"), visitor(retailer, "Viewers")
        signup = sign_up(retailer)
        deliver(retailer, pk)
        assert "Ann Lee" in reader.read(f"{pk}/log/")
        assert "Send this sign-up again" not in reader.read(f"{pk}/log/")
        with tenant_context(retailer):
            group = Group.objects.get(name="Viewers")
            group.permissions.remove(group.permissions.get(codename="view_signup"))
        words = reader.read(f"{pk}/log/")
        assert "Ann Lee" not in words and str(signup.pk)[:8] in words
        assert reader.post(f"{pk}/send-again/", {"which": "all"}).status_code == 302
        assert states(retailer) == ["delivered"]


def test_the_log_is_forgotten_after_its_days(retailers, connect, settings, monkeypatch):
    settings.DELIVERY_LOG_DAYS = 30
    monkeypatch.setattr(attempt_log, "AT_ONCE", 2)
    for retailer in retailers:
        connect(retailer, "Ours")
        sign_up(retailer)
        with tenant_context(retailer):
            delivery, now = Delivery.objects.get(), timezone.now()
            for days in (0, 29, 31, 40, 50, 60, 70):
                Attempt.objects.create(
                    delivery=delivery, at=now - timedelta(days=days), outcome="retry"
                )
    acorn, birch = retailers
    assert tasks.prune_log(schema=acorn.schema_name) == 5
    with tenant_context(acorn):
        assert Attempt.objects.count() == 2
    with tenant_context(birch):
        assert Attempt.objects.count() == 7


# sending again


def test_one_is_sent_again_from_its_line(retailers, visitor, connect, rung):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        first = sign_up(retailer, "a@example.com")
        sign_up(retailer, "b@example.com")
        deliver(retailer, pk)
        rung()
        with tenant_context(retailer):
            one = Delivery.objects.get(signup=first)
        answer = owner.post(f"{pk}/send-one/{one.pk}/", follow=True)
        assert "Sending 1 sign-up again." in answer.text
        assert states(retailer) == ["delivered", "due"]
        assert rung() == [(retailer.schema_name, pk)]
        assert owner.post(f"{pk + 1}/send-one/{one.pk}/").status_code == 404
        assert owner.get(f"{pk}/send-one/{one.pk}/").status_code == 405


def test_the_number_is_shown_before_anything_is_sent(retailers, visitor, connect, rung):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        for address in ("a@example.com", "b@example.com", "nonsense"):
            sign_up(retailer, address)
        deliver(retailer, pk)
        rung()
        assert "How many are that?" in owner.read(f"{pk}/send-again/")
        assert "1 sign-up is sent." in owner.read(f"{pk}/send-again/?which=failed&since=")
        assert "3 sign-ups are sent." in owner.read(f"{pk}/send-again/?which=all&since=")
        assert "There are none like that." in owner.read(
            f"{pk}/send-again/?which=all&since=2999-01-01"
        )
        assert states(retailer) == ["delivered", "delivered", "needs_attention"] and rung() == []
        answer = owner.post(f"{pk}/send-again/", {"which": "failed", "since": ""}, follow=True)
        assert "Sending 1 sign-up." in answer.text and "page_obj" not in answer.text
        assert states(retailer) == ["delivered", "delivered", "due"]
        assert rung() == [(retailer.schema_name, pk)]


def test_all_since_a_day_are_sent_again_even_what_was_delivered(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        old, new = sign_up(retailer, "a@example.com"), sign_up(retailer, "b@example.com")
        deliver(retailer, pk)
        with tenant_context(retailer):
            old.received_at = timezone.now() - timedelta(days=10)
            old.save()
        since = (timezone.now() - timedelta(days=2)).date().isoformat()
        owner.post(f"{pk}/pause/")
        answer = owner.post(f"{pk}/send-again/", {"which": "all", "since": since}, follow=True)
        assert "Sending 1 sign-up as soon as the connection is resumed." in answer.text
        with tenant_context(retailer):
            assert Delivery.objects.get(signup=new).state == "due"
            assert Delivery.objects.get(signup=old).state == "delivered"


def test_nonsense_is_sent_nowhere(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer)
        deliver(retailer, pk)
        for data in ({}, {"which": "everybody"}, {"which": "all", "since": "yesterday"}):
            assert owner.post(f"{pk}/send-again/", data).status_code == 302
        assert "which" in owner.get(f"{pk}/send-again/?which=nonsense").text
        assert states(retailer) == ["delivered"]


# earlier sign-ups to a new connection


def test_a_new_connection_gets_earlier_sign_ups_whose_consent_covers_it(
    retailers, visitor, connect, rung
):
    for retailer in retailers:
        owner = visitor(retailer)
        with tenant_context(retailer):
            yes, no, both, other, none, test, robot = (
                sign_up(retailer, f"{number}@example.com") for number in range(7)
            )
            consent(yes, True)
            consent(yes, True, purpose="terms")
            consent(no, False)
            consent(both, True, False)
            consent(other, True, purpose="terms")
            consent(test, True)
            consent(robot, True)
            test.is_test, robot.problem = True, "robot"
            test.save()
            robot.save()
        pk = connect(retailer, "New")
        rung()
        assert "1 sign-up is sent, today's in between." in owner.read(
            f"{pk}/send-again/?which=earlier&since="
        )
        answer = owner.post(f"{pk}/send-again/", {"which": "earlier", "since": ""}, follow=True)
        assert "Sending 1 sign-up." in answer.text
        assert rung() == [(retailer.schema_name, pk)]
        with tenant_context(retailer):
            assert [d.signup_id for d in Delivery.objects.filter(connection_id=pk)] == [yes.pk]
            assert outbox.backfill(Connection.objects.get(pk=pk)) == 0, "once is enough"
        assert "There are none like that." in owner.read(f"{pk}/send-again/?which=earlier&since=")
        deliver(retailer, pk)
        assert states(retailer) == ["delivered"]


def test_earlier_sign_ups_leave_room_for_todays(retailers, connect, monkeypatch):
    monkeypatch.setattr(outbox, "PORTION", 2)
    for retailer in retailers:
        with tenant_context(retailer):
            for number in range(5):
                one = sign_up(retailer, f"{number}@example.com")
                consent(one, True)
                one.submitted_at = timezone.now() - timedelta(days=number)
                one.save()
        pk = connect(retailer, "New")
        with tenant_context(retailer):
            connection = Connection.objects.get(pk=pk)
            since = timezone.now() - timedelta(days=9)
            assert outbox.earlier(connection, timezone.now()).count() == 0
            assert outbox.backfill(connection, since) == 5
            rows = Delivery.objects.order_by("due_at", "id").select_related("signup")
            gaps = [round((row.due_at - rows[0].due_at).total_seconds()) for row in rows]
            assert gaps == [0, 0, 10, 10, 20]
            moments = [row.signup.submitted_at for row in rows]
            assert moments == sorted(moments), "the oldest go first"
