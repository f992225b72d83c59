"""The test goes the way of every sign-up, shows what became of it, and cleans up after itself."""

import re

import pytest
from django_tenants.utils import tenant_context

from integrations import send_test
from integrations.admin.connecting import store
from integrations.admin.probe import Probed
from integrations.connectors.base import (
    Account,
    Attribute,
    MappedValue,
    NeedsAttention,
    TryLater,
)
from integrations.connectors.sandbox import SandboxConnector
from integrations.http import Http
from integrations.http_answer import Unreachable
from integrations.models import Connection, Delivery
from integrations.patience import Patience
from integrations.tests.conftest import words_of
from integrations.tests.hostile import Hostile
from integrations.tests.test_mapping import answer, signup


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk)


def contacts(connection):
    url, key = connection.config["base_url"], connection.secrets["api_key"]
    answered = Http(allow_private=True).request(
        "GET", f"{url}api/v1/contacts", headers={"Authorization": f"Bearer {key}"}
    )
    return answered.json()["contacts"]


def with_mark(connection):
    return [one for one in contacts(connection) if send_test.MARK in one["attributes"]["email"]]


@pytest.fixture
def tested(retailers, visitor, connect):
    """For each retailer: (retailer, connection's id, visitor) after a test."""

    def run():
        for retailer in retailers:
            pk, owner = connect(retailer, "Ours"), visitor(retailer)
            before = len(with_mark(stored(retailer, pk)))
            owner.post(f"{pk}/test/", {"action": "send"})
            assert len(with_mark(stored(retailer, pk))) == before + 1
            yield retailer, pk, owner

    return run


