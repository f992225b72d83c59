"""The page of a connection: what became of each sign-up, and the buttons that change something."""

from datetime import timedelta

from django.contrib.auth.models import Group
from django.utils import timezone
from django_tenants.utils import tenant_context
from wagtail.models import ModelLogEntry

from integrations.admin import connection_page
from integrations.delivery import drain
from integrations.models import Attempt, Connection, Delivery
from integrations.tasks import http
from integrations.tests.conftest import sign_up, words_of


def deliver(retailer, pk):
    with tenant_context(retailer):
        drain(pk, http())


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk)


def states(retailer):
    with tenant_context(retailer):
        return sorted(Delivery.objects.values_list("state", flat=True))


def test_the_list_counts_each_retailers_own_deliveries(retailers, visitor, connect):
    for number, retailer in enumerate(retailers, start=1):
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        assert "Active 0 0 0 Nothing yet" in owner.read()
        for person in range(number):
            sign_up(retailer, f"{person}@example.com")
        sign_up(retailer, "no address")
        deliver(retailer, pk)
        sign_up(retailer, "later@example.com")
        assert f"Active 1 {number} 1 Just now" in owner.read()


def test_the_page_counts_and_logs_what_happened(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        assert "Nothing was sent yet." in owner.read(f"{pk}/")
        good, bad = sign_up(retailer), sign_up(retailer, "no address", first_name="Bob")
        deliver(retailer, pk)
        page = owner.get(f"{pk}/")
        words = words_of(page)
        assert "Waiting 0 Delivered 1 Needs attention 1 Last delivery Just now" in words
        assert "Ann Lee Delivered See it in the CRM" in words
        assert "Bob Lee Needs attention" in words and "invalid_email" in words
        for signup in (good, bad):
            assert f"/admin/signups/inspect/{signup.pk}/" in page.text
        with tenant_context(retailer):
            assert Delivery.objects.get(signup=good).remote_url in page.text


def test_the_log_stops_at_the_newest_lines(retailers, visitor, connect, monkeypatch):
    monkeypatch.setattr(connection_page, "LOG_LINES", 3)
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        sign_up(retailer)
        with tenant_context(retailer):
            delivery, now = Delivery.objects.get(), timezone.now()
            for number in range(5):
                Attempt.objects.create(
                    delivery=delivery,
                    at=now - timedelta(hours=number),
                    outcome="retry" if number else "levitated",
                    message=f"Try {number}",
                )
        words = visitor(retailer).read(f"{pk}/")
        assert "Try 2" in words and "Try 3" not in words
        assert words.index("Try 0") < words.index("Try 1")
        assert "levitated" in words and "Tried again later" in words


def test_a_link_that_is_no_web_address_is_not_one(retailers, visitor, connect):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        sign_up(retailer)
        deliver(retailer, pk)
        with tenant_context(retailer):
            Delivery.objects.update(remote_url="javascript:alert(1)")
        assert "javascript:alert" not in visitor(retailer).get(f"{pk}/").text


def test_who_may_not_see_sign_ups_sees_no_names(retailers, visitor, connect):
    for retailer in retailers:
        pk, reader = connect(retailer, "Ours"), visitor(retailer, "Viewers")
        signup = sign_up(retailer)
        deliver(retailer, pk)
        assert "Ann Lee" in reader.read(f"{pk}/")
        with tenant_context(retailer):
            group = Group.objects.get(name="Viewers")
            group.permissions.remove(group.permissions.get(codename="view_signup"))
        words = reader.read(f"{pk}/")
        assert "Ann Lee" not in words and str(signup.pk)[:8] in words


def test_without_a_page_for_sign_ups_names_stand_alone(retailers, visitor, connect, monkeypatch):
    monkeypatch.setattr(connection_page, "SIGNUP_URL", "nowhere:inspect")
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        sign_up(retailer)
        deliver(retailer, pk)
        page = visitor(retailer).get(f"{pk}/")
        assert "Ann Lee" in page.text and "/admin/signups/inspect/" not in page.text


def test_a_crm_that_asked_for_time_is_said_to_be_waited_for(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        with tenant_context(retailer):
            Connection.objects.update(not_before=timezone.now() + timedelta(hours=1))
        assert "Waiting The CRM can't take more now. Next try at" in owner.read()
        assert "The CRM can't take more now." in owner.read(f"{pk}/")


# pause and resume


def test_a_pause_keeps_sign_ups_and_resuming_rings(retailers, visitor, connect, rung):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/pause/")
        assert (stored(retailer, pk).state, stored(retailer, pk).state_reason) == (
            "paused",
            "Paused by hand.",
        )
        assert "Paused by hand. Sign-ups wait here until it is resumed." in owner.read(f"{pk}/")
        sign_up(retailer)
        deliver(retailer, pk)
        assert states(retailer) == ["due"]
        rung()
        answer = owner.post(f"{pk}/resume/", follow=True)
        assert "whatever was waiting is on its way" in answer.text
        assert stored(retailer, pk).state == "active"
        assert rung() == [(retailer.schema_name, pk)]
        deliver(retailer, pk)
        assert states(retailer) == ["delivered"]


def test_resuming_does_not_wait_for_what_was_put_off(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer)
        later = timezone.now() + timedelta(hours=1)
        with tenant_context(retailer):
            Connection.objects.update(not_before=later)
            Delivery.objects.update(due_at=later)
        owner.post(f"{pk}/pause/")
        owner.post(f"{pk}/resume/")
        deliver(retailer, pk)
        assert states(retailer) == ["delivered"]


def test_a_button_pressed_twice_does_it_once(retailers, visitor, connect, rung):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/resume/")  # it is active
        assert rung() == []
        owner.post(f"{pk}/switch-off/")
        owner.post(f"{pk}/switch-off/")
        owner.post(f"{pk}/pause/")  # it is off
        assert stored(retailer, pk).state == "off"


# sending again


def test_sending_again_takes_all_that_need_attention_and_no_other(
    retailers, visitor, connect, rung
):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer)
        for person in ("x", "y"):
            sign_up(retailer, person)
        deliver(retailer, pk)
        assert states(retailer) == ["delivered", "needs_attention", "needs_attention"]
        rung()
        answer = owner.post(f"{pk}/resend/", follow=True)
        assert "Sending 2 sign-ups again." in answer.text
        assert states(retailer) == ["delivered", "due", "due"]
        assert rung() == [(retailer.schema_name, pk)]


def test_sending_again_while_paused_waits_for_the_resume(retailers, visitor, connect, rung):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer, "x")
        deliver(retailer, pk)
        owner.post(f"{pk}/pause/")
        rung()
        answer = owner.post(f"{pk}/resend/", follow=True)
        assert "Sending 1 sign-up again as soon as the connection is resumed." in answer.text
        assert states(retailer) == ["due"] and rung() == []
        assert "Sending 0 sign-ups" in owner.post(f"{pk}/resend/", follow=True).text


