"""What a CRM changes is found at night, told once, and takes nothing away meanwhile."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from django.utils import timezone as clock
from django_tenants.utils import tenant_context

from integrations import drift
from integrations.connectors.base import Attribute, ConsentTarget
from integrations.connectors.sandbox import SandboxConnector
from integrations.consent_rows import ConsentRow
from integrations.mapping import MappingRow
from integrations.models import Connection, Mail
from integrations.tasks import http
from integrations.tests.forms import posted
from integrations.tests.hostile import Hostile
from integrations.transforms import Transform

NAME = Attribute("name", "Name", "string")
TIER = Attribute("tier", "Tier", "choice", options=(("G", "Gold"), ("S", "Silver")))
ROWS = (MappingRow("meaning:first_name", "name"), MappingRow("field:t", "tier"))
TYPES = {"meaning:first_name": "text", "field:t": "choice"}


def found(now, before=(NAME, TIER), rows=ROWS):
    return {one["code"]: one for one in drift.findings(rows, TYPES, before, now)}


# what counts


def test_what_stays_as_it_was_is_no_finding():
    assert found([NAME, TIER]) == {}
    more = Attribute("new", "New", "number")
    assert found([NAME, TIER, more], before=[NAME, TIER, replace(more, type="date")]) == {}


def test_an_attribute_that_is_gone_is_found_where_it_is_mapped():
    finding = found([TIER])["gone"]
    assert finding == {
        "code": "gone",
        "attribute": "name",
        "label": "Name",
        "text": "“Name” is no longer there.",
    }
    assert found([TIER], rows=ROWS[1:]) == {}


def test_an_attribute_with_a_new_name_is_told_from_one_that_is_gone():
    finding = found([replace(NAME, name="full_name"), TIER])["renamed"]
    assert finding["attribute"] == "name" and "full_name" in finding["text"]
    assert "gone" in found([replace(NAME, name="full_name", type="number"), TIER])


def test_a_new_label_alone_is_no_finding():
    assert found([replace(NAME, label="Given name"), TIER]) == {}


def test_a_new_type_is_found_and_said_where_it_no_longer_fits():
    finding = found([replace(NAME, type="boolean"), TIER])["type"]
    assert finding["text"] == "“Name” holds something else now."
    types = {**TYPES, "meaning:first_name": "birthday"}
    now = [replace(NAME, type="number"), TIER]
    (finding,) = drift.findings(ROWS, types, [NAME, TIER], now)
    assert "a birthday can't go there" in finding["text"]
    assert found([replace(NAME, type="text"), TIER]) == {}


def test_what_never_fitted_is_found_whenever_it_is_looked_at():
    now = [replace(NAME, type="date")]
    (finding,) = drift.findings(ROWS[:1], {"meaning:first_name": "phone"}, now, now)
    assert finding["code"] == "type" and "can't take" in finding["text"]


def test_an_attribute_that_can_no_longer_be_written_is_found():
    assert list(found([replace(NAME, writable=False), TIER])) == ["locked"]


def test_options_that_went_are_found_where_something_is_sent_there():
    less = replace(TIER, options=(("S", "Silver"),))
    assert found([NAME, less])["options"]["text"] == "“Tier” no longer knows Gold."
    assert found([NAME, less], rows=ROWS[:1]) == {}
    assert found([NAME, replace(TIER, options=(("1", "Gold"), ("S", "Silver")))]) == {}
    assert found([NAME, replace(TIER, options=())]) == {}


def test_of_a_table_only_the_options_it_names_matter():
    less = replace(TIER, options=(("S", "Silver"),))
    table = Transform("options", table=(("o-1", "Silver"),))
    assert found([NAME, less], rows=[replace(ROWS[1], transform=table)]) == {}
    table = Transform("options", table=(("o-1", "G"),))
    assert list(found([NAME, less], rows=[replace(ROWS[1], transform=table)])) == ["options"]


def test_what_became_required_is_found_if_nothing_fills_it():
    shop = Attribute("shop", "Shop", "string", required=True)
    assert "nothing fills it" in found([NAME, TIER, shop])["required"]["text"]
    assert found([NAME, TIER, shop], before=[NAME, TIER, shop]) == {}
    row = MappingRow("", "shop", transform=Transform("constant", "Till"))
    assert found([NAME, TIER, shop], rows=[*ROWS, row]) == {}


def test_a_list_that_is_gone_is_found():
    rows = [ConsentRow("c", "l-1"), ConsentRow("c", "l-2"), ConsentRow("d", "l-1")]
    (finding,) = drift.lost_lists(rows, [ConsentTarget("l-2", "News")])
    assert (finding["code"], finding["attribute"]) == ("list", "l-1")


# the look at night


@pytest.fixture
def midday(monkeypatch):
    """Everybody's turn has come."""
    monkeypatch.setattr(drift, "first_hour", lambda schema: 0)


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk)


def change(retailer, pk, **values):
    with tenant_context(retailer):
        Connection.objects.filter(pk=pk).update(**values)


def look(retailer):
    with tenant_context(retailer):
        return drift.look_at_all(http())


def mails(retailer):
    with tenant_context(retailer):
        return list(Mail.objects.filter(kind="crm_changed").order_by("pk"))


def forget_the_look(retailer):
    with tenant_context(retailer):
        Connection.objects.update(looked_at=clock.now() - timedelta(days=2))


def test_a_crm_that_changed_nothing_is_noted_and_nobody_is_told(
    retailers, visitor, connect, midday
):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        visitor(retailer)
        known = stored(retailer, pk).attributes
        assert look(retailer) == 1
        connection = stored(retailer, pk)
        assert connection.drift == [] and connection.looked_at and connection.attributes == known
        assert mails(retailer) == []
        assert look(retailer) == 0, "one look a night is enough"


