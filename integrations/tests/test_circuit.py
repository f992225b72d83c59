"""A CRM that is down costs a probe now and then; a sign-up that breaks its batch goes alone."""

import json
import uuid
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import circuit, delivery, drift, gaps, outcomes
from integrations.admin import states
from integrations.http import Http
from integrations.models import Attempt, Connection, Delivery


@pytest.fixture
def http():
    return Http(allow_private=True, read_timeout=5, total_timeout=10)


@pytest.fixture
def pair(retailers, connected):
    """(Acorn and its connection, Birch and its connection)"""
    return tuple((retailer, connected(retailer)) for retailer in retailers)


def unique(count):
    return [f"{uuid.uuid4().hex}@example.com" for _ in range(count)]


def drained(retailer, connection, http):
    with tenant_context(retailer):
        delivery.drain(connection.pk, http)
        connection.refresh_from_db()
        rows = Delivery.objects.filter(connection=connection).select_related("signup")
        return list(rows.order_by("id"))


def later(retailer):
    """As if two hours had passed: every waiting time is over, and who waited longer comes later."""
    hours = timedelta(hours=2)
    with tenant_context(retailer):
        Delivery.objects.update(due_at=F("due_at") - hours)
        Connection.objects.update(not_before=F("not_before") - hours)


def upserts(crm):
    """How many records each call to upsert held, in order."""
    return [c["count"] for c in crm.api("GET", "/log")[1]["calls"] if "upsert" in c["path"]]


@pytest.mark.parametrize("kind", ["500", "close", "hang"])
def test_a_dead_crm_costs_one_probe_and_not_a_thousand_calls(
    kind, pair, sign_up, sandbox_crm, http
):
    (acorn, down), (birch, well) = pair
    for address in unique(120):
        sign_up(acorn, address)
    sign_up(birch, unique(1)[0])
    sandbox_crm.fault(kind, times=1000, path="upsert", after=2)
    seen = len(upserts(sandbox_crm))
    impatient = Http(allow_private=True, read_timeout=0.3, total_timeout=0.6)
    for _ in range(8):
        drained(acorn, down, impatient if kind == "hang" else http)
        later(acorn)
    sizes = upserts(sandbox_crm)[seen:]
    assert sizes[: circuit.OPEN_AFTER] == [50, 50, 20] or sizes[:3] == [50, 50, 50]
    assert set(sizes[circuit.OPEN_AFTER :]) == {1} and len(sizes) <= 8 + circuit.OPEN_AFTER
    assert circuit.is_open(down)
    assert drained(birch, well, http)[0].state == "delivered", "another connection was held up"
    sandbox_crm.api("DELETE", "/faults")
    later(acorn)
    assert {d.state for d in drained(acorn, down, http)} == {"delivered"}
    assert down.failures == 0


def test_when_the_crm_is_back_everything_goes_without_waiting(pair, sign_up, sandbox_crm, http):
    (acorn, connection), (birch, _) = pair
    for address in unique(60):
        sign_up(acorn, address)
    sign_up(birch, unique(1)[0])
    hour = timezone.now() + timedelta(hours=1)
    with tenant_context(acorn):
        Connection.objects.update(failures=9)
        ids = list(Delivery.objects.values_list("pk", flat=True))
        Delivery.objects.filter(pk__in=ids[1:]).update(due_at=hour)
    assert {d.state for d in drained(acorn, connection, http)} == {"delivered"}


def test_an_open_circuit_is_not_called_before_its_time_and_its_gaps_stay_short(
    pair, sign_up, sandbox_crm, http
):
    (acorn, connection), (birch, _) = pair
    sign_up(acorn, unique(1)[0])
    sign_up(birch, unique(1)[0])
    with tenant_context(acorn):
        Connection.objects.update(failures=40)
    sandbox_crm.fault("close", times=1, path="upsert")
    drained(acorn, connection, http)
    wait = (connection.not_before - timezone.now()).total_seconds()
    assert circuit.LONGEST_GAP / 2 - 5 < wait <= circuit.LONGEST_GAP
    seen = len(upserts(sandbox_crm))
    sign_up(acorn, unique(1)[0])
    drained(acorn, connection, http)
    assert len(upserts(sandbox_crm)) == seen