def test_the_page_says_what_will_happen_and_sends_nothing_yet(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        before = len(contacts(stored(retailer, pk)))
        words = owner.read(f"{pk}/test/")
        assert "See it arrive in Ours" in words and "We read it back" in words
        assert len(contacts(stored(retailer, pk))) == before


def test_a_test_arrives_marked_and_is_compared_field_by_field(tested):
    for retailer, pk, owner in tested():
        contact = with_mark(stored(retailer, pk))[0]
        attributes = contact["attributes"]
        assert "CustomerInfo test" in attributes["tags"]
        assert (attributes["first_name"], attributes["last_name"]) == ("Test", "CustomerInfo")
        words = owner.read(f"{pk}/test/")
        assert "It arrived, exactly as sent" in words
        assert f"E-mail {attributes['email']} {attributes['email']} Same" in words
        assert f'href="{contact["url"]}"' in owner.get(f"{pk}/test/").text


def test_a_test_is_no_sign_up_of_ours(tested):
    for retailer, pk, owner in tested():
        with tenant_context(retailer):
            assert not Delivery.objects.exists()


def test_reloading_the_page_sends_nothing_more(tested):
    for retailer, pk, owner in tested():
        before = len(contacts(stored(retailer, pk)))
        for _ in range(2):
            owner.read(f"{pk}/test/")
        assert len(contacts(stored(retailer, pk))) == before


def test_the_contact_of_the_test_is_deleted_and_no_other(tested):
    for retailer, pk, owner in tested():
        connection = stored(retailer, pk)
        ids = {one["id"] for one in contacts(connection)}
        answered = owner.post(f"{pk}/test/", {"action": "delete"}, follow=True)
        assert "The test contact is deleted." in answered.text
        gone = ids - {one["id"] for one in contacts(connection)}
        assert len(gone) == 1 and "See it arrive in Ours" in words_of(answered)
        answered = owner.post(f"{pk}/test/", {"action": "delete"}, follow=True)
        assert "There is no test contact to delete." in answered.text


def test_a_test_of_the_old_account_deletes_nobody_in_the_new_one(tested):
    for retailer, pk, owner in tested():
        with tenant_context(retailer):
            store(Connection.objects.get(pk=pk), Probed(Account("Another"), ()))
        answered = owner.post(f"{pk}/test/", {"action": "delete"}, follow=True)
        assert "There is no test contact to delete." in answered.text
        assert with_mark(stored(retailer, pk))


def test_nobody_deletes_what_somebody_else_tested(tested, visitor):
    for retailer, pk, owner in tested():
        other = visitor(retailer)
        answered = other.post(f"{pk}/test/", {"action": "delete"}, follow=True)
        assert "There is no test contact to delete." in answered.text
        assert with_mark(stored(retailer, pk))


def test_a_contact_that_is_gone_already_counts_as_deleted(tested):
    for retailer, pk, owner in tested():
        connection = stored(retailer, pk)
        contact = with_mark(connection)[0]
        send_test.delete(connection, contact["id"])
        answered = owner.post(f"{pk}/test/", {"action": "delete"}, follow=True)
        assert "The test contact is deleted." in answered.text


def test_who_may_not_change_the_connection_cannot_test_it(retailers, visitor, connect):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        before = len(contacts(stored(retailer, pk)))
        visitor(retailer, "Editors").post(f"{pk}/test/", {"action": "send"})
        assert len(contacts(stored(retailer, pk))) == before


def test_a_difference_is_shown_beside_what_was_sent(retailers, visitor, connect, monkeypatch):
    def changed(self, remote_id, names):
        return {name: "other" if name == "first_name" else None for name in names}

    monkeypatch.setattr(SandboxConnector, "read_back", changed)
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/test/", {"action": "send"})
        words = owner.read(f"{pk}/test/")
        assert (
            "First name Test other Different" in words and "Last name CustomerInfo nothing" in words
        )
        assert re.search(r"It arrived, with \d+ differences", words)


def test_a_refusal_is_told_in_the_crms_words_without_the_key(
    retailers, visitor, connect, monkeypatch
):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        key = stored(retailer, pk).secrets["api_key"]

        def refuse(self, records):
            return {records[0].ref: NeedsAttention("bad", f"{key} may not do that.")}

        with monkeypatch.context() as patch:
            patch.setattr(SandboxConnector, "upsert", refuse)
            owner.post(f"{pk}/test/", {"action": "send"})
        words = owner.read(f"{pk}/test/")
        assert "The test didn't arrive" in words and "••• may not do that." in words
        assert "Delete the test contact" not in words


def test_a_crm_that_is_down_is_told_kindly(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        with tenant_context(retailer):
            Connection.objects.filter(pk=pk).update(config={"base_url": "http://127.0.0.1:9"})
        owner.post(f"{pk}/test/", {"action": "send"})
        words = owner.read(f"{pk}/test/")
        assert "The test didn't arrive" in words
        assert "The server doesn't accept connections." in words


def test_what_arrived_and_cant_be_read_back_is_said(retailers, visitor, connect, monkeypatch):
    def broken(self, remote_id, names):
        raise TryLater("timeout", "The other side took too long to answer.")

    monkeypatch.setattr(SandboxConnector, "read_back", broken)
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/test/", {"action": "send"})
        words = owner.read(f"{pk}/test/")
        assert "It couldn't be read back: The other side took too long" in words
        assert "Delete the test contact" in words


def test_a_deletion_that_fails_is_said_and_can_be_tried_again(tested, monkeypatch):
    def broken(self, remote_id):
        raise TryLater("timeout", "The other side took too long to answer.")

    for retailer, pk, owner in tested():
        with monkeypatch.context() as patch:
            patch.setattr(SandboxConnector, "delete", broken)
            answered = owner.post(f"{pk}/test/", {"action": "delete"}, follow=True)
        assert "took too long" in answered.text
        answered = owner.post(f"{pk}/test/", {"action": "delete"}, follow=True)
        assert "The test contact is deleted." in answered.text


def test_a_receiver_that_says_nothing_back_is_sent_to_all_the_same(retailers, visitor):
    for retailer in retailers:
        owner = visitor(retailer)
        with Hostile() as server:
            for _ in ("the ping", "the test"):
                server.answers(204, b"")
            secret = owner.get("connect/webhook/").context["form"]["config_secret"].value()
            data = {"name": "Hook", "config_url": server.url(), "config_secret": secret}
            owner.post("connect/webhook/", data)
            with tenant_context(retailer):
                pk = Connection.objects.get().pk
            assert "doesn't let us read what it holds" in owner.read(f"{pk}/test/")
            owner.post(f"{pk}/test/", {"action": "send"})
        words = owner.read(f"{pk}/test/")
        assert "It arrived" in words and "It couldn't be read back" in words
        assert "Delete the test contact" not in words


def test_a_mapping_that_cant_be_read_is_told(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        with tenant_context(retailer):
            Connection.objects.filter(pk=pk).update(mapping=[{"bad": 1}])
        answered = owner.post(f"{pk}/test/", {"action": "send"}, follow=True)
        assert "First choose what goes where" in answered.text


# the person


def test_the_person_of_a_test_is_nobodys_and_never_twice_the_same():
    data = signup(
        answer("email", "a@b.example"), answer("mobile", "+31612345678"), answer("x", "y")
    )
    people = [send_test.test_person(data, "sam+shop@acorn.test") for _ in range(3)]
    emails = [person.answers[0].value for person in people]
    assert len(set(emails)) == 3 and len({person.id for person in people}) == 3
    for person in people:
        email, mobile, other = (one.value for one in person.answers)
        assert re.fullmatch(r"sam\+customerinfo-test-[0-9a-f]{6}@acorn\.test", email)
        assert re.fullmatch(r"\+120255501\d\d", mobile) and other == "y"
        assert person.is_test


# comparing


@pytest.mark.parametrize(
    "kind, sent, held, same",
    [
        ("string", "Ann  Lee", "Ann Lee", True),
        ("string", "Ann", "ann", False),
        ("string", "Ann", None, False),
        ("string", "", None, True),
        ("email", "Ann@B.example", "ann@b.example", True),
        ("boolean", True, "true", True),
        ("boolean", False, "No", True),
        ("boolean", True, "", False),
        ("number", 5, "5.0", True),
        ("number", 5, "five", False),
        ("date", "1990-05-17", "1990-05-17T00:00:00Z", True),
        ("date", "1990-05-17", "1990-05-18", False),
        ("phone", "+31612345678", "+31 6 1234 5678", True),
        ("choice", "G", "Gold", True),
        ("choice", "G", "Silver", False),
        ("list", ["G"], "Silver;Gold", True),
        ("list", ["G", "S"], ["G"], False),
    ],
)
def test_what_the_crm_holds_is_compared_in_its_own_way_of_writing(kind, sent, held, same):
    attribute = Attribute("x", "X", kind, options=(("G", "Gold"), ("S", "Silver")))
    (line,) = send_test.compare({"x": MappedValue(sent)}, {"x": held}, [attribute])
    assert line.same is same


def test_without_a_type_values_are_compared_as_they_are():
    assert send_test.is_same(["a", "b"], "b, a", None) and send_test.is_same(True, True, None)
    assert not send_test.is_same("a", "b", None) and send_test.is_same(3, "3", None)


# patience


def test_no_call_begins_when_the_time_is_over(settings):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    with Hostile() as server:
        server.answers(200, b"{}")
        with Patience(30) as http:
            assert http.request("GET", server.url()).status == 200
            assert http.allow_private is True
        with Patience(0) as http, pytest.raises(Unreachable) as error:
            http.request("GET", server.url())
        assert error.value.code == "timeout" and len(server.seen) == 1
