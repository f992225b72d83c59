"""What the CRM stops: told by mail, seen on every page, kept, and checked before it goes on."""

import pytest
from django.contrib.auth.models import Group
from django_tenants.utils import tenant_context

from integrations import mail
from integrations.admin import states
from integrations.banners import Banner, banners_for
from integrations.delivery import drain
from integrations.models import Connection, Delivery, Mail
from integrations.pauses import pause
from integrations.tasks import http
from integrations.tests.conftest import sign_up


@pytest.fixture
def refused(retailers, connect):
    """Of each retailer a connection whose key was withdrawn, with a sign-up that waits."""
    made = {}
    for retailer in retailers:
        pk = connect(retailer, f"CRM of {retailer.name}")
        sign_up(retailer)
        with tenant_context(retailer):
            good = Connection.objects.get(pk=pk).secrets
            Connection.objects.filter(pk=pk).update(secrets={"api_key": "withdrawn-key"})
            drain(pk, http())
        made[retailer.slug] = (pk, good)
    return made


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk)


def test_refused_credentials_pause_tell_the_owners_once_and_keep_the_queue(retailers, refused):
    for retailer in retailers:
        pk, _ = refused[retailer.slug]
        connection = stored(retailer, pk)
        assert (connection.state, connection.paused_by) == ("paused", "invalid_api_key")
        assert states.stopped_by_the_crm(connection)
        with tenant_context(retailer):
            drain(pk, http())
            assert pause(connection, "x", "again") is False, "it is paused already"
            mail = Mail.objects.get()
            assert (mail.kind, mail.to) == ("connection_paused", f"owner@{retailer.slug}.test")
            assert mail.context["connection"] == connection.name
            assert "withdrawn-key" not in str(mail.context)
            assert Delivery.objects.get().state == "due"


def test_each_pause_is_told_anew(retailers, refused):
    for retailer in retailers:
        pk, _ = refused[retailer.slug]
        with tenant_context(retailer):
            states.change(Connection.objects.get(pk=pk), "resume")
            drain(pk, http())
            assert Mail.objects.count() == 2


def test_it_stands_on_every_page_of_those_who_can_mend_it(retailers, refused, visitor):
    for retailer in retailers:
        owner, viewer = visitor(retailer), visitor(retailer, "Viewers")
        words = f"CRM of {retailer.name} no longer lets us in."
        for path in ("", "crm/", "signups/", "reports/site-history/"):
            answer = owner.client.get(f"/admin/{path}")
            assert answer.text.count(words) == 1, path
            assert f"/admin/crm/{refused[retailer.slug][0]}/" in answer.text
        assert words not in viewer.client.get("/admin/").text
    others = {r.name for r in retailers} - {retailers[0].name}
    assert not any(name in visitor(retailers[0]).client.get("/admin/").text for name in others)


def test_a_pause_by_hand_is_no_alarm(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/pause/")
        assert stored(retailer, pk).paused_by == "hand"
        assert "no longer lets us in" not in owner.client.get("/admin/").text
        with tenant_context(retailer):
            assert not Mail.objects.exists()


def test_what_is_still_refused_stays_paused(retailers, refused, visitor):
    for retailer in retailers:
        (pk, good), owner = refused[retailer.slug], visitor(retailer)
        answer = owner.post(f"{pk}/resume/", follow=True)
        assert "Not resumed. The CRM refused us." in answer.text
        assert "withdrawn-key" not in answer.text
        assert stored(retailer, pk).state == "paused"
        with tenant_context(retailer):
            Connection.objects.filter(pk=pk).update(secrets=good)
        assert "whatever was waiting is on its way" in owner.post(f"{pk}/resume/", follow=True).text
        connection = stored(retailer, pk)
        assert (connection.state, connection.paused_by, connection.failures) == ("active", "", 0)
        with tenant_context(retailer):
            drain(pk, http())
            assert Delivery.objects.get().state == "delivered"
        assert "no longer lets us in" not in owner.client.get("/admin/").text


def test_a_crm_that_is_merely_down_can_be_resumed(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/pause/")
        with tenant_context(retailer):
            Connection.objects.update(config={"base_url": "http://127.0.0.1:1"})
        owner.post(f"{pk}/resume/")
        assert stored(retailer, pk).state == "active"


def test_a_mapping_that_cannot_be_read_is_mended_before_it_goes_on(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        with tenant_context(retailer):
            Connection.objects.update(mapping=[{"nonsense": True}])
            sign_up(retailer)
            drain(pk, http())
        assert "First choose what goes where" in owner.post(f"{pk}/resume/", follow=True).text
        assert "is paused: what goes where can&#x27;t be read." in owner.get("").text
        with tenant_context(retailer):
            told = mail.render("connection_paused", Mail.objects.first().context)
            assert told.subject == "Ours is paused" and f"/admin/crm/{pk}/mapping/" in told.html
        assert (
            f'href="/admin/crm/{pk}/mapping/">Choose what goes where</a>'
            in owner.get(f"{pk}/").text
        )
        assert stored(retailer, pk).state == "paused"


def test_a_connection_that_does_not_answer_is_said_to(retailers, visitor, connect):
    from datetime import timedelta

    from django.utils import timezone

    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        with tenant_context(retailer):
            soon = timezone.now() + timedelta(minutes=4)
            Connection.objects.update(failures=3, not_before=soon)
        assert "Not answering The CRM doesn't answer. Nothing is lost" in owner.read()
        assert "Not answering" in owner.read(f"{pk}/")


def test_banners_are_sorted_by_how_urgent_they_are_and_ask_for_a_login(retailers, rf, monkeypatch):
    tones = [Banner(tone, tone) for tone in ("info", "critical", "warning")]
    monkeypatch.setattr("integrations.banners.hooks.get_hooks", lambda name: [lambda r: tones])
    request = rf.get("/")
    assert banners_for(None) == banners_for(request) == []
    request.user = Group()
    request.user.is_authenticated = False
    assert banners_for(request) == []
    request.user.is_authenticated = True
    assert [one.tone for one in banners_for(request)] == ["critical", "warning", "info"]