def test_one_record_that_the_crm_chokes_on_opens_no_circuit(pair, sign_up, sandbox_crm, http):
    (acorn, connection), (birch, _) = pair
    sign_up(acorn, unique(1)[0])
    sign_up(birch, unique(1)[0])
    for _ in range(circuit.OPEN_AFTER + 1):
        sandbox_crm.fault("500", times=1, path="upsert")
        drained(acorn, connection, http)
        later(acorn)
    assert connection.failures == 0


class Choking(Http):
    """A CRM that fails whenever a batch holds this address: with 500, or by not answering."""

    def __init__(self, poison, how):
        super().__init__(allow_private=True)
        self.poison, self.how = poison, how

    def request(self, method, url, **options):
        from integrations.http_answer import HttpAnswer, Unreachable

        if self.poison in json.dumps(options.get("json")):
            if self.how == "500":
                return HttpAnswer(500, {}, b"{}")
            raise Unreachable("timeout", "The other side took too long to answer.")
        return super().request(method, url, **options)


@pytest.mark.parametrize("how", ["500", "timeout"])
def test_one_poisonous_record_does_not_hold_its_batch_up(how, pair, sign_up, sandbox_crm):
    (acorn, connection), (birch, _) = pair
    poison, *good = unique(12)
    sign_up(birch, poison)
    for address in [*good[:5], poison, *good[5:]]:
        sign_up(acorn, address)
    for _ in range(circuit.OPEN_AFTER + 4):
        rows = drained(acorn, connection, Choking(poison, how))
        later(acorn)
    states = {row.signup.email: row.state for row in rows}
    assert states.pop(poison) == "due"
    assert set(states.values()) == {"delivered"}
    newcomer = unique(1)[0]
    sign_up(acorn, newcomer)
    for _ in range(2):
        rows = drained(acorn, connection, Choking(poison, how))
        with tenant_context(acorn):  # the poison waits for its own time
            Connection.objects.update(not_before=timezone.now())
    assert {row.signup.email: row.state for row in rows}[newcomer] == "delivered"


def test_a_crm_that_asks_for_time_counts_against_no_sign_up(pair, sign_up, sandbox_crm, http):
    (acorn, connection), (birch, _) = pair
    for address in unique(2):
        sign_up(acorn, address)
        sign_up(birch, address)
    for _ in range(delivery.ALONE_AFTER + 1):
        sandbox_crm.fault("429", times=1, after=5, path="upsert")
        rows = drained(acorn, connection, http)
        assert [row.attempts for row in rows] == [0, 0]
        later(acorn)


def test_three_days_of_a_dead_crm_end_with_all_of_them_needing_attention_and_replayable(
    pair, sign_up, sandbox_crm, http
):
    (acorn, connection), (birch, _) = pair
    for address in unique(6):
        sign_up(acorn, address)
    sign_up(birch, unique(1)[0])
    with tenant_context(acorn):
        Connection.objects.update(failures=circuit.OPEN_AFTER)
        Delivery.objects.update(created_at=timezone.now() - outcomes.GIVE_UP - timedelta(minutes=1))
    sandbox_crm.fault("close", times=1, path="upsert")
    rows = drained(acorn, connection, http)
    assert {row.state for row in rows} == {"needs_attention"}
    assert all(row.error for row in rows)
    with tenant_context(acorn):
        assert Attempt.objects.filter(outcome="needs_attention").count() == 6
    with tenant_context(acorn):
        from integrations import outbox

        outbox.resend(Delivery.objects.all())
        Connection.objects.update(not_before=timezone.now())
    sandbox_crm.fault("close", times=1, path="upsert")
    assert {row.state for row in drained(acorn, connection, http)} == {"due"}, "three days anew"
    later(acorn)
    assert {row.state for row in drained(acorn, connection, http)} == {"delivered"}


def test_a_crm_that_is_back_after_more_than_three_days_gets_what_was_given_up(
    pair, sign_up, sandbox_crm, http
):
    (acorn, connection), (birch, theirs) = pair
    for retailer in (acorn, birch):
        for address in unique(3):
            sign_up(retailer, address)
        with tenant_context(retailer):
            Connection.objects.update(failures=circuit.OPEN_AFTER)
            long_ago = timezone.now() - outcomes.GIVE_UP - timedelta(minutes=1)
            Delivery.objects.update(created_at=long_ago)
    sandbox_crm.fault("close", times=1, path="upsert")
    assert {row.state for row in drained(acorn, connection, http)} == {"needs_attention"}
    with tenant_context(acorn):
        refused = Delivery.objects.first()
        Delivery.objects.filter(pk=refused.pk).update(error_code="invalid_email")
    sign_up(acorn, unique(1)[0])
    later(acorn)
    drained(acorn, connection, http)
    rows = {row.pk: row.state for row in drained(acorn, connection, http)}
    assert rows.pop(refused.pk) == "needs_attention", "the CRM had refused this one itself"
    assert set(rows.values()) == {"delivered"} and len(rows) == 3
    with tenant_context(acorn):
        assert Delivery.objects.filter(error_code=circuit.GAVE_UP).count() == 0
    with tenant_context(birch):
        assert set(Delivery.objects.values_list("state", flat=True)) == {"due"}


