"""Periodic work goes out once per retailer, and lets deliveries come in between."""

import pytest
from celery import current_app

from integrations import fan_out


@pytest.fixture
def sent(monkeypatch):
    """(task, schema) of each message; the broker is left out."""
    messages = []
    monkeypatch.setattr(
        current_app,
        "send_task",
        lambda task, kwargs, headers: messages.append((task, kwargs["schema"])),
    )
    return messages


def test_every_retailer_gets_a_task_of_its_own(retailers, sent, monkeypatch):
    monkeypatch.setattr(fan_out, "AT_ONCE", 1)
    monkeypatch.setattr(
        fan_out.for_each_retailer, "delay", lambda *a, **k: fan_out.for_each_retailer(*a, **k)
    )
    fan_out.for_each_retailer("some.task")
    assert sent == [("some.task", schema) for schema in sorted(r.schema_name for r in retailers)]


def test_only_so_many_are_sent_before_others_have_their_turn(retailers, sent, monkeypatch):
    monkeypatch.setattr(fan_out, "AT_ONCE", 1)
    rest = []
    monkeypatch.setattr(
        fan_out.for_each_retailer, "delay", lambda task, after: rest.append((task, after))
    )
    first = min(r.schema_name for r in retailers)
    assert fan_out.for_each_retailer("some.task") == 1
    assert (sent, rest) == ([("some.task", first)], [("some.task", first)])


def test_a_retailer_that_is_not_served_is_left_out(retailers, sent):
    acorn, birch = retailers
    acorn.schema_problem = "tables are missing"
    acorn.save()
    assert fan_out.for_each_retailer("some.task") == 1
    assert sent == [("some.task", birch.schema_name)]