# checking


def test_a_check_says_who_answered_or_why_nobody_did(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        assert "Connected to Shop " in owner.post(f"{pk}/check/", follow=True).text
        with tenant_context(retailer):
            Connection.objects.update(secrets={"api_key": "withdrawn-key"})
        answer = owner.post(f"{pk}/check/", follow=True)
        assert "The CRM refused us." in answer.text and "withdrawn-key" not in answer.text
        assert stored(retailer, pk).state == "active"


# switching off


def test_switching_off_asks_first_and_can_be_undone(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        assert "Switch off Ours?" in owner.read(f"{pk}/switch-off/")
        assert stored(retailer, pk).state == "active"
        answer = owner.post(f"{pk}/switch-off/", follow=True)
        assert "Ours is switched off." in answer.text
        words = owner.read(f"{pk}/")
        assert "New sign-ups aren't sent." in words and "Switch off this" not in words
        sign_up(retailer)
        assert states(retailer) == []
        assert "Switch on again" in words
        owner.post(f"{pk}/resume/")
        assert stored(retailer, pk).state == "active"


def test_what_was_done_stands_in_the_log_of_the_site(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        for path in ("pause", "resume", "switch-off"):
            owner.post(f"{pk}/{path}/")
        with tenant_context(retailer):
            entries = ModelLogEntry.objects.filter(label="Ours").order_by("timestamp")
            done = list(entries.values_list("action", flat=True))
            assert done == ["crm.pause", "crm.resume", "crm.switch_off"]
            assert "secret-key" not in str(list(entries.values()))
