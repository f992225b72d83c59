"""Rings, sweeps, and tasks that never work in the wrong schema."""

from datetime import timedelta

import pytest
from celery import current_app
from django.core.cache import cache
from django.db import connection as database
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context
from prometheus_client import REGISTRY

from integrations import doorbell, over_schemas, sweep, tasks
from integrations.encryption import EncryptedJSONField, box
from integrations.models import Connection, Delivery
from integrations.tenant_task import UnknownSchema


@pytest.fixture
def rung(monkeypatch):
    """What was asked for, as (schema, connection id): the broker is left out."""
    calls = []
    monkeypatch.setattr(
        tasks.drain_connection,
        "delay",
        lambda schema, connection_id: calls.append((schema, connection_id)),
    )
    return calls


def test_many_sign_ups_ring_once_until_a_drain_has_heard(retailers, rung):
    for retailer in retailers:
        with tenant_context(retailer):
            for _ in range(5):
                doorbell.ring(retailer.schema_name, [1, 2])
            doorbell.heard(1)
            doorbell.ring(retailer.schema_name, [1, 2])
    expected = [(r.schema_name, n) for r in retailers for n in (1, 2, 1)]
    assert rung == expected


@pytest.fixture
def broker_down(monkeypatch):
    """Nobody listens where messages are sent to."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
    current_app._after_fork()  # forgets the open connections
    yield
    monkeypatch.undo()
    current_app._after_fork()


def test_with_the_broker_down_a_ring_is_quiet_for_a_while_and_raises_nothing(
    retailers, broker_down, caplog
):
    acorn, birch = retailers
    with tenant_context(acorn):
        doorbell.ring(acorn.schema_name, [1])
        doorbell.ring(acorn.schema_name, [2])
    assert caplog.text.count("The broker can't be reached") == 1
    assert doorbell._quiet_until > 0
    with tenant_context(birch):
        assert cache.get(doorbell.key(1)) is None


def test_the_sweep_finds_due_and_stuck_work_of_every_retailer_in_one_query(
    retailers, connected, sign_up, rung, django_assert_max_num_queries
):
    acorn, birch = retailers
    due, stuck = connected(acorn), connected(birch)
    for retailer in retailers:
        sign_up(retailer, "ada@example.com")
    with tenant_context(birch):
        Delivery.objects.update(state=Delivery.State.SENDING)
    rung.clear()
    cache.clear()
    with django_assert_max_num_queries(6):
        assert sweep.sweep() == 2
    assert sorted(rung) == [(acorn.schema_name, due.pk), (birch.schema_name, stuck.pk)]
    assert database.schema_name == "public"


@pytest.mark.parametrize(
    "model, change",
    [
        (Delivery, {"state": "delivered"}),
        (Delivery, {"state": "needs_attention"}),
        (Delivery, {"due_at": timezone.now() + timedelta(hours=1)}),
        (Connection, {"state": "paused"}),
        (Connection, {"state": "off"}),
        (Connection, {"not_before": timezone.now() + timedelta(hours=1)}),
    ],
)
def test_the_sweep_leaves_alone_what_has_to_wait(
    model, change, retailers, connected, sign_up, rung
):
    acorn, birch = retailers
    connected(acorn)
    still_due = connected(birch)
    for retailer in retailers:
        sign_up(retailer, "ada@example.com")
    with tenant_context(acorn):
        model.objects.update(**change)
    cache.clear()
    rung.clear()
    assert sweep.sweep() == 1
    assert rung == [(birch.schema_name, still_due.pk)]


def test_the_sweep_skips_schemas_that_are_not_served(retailers, connected, sign_up, rung):
    acorn, birch = retailers
    connected(acorn)
    sign_up(acorn, "ada@example.com")
    acorn.schema_problem = "Tables are missing."
    acorn.save()
    cache.clear()
    assert sweep.sweep() == 0
    assert acorn.schema_name not in sweep.served_schemas()
    assert birch.schema_name in sweep.served_schemas()


def test_the_sweep_asks_for_many_schemas_in_few_queries(
    retailers, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(over_schemas, "SCHEMAS_A_QUERY", 1)
    with django_assert_num_queries(2 * 3):  # each in a transaction of its own
        assert sweep.find_work([r.schema_name for r in retailers]) == []


def test_a_schema_that_lacks_a_table_costs_nobody_else_the_sweep(
    retailers, connected, sign_up, rung, caplog
):
    acorn, birch = retailers
    here = connected(birch)
    for retailer in retailers:
        sign_up(retailer, "ada@example.com")
    cache.clear()
    rung.clear()
    with database.cursor() as cursor:
        cursor.execute(f"DROP TABLE {acorn.schema_name}.integrations_mail")
    assert sweep.sweep() == 1
    assert rung == [(birch.schema_name, here.pk)]
    assert f"{acorn.schema_name} can't be asked" in caplog.text


def test_a_sweep_that_fails_is_not_counted_as_one(monkeypatch):
    def counted() -> float:
        return REGISTRY.get_sample_value("customerinfo_sweep_seconds_count") or 0

    before = counted()
    monkeypatch.setattr(tasks, "ring_for_all", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.sweep()
    assert counted() == before
    monkeypatch.setattr(tasks, "ring_for_all", lambda: 3)
    assert tasks.sweep() == 3 and counted() == before + 1


def test_a_task_delivers_in_the_schema_that_it_names(retailers, connected, sign_up, sandbox_crm):
    acorn, birch = retailers
    connection = connected(acorn)
    connected(birch)
    for retailer in retailers:
        sign_up(retailer, "ada@example.com")
    tasks.drain_connection(schema=acorn.schema_name, connection_id=connection.pk)
    assert database.schema_name == "public"
    with tenant_context(acorn):
        assert Delivery.objects.get().state == Delivery.State.DELIVERED
    with tenant_context(birch):
        assert Delivery.objects.get().state == Delivery.State.DUE


def test_a_drain_with_more_to_do_goes_to_the_end_of_the_queue(
    retailers, connected, sign_up, rung, monkeypatch
):
    acorn, birch = retailers
    connection = connected(acorn)
    connected(birch)
    sign_up(acorn, "ada@example.com")
    rung.clear()
    monkeypatch.setattr("integrations.delivery.TIME_BOX", 0)
    tasks.drain_connection(schema=acorn.schema_name, connection_id=connection.pk)
    assert rung == [(acorn.schema_name, connection.pk)]


@pytest.mark.parametrize("schema", ["r_nobody", "public", "", "pg_catalog"])
def test_a_task_for_an_unknown_schema_runs_nowhere(retailers, schema):
    with pytest.raises(UnknownSchema):
        tasks.drain_connection(schema=schema, connection_id=1)
    assert database.schema_name == "public"


def test_the_sweeps_task_rings_for_all(retailers, rung):
    assert tasks.sweep() == 0


def test_a_task_that_fails_leaves_the_connection_in_the_public_schema(retailers, monkeypatch):
    def fail(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(tasks, "drain", fail)
    with pytest.raises(ZeroDivisionError):
        tasks.drain_connection(schema=retailers[0].schema_name, connection_id=1)
    assert database.schema_name == "public"


def test_credentials_are_not_readable_in_the_database(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            made = Connection.objects.create(
                name="CRM", kind="webhook", secrets={"secret": f"whsec-{retailer.slug}"}
            )
            with database.cursor() as cursor:
                cursor.execute("SELECT secrets FROM integrations_connection")
                assert retailer.slug not in cursor.fetchone()[0]
            assert Connection.objects.get(pk=made.pk).secrets == {
                "secret": f"whsec-{retailer.slug}"
            }


def test_credentials_under_an_older_key_can_still_be_read(retailers, settings):
    from cryptography.fernet import Fernet

    with schema_context(retailers[0].schema_name):
        made = Connection.objects.create(name="CRM", kind="webhook", secrets={"secret": "s"})
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
        assert Connection.objects.get(pk=made.pk).secrets == {"secret": "s"}


def test_serialised_credentials_stay_encrypted():
    field = EncryptedJSONField(name="secrets")
    field.set_attributes_from_name("secrets")
    text = field.value_to_string(Connection(secrets={"secret": "shh"}))
    assert "shh" not in text and b"shh" in box().decrypt(text.encode())
    assert field.to_python(None) == {}
    assert field.get_prep_value({}) == ""