def test_a_finding_is_kept_shown_and_mailed_once(retailers, visitor, connect, midday):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        row = {"source": "meaning:email", "attribute": "shoe_size", "mode": "overwrite"}
        change(retailer, pk, mapping=[*stored(retailer, pk).mapping, row])
        before = stored(retailer, pk)
        look(retailer)
        connection = stored(retailer, pk)
        assert [one["code"] for one in connection.drift] == ["gone"]
        assert (connection.mapping, connection.state) == (before.mapping, "active")
        told = "“shoe_size” is no longer there."
        assert told in owner.read(f"{pk}/") and told in owner.read(f"{pk}/mapping/")
        sent = mails(retailer)
        assert sent and {mail.context["connection_id"] for mail in sent} == {pk}
        assert sent[0].context["findings"] == [told]
        forget_the_look(retailer)
        look(retailer)
        assert len(mails(retailer)) == len(sent), "told once"
        other = {**row, "attribute": "hat_size"}
        change(retailer, pk, mapping=[*stored(retailer, pk).mapping, other])
        forget_the_look(retailer)
        look(retailer)
        new = mails(retailer)[len(sent) :]
        assert new and new[0].context["findings"] == ["“hat_size” is no longer there."]


def test_what_the_mapping_was_saved_against_stays_as_long_as_there_is_a_finding(
    retailers, visitor, connect, midday
):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        attributes = stored(retailer, pk).attributes
        old = [{**one, "type": "number"} if one["name"] == "email" else one for one in attributes]
        change(retailer, pk, attributes=old)
        look(retailer)
        assert stored(retailer, pk).attributes == old
        assert [one["code"] for one in stored(retailer, pk).drift] == ["type"]


def test_saving_the_mapping_settles_what_it_mends(retailers, visitor, connect, midday):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        row = {"source": "meaning:email", "attribute": "shoe_size", "mode": "overwrite"}
        change(retailer, pk, mapping=[row])
        look(retailer)
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/")))
        assert [one["code"] for one in stored(retailer, pk).drift] == ["gone"], "kept, so still so"
        mend = {"meaning:email": {"attribute": "E-mail"}}
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/"), **mend))
        assert stored(retailer, pk).drift == []


def test_one_that_fails_stops_no_other_and_is_looked_at_again(
    retailers, visitor, connect, midday, caplog
):
    for retailer in retailers:
        dead, unread, odd = (connect(retailer, name) for name in ("A", "B", "C"))
        well = connect(retailer, "D")
        change(retailer, dead, config={"base_url": "http://127.0.0.1:9"})
        change(retailer, unread, mapping=[{"bad": 1}])
        change(retailer, odd, config={})  # a defect: the connector finds no address
        assert look(retailer) == 1
        assert stored(retailer, well).looked_at is not None
        for pk in (dead, unread, odd):
            assert stored(retailer, pk).looked_at is None and stored(retailer, pk).drift == []
        assert "The look at a sandbox failed: KeyError" in caplog.text


def test_who_is_switched_off_is_left_alone(retailers, visitor, connect, midday):
    for retailer in retailers:
        change(retailer, connect(retailer, "Ours"), state="off")
        assert look(retailer) == 0


def test_what_was_saved_while_the_crm_was_asked_is_not_written_over(
    retailers, visitor, connect, monkeypatch
):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        describe = SandboxConnector.describe

        def slow(self):
            change(retailer, pk, mapping=[])
            return describe(self)

        with tenant_context(retailer):
            connection = Connection.objects.get(pk=pk)
            with monkeypatch.context() as patch:
                patch.setattr(SandboxConnector, "describe", slow)
                drift.look(connection, http())
        assert stored(retailer, pk).looked_at is None


def test_a_list_of_the_crm_that_went_is_found_at_night(retailers, visitor, connect, monkeypatch):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        change(retailer, pk, consents=[{"consent": "purpose:marketing", "target": "l-9"}])
        monkeypatch.setattr(SandboxConnector, "consent_targets", lambda self: [])
        with tenant_context(retailer):
            found_now = drift.look(Connection.objects.get(pk=pk), http())
        assert [one["code"] for one in found_now] == ["list"]


def test_another_account_is_held_against_the_mapping_at_once(retailers, visitor, connect):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        with tenant_context(retailer):
            connection = Connection.objects.get(pk=pk)
            drift.take_over(connection, [NAME])
            assert {"gone"} == {one["code"] for one in connection.drift}
            assert [one.name for one in connection.described] == ["name"]
            connection.mapping = [{"bad": 1}]
            drift.take_over(connection, [TIER])
            assert connection.drift == []


def test_a_receiver_of_any_name_never_drifts(retailers, visitor):
    for retailer in retailers:
        with Hostile() as server, tenant_context(retailer):
            row = {"source": "meaning:email", "attribute": "mail", "mode": "overwrite"}
            connection = Connection.objects.create(
                kind="webhook", name="Hook", config={"url": server.url()}, mapping=[row]
            )
            assert drift.look(connection, http()) == []
            assert drift.after_saving(connection) == []


def test_the_night_is_shared_out(retailers, visitor, connect, monkeypatch):
    hours = {drift.first_hour(f"shop_{number}") for number in range(200)}
    assert hours == set(range(drift.NIGHT))
    retailer = retailers[0]
    connect(retailer, "Ours")
    turn = drift.first_hour(retailer.schema_name)
    for hour in range(drift.NIGHT):
        moment = datetime(2026, 11, 24, hour, 25, tzinfo=timezone.utc)
        monkeypatch.setattr(drift.timezone, "now", lambda moment=moment: moment)
        assert look(retailer) == (1 if hour == turn else 0)
