"""What the CRM stops: told by mail, seen on every page, kept, and checked before it goes on."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db.models import F
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import drift, mail
from integrations.admin import states
from integrations.banners import Banner, banners_for
from integrations.connectors.base import CredentialsRefused
from integrations.connectors.sandbox import SandboxConnector
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


# at night


@pytest.fixture
def night(monkeypatch):
    """The nightly look at all connections of a retailer, whose turn has come."""
    monkeypatch.setattr(drift, "first_hour", lambda schema: 0)

    def look(retailer):
        with tenant_context(retailer):
            Connection.objects.update(looked_at=None)
            drift.look_at_all(http())

    return look


def letters(retailer, days_later=0):
    """How many were written by now; as if that were some days ago."""
    with tenant_context(retailer):
        every = Mail.objects.filter(kind="connection_paused")
        every.update(created_at=F("created_at") - timedelta(days=days_later))
        return every.count()


def let_in(retailer, good, **values):
    with tenant_context(retailer):
        Connection.objects.update(secrets=good, **values)


def test_what_the_crm_lets_in_again_goes_on_by_itself(retailers, refused, night, rung, visitor):
    for retailer in retailers:
        (pk, good), owner = refused[retailer.slug], visitor(retailer)
        let_in(retailer, good)
        rung()
        with owner.commits() as callbacks:
            night(retailer)
        with tenant_context(retailer):
            for callback in callbacks:
                callback()
        assert rung() == [(retailer.schema_name, pk)]
        connection = stored(retailer, pk)
        assert (connection.state, connection.paused_by) == ("active", "")
        with tenant_context(retailer):
            drain(pk, http())
            assert Delivery.objects.get().state == "delivered"
        assert "Connection resumed: the CRM lets us in again" in owner.client.get(
            "/admin/reports/site-history/"
        ).text
        assert letters(retailer) == 1


def test_while_it_is_refused_the_owners_are_reminded_once_a_week(retailers, refused, night):
    for retailer in retailers:
        pk, _ = refused[retailer.slug]
        night(retailer)
        assert letters(retailer, days_later=6) == 1
        night(retailer)
        assert letters(retailer, days_later=2) == 1
        for _ in range(3):
            night(retailer)
        assert letters(retailer) == 2
        assert stored(retailer, pk).state == "paused"
        with tenant_context(retailer):
            first, second = (one.context for one in Mail.objects.order_by("pk"))
            assert first == second
            assert "once a week" in mail.render("connection_paused", second).text


def test_a_crm_that_lets_us_look_but_not_deliver_is_told_once_a_week(
    retailers, refused, night, monkeypatch
):
    def refuse(self, records):
        raise CredentialsRefused("read_only", "This key may only read.")

    for retailer in retailers:
        pk, good = refused[retailer.slug]
        let_in(retailer, good)
        with monkeypatch.context() as patch, tenant_context(retailer):
            patch.setattr(SandboxConnector, "upsert", refuse)
            for days, so_far in ((1, 1), (1, 1), (6, 1), (1, 2), (1, 2)):
                night(retailer)
                assert stored(retailer, pk).state == "active"
                drain(pk, http())
                assert stored(retailer, pk).paused_by == "read_only"
                assert letters(retailer, days) == so_far
        night(retailer)
        with tenant_context(retailer):
            drain(pk, http())
            assert Delivery.objects.get().state == "delivered"
            sign_up(retailer)
            pause(stored(retailer, pk), "x", "A new one, after things had gone well.")
        assert letters(retailer) == 3


def test_who_may_look_but_not_write_is_not_let_in(retailers, refused, night, monkeypatch):
    def lacking(self):
        raise CredentialsRefused("missing_rights", "It may not write.")

    monkeypatch.setattr(SandboxConnector, "check", lacking)
    for retailer in retailers:
        pk, good = refused[retailer.slug]
        let_in(retailer, good)
        night(retailer)
        assert stored(retailer, pk).state == "paused"


def test_what_is_refused_while_the_night_looks_waits_for_the_next_one(
    retailers, connect, night, monkeypatch
):
    describe = SandboxConnector.describe

    def meanwhile(self):
        pause(Connection.objects.get(), "read_only", "This key may only read.")
        return describe(self)

    for retailer in retailers:
        pk = connect(retailer, "Ours")
        with monkeypatch.context() as patch:
            patch.setattr(SandboxConnector, "describe", meanwhile)
            night(retailer)
        assert stored(retailer, pk).paused_by == "read_only"
        night(retailer)
        assert stored(retailer, pk).state == "active"


def test_what_a_person_paused_stays_paused(retailers, visitor, connect, night):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/pause/")
        night(retailer)
        assert (stored(retailer, pk).state, stored(retailer, pk).paused_by) == ("paused", "hand")
        assert letters(retailer) == 0


@pytest.mark.parametrize("what", ["pause", "switch_off"])
def test_a_person_who_is_faster_than_the_night_has_the_last_word(
    retailers, refused, night, monkeypatch, what
):
    describe = SandboxConnector.describe

    def meanwhile(self):
        states.change(Connection.objects.get(), "resume")
        states.change(Connection.objects.get(), what)
        return describe(self)

    for retailer in retailers:
        pk, good = refused[retailer.slug]
        let_in(retailer, good)
        with monkeypatch.context() as patch:
            patch.setattr(SandboxConnector, "describe", meanwhile)
            night(retailer)
        assert stored(retailer, pk).state == {"pause": "paused", "switch_off": "off"}[what]


def test_a_mapping_that_cannot_be_read_stays_paused(retailers, connect, night):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        with tenant_context(retailer):
            good = Connection.objects.get().mapping
            Connection.objects.update(mapping=[{"nonsense": True}])
            sign_up(retailer)
            drain(pk, http())
        night(retailer)
        assert stored(retailer, pk).paused_by == "mapping"
        let_in(retailer, stored(retailer, pk).secrets, mapping=good)
        night(retailer)
        assert stored(retailer, pk).paused_by == "mapping", "a person has to look it over"
        let_in(retailer, stored(retailer, pk).secrets, paused_by="auth", mapping=[{"bad": 1}])
        night(retailer)
        assert stored(retailer, pk).state == "paused", "refused, and the mapping is broken too"
