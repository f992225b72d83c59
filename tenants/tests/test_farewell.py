"""A closed retailer is deleted when its time has come, whole, and nobody else loses anything."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from forms_app.models import Brand
from tenants import farewell, files, lifecycle, tasks
from tenants.models import AuditEntry, Domain, Retailer
from tenants.provisioning import onboard


@pytest.fixture
def leaving(retailers, place):
    """Acorn is closed and due, Birch isn't; both have a file and something in the cache."""
    for retailer in retailers:
        place.put(f"{retailer.schema_name}/images/logo.png", b"png")
        with schema_context(retailer.schema_name):
            cache.set("something", retailer.slug, None)
    acorn, birch = retailers
    lifecycle.act(acorn, "close", why="farewell", by="owner@acorn.test")
    lifecycle.delete_soon(acorn, why="at once", by="owner@acorn.test")
    return acorn, birch


def assert_untouched(birch, place):
    assert place.files(birch.schema_name) == {"images/logo.png": b"png"}
    with tenant_context(birch):
        assert Brand.load().name
        assert cache.get("something") == "birch"
    assert Domain.objects.filter(tenant=birch).exists()


def test_schema_files_row_and_cache_are_gone_and_the_audit_stays(leaving, place):
    acorn, birch = leaving
    assert tasks.delete_closed() == 1
    assert farewell.what_is_left("r_acorn") == []
    with schema_context("r_acorn"):
        assert cache.get("something") is None
    entry = AuditEntry.objects.get(schema_name="r_acorn", action="deleted")
    assert (entry.retailer, entry.retailer_name) == (None, "Acorn")
    assert_untouched(birch, place)
    assert tasks.delete_closed() == 0


def test_who_may_still_come_back_is_not_deleted(leaving, place):
    acorn, birch = leaving
    lifecycle.act(birch, "close", why="farewell", by="owner@birch.test")
    with pytest.raises(farewell.NotDue):
        farewell.delete(birch)
    assert farewell.what_is_left("r_birch") == ["schema", "files", "row"]


def test_who_pays_at_the_last_moment_stays_whole(leaving, place):
    acorn, birch = leaving
    lifecycle.bill(birch, "closed", "cancelled")
    lifecycle.delete_soon(birch, why="at once", by="operator")
    (seen,) = [retailer for retailer in farewell.due() if retailer.slug == "birch"]
    lifecycle.bill(birch, "active", "subscribed again")
    with pytest.raises(farewell.NotDue):
        farewell.delete(seen)
    assert_untouched(birch, place)


def test_who_is_being_deleted_cannot_be_reopened(leaving):
    acorn, _ = leaving
    with pytest.raises(lifecycle.NotNow):
        lifecycle.act(acorn, "reopen", why="changed our minds", by="operator")


def test_a_deletion_that_died_half_way_is_finished_by_the_next_run(leaving, place, monkeypatch):
    acorn, birch = leaving
    real = farewell.record

    def dies(*args, **kwargs):
        raise RuntimeError("killed")

    monkeypatch.setattr(farewell, "record", dies)
    assert tasks.delete_closed() == 0  # logged, and the others would have gone on
    assert farewell.what_is_left("r_acorn") == ["schema", "row"]
    monkeypatch.setattr(farewell, "record", real)
    assert tasks.delete_closed() == 1
    assert farewell.what_is_left("r_acorn") == []
    assert_untouched(birch, place)


def test_what_is_left_behind_is_told(leaving, monkeypatch):
    acorn, _ = leaving
    monkeypatch.setattr(files, "delete_all", lambda schema: None)
    with pytest.raises(farewell.StillThere, match="r_acorn: files"):
        farewell.delete(acorn)


def test_a_second_deletion_at_the_same_time_does_nothing(leaving):
    acorn, _ = leaving
    farewell.delete(acorn)
    farewell.delete(acorn)
    assert AuditEntry.objects.filter(schema_name="r_acorn", action="deleted").count() == 1


def test_the_name_of_a_schema_is_never_used_again(leaving):
    acorn, _ = leaving
    farewell.delete(acorn)
    again = onboard("Acorn", "acorn", "new@acorn.test").retailer
    assert again.schema_name == "r_acorn_2"
    with tenant_context(again):
        assert connection.schema_name == "r_acorn_2" and cache.get("something") is None


@pytest.mark.parametrize("schema", ["", "public", "../r_birch", "..", "r_birch/.."])
@pytest.mark.parametrize("act", [files.delete_all, files.names])
def test_no_other_folder_can_be_meant(schema, act):
    with pytest.raises(ValueError):
        act(schema)


def test_whoever_is_closed_is_due_only_after_the_delay(leaving):
    _, birch = leaving
    lifecycle.act(birch, "close", why="farewell", by="owner@birch.test")
    assert [retailer.slug for retailer in farewell.due()] == ["acorn"]
    Retailer.objects.filter(pk=birch.pk).update(delete_at=timezone.now() - timedelta(seconds=1))
    assert {retailer.slug for retailer in farewell.due()} == {"acorn", "birch"}