def test_what_was_given_up_goes_as_well_when_a_person_resumes_or_the_night_finds_an_answer(
    pair, sign_up, sandbox_crm, http, monkeypatch
):
    (acorn, connection), (birch, _) = pair
    old, young = unique(2)
    for retailer in (acorn, birch):
        for address in (old, young):
            sign_up(retailer, address)
        with tenant_context(retailer):
            Delivery.objects.update(state="needs_attention", error_code=circuit.GAVE_UP)
            long_ago = timezone.now() - circuit.A_MONTH - timedelta(hours=1)
            type(Delivery.objects.first().signup).objects.filter(email=old).update(
                received_at=long_ago
            )

    def given_up(retailer) -> list[str]:
        with tenant_context(retailer):
            left = Delivery.objects.filter(state="needs_attention")
            return [delivery.signup.email for delivery in left]

    with tenant_context(acorn):
        states.change(connection, "pause")
        states.change(connection, "resume")
    assert given_up(acorn) == [old], "what is older than a month is a person's"
    assert given_up(birch) == [old, young]
    monkeypatch.setattr(drift, "first_hour", lambda schema: 0)
    with tenant_context(birch):
        assert drift.look_at_all(http) == 1
    assert given_up(birch) == [old]


def test_the_gaps_of_seventy_two_hours_grow_and_never_come_together(monkeypatch):
    """With a moved clock: each try at the end of its gap, until it is given up."""
    for _ in range(20):
        clock, tries = 0.0, 0
        waits = []
        while clock < outcomes.GIVE_UP.total_seconds():
            tries += 1
            waits.append(gaps.growing(tries))
            clock += waits[-1]
        assert 72 <= tries <= 170
        assert waits[0] <= 10 and min(waits[12:]) >= 1800
    assert len({gaps.growing(5) for _ in range(50)}) > 40


def test_a_crm_that_says_wait_in_the_middle_of_a_batch_is_no_dead_one(
    pair, sign_up, http, monkeypatch
):
    from integrations.connectors.base import Delivered, TryLater
    from integrations.connectors.sandbox import SandboxConnector

    def upsert(self, records):
        done = {records[0].ref: Delivered("1")}
        raise TryLater("rate_limited", "Wait.", 7, outcomes=done)

    monkeypatch.setattr(SandboxConnector, "upsert", upsert)
    for retailer, connection in pair:
        for address in unique(5):
            sign_up(retailer, address)
        for number in range(1, circuit.OPEN_AFTER + 2):
            rows = drained(retailer, connection, http)
            assert [row.state for row in rows].count("delivered") == number
            assert connection.failures == 0 and connection.not_before > timezone.now()
            later(retailer)


def test_a_slow_crm_does_not_hold_a_worker_for_a_whole_batch(pair, sign_up, monkeypatch):
    """Asked once for each record, twenty to a batch, it would take minutes."""
    from integrations import exchange
    from integrations.connectors.webhook import WebhookConnector
    from integrations.http_answer import HttpAnswer

    class Slow(Http):
        asked = 0

        def request(self, *args, **options):
            Slow.asked += 1
            now[0] += 9
            return HttpAnswer(200, {}, b"")

    now = [0.0]
    monkeypatch.setattr(exchange.time, "monotonic", lambda: now[0])
    for retailer, connection in pair:
        for address in unique(10):
            sign_up(retailer, address)
        with tenant_context(retailer):
            Connection.objects.update(
                kind="webhook",
                config={"url": "https://receiver.example/"},
                secrets={"secret": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="},
            )
        Slow.asked = 0
        rows = drained(retailer, connection, Slow())
        assert WebhookConnector.batch_size >= 10 and Slow.asked == 4
        assert [row.state for row in rows].count("delivered") == 4
        waiting = [row for row in rows if row.state == "due"]
        assert {row.error_code for row in waiting} == {"slow"} and connection.failures == 0
