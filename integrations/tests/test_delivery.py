"""The drain against a real CRM process that misbehaves: every end of the taxonomy."""

import uuid
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import delivery, gaps, locks, outbox, outcomes
from integrations.connectors.base import RetryLater
from integrations.http import Http
from integrations.models import Attempt, Connection, Delivery, RemoteLink


@pytest.fixture
def http():
    return Http(allow_private=True, read_timeout=2, total_timeout=3)


@pytest.fixture
def email():
    return f"{uuid.uuid4().hex}@example.com"


def drained(retailer, connection, http):
    """Drain once; the connection's deliveries afterwards."""
    with tenant_context(retailer):
        delivery.drain(connection.pk, http)
        connection.refresh_from_db()
        return list(Delivery.objects.filter(connection=connection).order_by("id"))


def make_due(retailer):
    """As if the waiting time were over."""
    with tenant_context(retailer):
        Delivery.objects.update(due_at=timezone.now())
        Connection.objects.update(not_before=timezone.now())


def test_a_sign_up_becomes_a_contact_of_its_own_retailer(
    retailers, connected, sign_up, sandbox_crm, http
):
    connections = [connected(retailer) for retailer in retailers]
    emails = [f"{uuid.uuid4().hex}@example.com" for _ in retailers]
    for retailer, address in zip(retailers, emails):
        sign_up(retailer, address, first_name="Ada", consent="yes")
    for retailer, connection in zip(retailers, connections):
        (done,) = drained(retailer, connection, http)
        assert done.state == Delivery.State.DELIVERED
        assert done.remote_url.startswith(f"{sandbox_crm.url}/{retailer.slug}/contacts/")
    for position, slug in enumerate(("acorn", "birch")):
        (contact,) = [
            found
            for address in emails
            for found in sandbox_crm.api("GET", f"/contacts?email={address}", key=f"key-{slug}")[1][
                "contacts"
            ]
        ]
        assert contact["attributes"]["email"] == emails[position]
        assert contact["attributes"]["first_name"] == "Ada"
        assert contact["attributes"]["marketing_consent"] is True


def test_the_later_sign_up_of_a_person_updates_the_contact(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection, other = connected(acorn), connected(birch)
    sign_up(acorn, email, first_name="Ada", last_name="Lovelace")
    drained(acorn, connection, http)
    sign_up(acorn, email.upper(), first_name="Augusta")
    drained(acorn, connection, http)
    (contact,) = sandbox_crm.found(email=email)
    assert contact["attributes"]["first_name"] == "Augusta"
    assert contact["attributes"]["last_name"] == "Lovelace", "a blank field cleared what was there"
    with tenant_context(acorn):
        assert RemoteLink.objects.get().remote_id == contact["id"]
    assert drained(birch, other, http) == []


def test_two_sign_ups_of_a_person_in_one_batch_make_one_contact(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    sign_up(acorn, email, first_name="Ada")
    sign_up(acorn, email, first_name="Augusta")
    sign_up(birch, email, first_name="Stranger")
    assert {d.state for d in drained(acorn, connection, http)} == {"delivered"}
    (contact,) = sandbox_crm.found(email=email)
    assert contact["attributes"]["first_name"] == "Augusta"


def test_a_store_costs_no_query_for_each_sign_up(
    retailers, connected, sign_up, django_assert_num_queries
):
    stores = apps.get_model("forms_app", "Store").objects
    for retailer in retailers:
        connection = connected(retailer)
        for number in range(6):
            signup = sign_up(retailer, f"{number}-{uuid.uuid4().hex}@example.com")
            with tenant_context(retailer):
                signup.store = stores.create(name=f"{retailer.name} {number}")
                signup.save()
        with tenant_context(retailer):
            batch = delivery.claim(connection.pk, 50)
            with django_assert_num_queries(0):
                signups = [claimed.signup.as_data() for claimed in batch.deliveries.values()]
        answers = [answer for one in signups for answer in one.answers]
        told = {answer.value for answer in answers if answer.key == "store"}
        assert told == {f"{retailer.name} {number}" for number in range(6)}


@pytest.mark.parametrize("kind", ["500", "hang", "close", "half", "commit_then_close"])
def test_a_failing_crm_is_tried_again_and_ends_with_one_contact(
    kind, retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection, unhurt = connected(acorn), connected(birch)
    sign_up(acorn, email)
    sign_up(birch, email)
    sandbox_crm.fault(kind, times=1, path="upsert", after=4)
    (waiting,) = drained(acorn, connection, http)
    assert waiting.state == Delivery.State.DUE
    assert waiting.due_at > timezone.now()
    assert waiting.error_code and waiting.attempts == 1
    (delivered,) = drained(birch, unhurt, http)
    assert delivered.state == Delivery.State.DELIVERED, "another connection was held up"
    make_due(acorn)
    (delivered,) = drained(acorn, connection, http)
    assert delivered.state == Delivery.State.DELIVERED
    assert delivered.error == ""
    assert len(sandbox_crm.found(email=email)) == 1
    with tenant_context(acorn):
        assert [a.outcome for a in Attempt.objects.order_by("id")] == ["retry", "delivered"]


def test_retry_after_is_honoured_for_the_whole_connection(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection, unhurt = connected(acorn), connected(birch)
    sign_up(acorn, email)
    sign_up(birch, email)
    sandbox_crm.fault("429", times=1, after=120, path="upsert")
    (waiting,) = drained(acorn, connection, http)
    soon, late = (timezone.now() + timedelta(seconds=n) for n in (100, 121))
    assert soon < waiting.due_at < late
    assert soon < connection.not_before < late
    (delivered,) = drained(birch, unhurt, http)
    assert delivered.state == Delivery.State.DELIVERED
    # Their number: a call of an earlier test may still hang, and be written down meanwhile.
    calls = len(sandbox_crm.api("GET", "/log")[1]["calls"])
    sign_up(acorn, f"second-{email}")
    drained(acorn, connection, http)
    after = len(sandbox_crm.api("GET", "/log")[1]["calls"])
    assert after == calls, "the CRM was called although it asked us to wait"


def test_refused_credentials_pause_the_connection_and_keep_everything(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection, unhurt = connected(acorn), connected(birch)
    sign_up(acorn, email)
    sign_up(birch, email)
    sandbox_crm.fault("401", times=1, path="upsert")
    (waiting,) = drained(acorn, connection, http)
    assert connection.state == Connection.State.PAUSED
    assert connection.state_reason
    assert (waiting.state, waiting.attempts) == (Delivery.State.DUE, 0)
    sign_up(acorn, f"second-{email}")
    assert len(drained(acorn, connection, http)) == 2, "sign-ups go on waiting for it"
    (delivered,) = drained(birch, unhurt, http)
    assert delivered.state == Delivery.State.DELIVERED
    with tenant_context(acorn):
        Connection.objects.update(state=Connection.State.ACTIVE)
    assert {d.state for d in drained(acorn, connection, http)} == {"delivered"}


def test_what_the_crm_refuses_needs_attention_and_holds_up_nobody(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection, unhurt = connected(acorn), connected(birch)
    bad, good = sign_up(acorn, email), sign_up(acorn, f"good-{email}")
    sign_up(birch, email)
    # An attribute that this CRM doesn't know, for one of them only: the first name is given once.
    with tenant_context(acorn):
        rows = [row for row in connection.mapping if row["source"] != "meaning:last_name"]
        rows.append({"source": "meaning:last_name", "attribute": "nickname", "mode": "overwrite"})
        connection.mapping, connection.attributes = rows, []
        connection.save()
        bad.answers[key_of(bad, "last_name")] = "Lovelace"
        bad.save()
    states = {d.signup_id: d for d in drained(acorn, connection, http)}
    assert states[bad.pk].state == Delivery.State.NEEDS_ATTENTION
    assert "nickname" in states[bad.pk].error
    assert states[good.pk].state == Delivery.State.DELIVERED
    (delivered,) = drained(birch, unhurt, http)
    assert delivered.state == Delivery.State.DELIVERED


def key_of(signup, meaning):
    return next(f["key"] for f in signup.form_version.fields if f["meaning"] == meaning)


def test_a_sign_up_that_needs_attention_can_be_sent_again(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    connected(birch)
    sign_up(acorn, email)
    sign_up(birch, email)
    with tenant_context(acorn):
        Delivery.objects.update(state=Delivery.State.NEEDS_ATTENTION, attempts=9, error="x")
        assert outbox.resend(Delivery.objects.all()) == {connection.pk}
    (delivered,) = drained(acorn, connection, http)
    assert (delivered.state, delivered.attempts) == (Delivery.State.DELIVERED, 1)
    with tenant_context(birch):
        assert Delivery.objects.get().state == Delivery.State.DUE


def test_a_mapping_that_cannot_be_read_pauses_the_connection(
    retailers, connected, sign_up, http, email
):
    acorn, birch = retailers
    connection = connected(acorn, mapping=[{"nonsense": True}])
    unhurt = connected(birch)
    sign_up(acorn, email)
    sign_up(birch, email)
    (waiting,) = drained(acorn, connection, http)
    assert waiting.state == Delivery.State.DUE
    assert connection.state == Connection.State.PAUSED
    assert "mapping" in connection.state_reason
    assert drained(birch, unhurt, http)[0].state == Delivery.State.DELIVERED


def test_a_defect_in_a_connector_is_an_outcome_that_one_can_see(
    retailers, connected, sign_up, http, email, caplog
):
    acorn, birch = retailers
    connection = connected(acorn)
    sign_up(acorn, email)
    sign_up(birch, email)

    class Broken(type(http)):
        def request(self, *args, **kwargs):
            raise ZeroDivisionError

    (waiting,) = drained(acorn, connection, Broken(allow_private=True))
    assert (waiting.state, waiting.error_code) == (Delivery.State.DUE, "connector_error")
    assert "The connector sandbox failed: ZeroDivisionError" in caplog.text


def test_what_a_dead_worker_left_is_taken_over_by_the_next_drain(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    connected(birch)
    sign_up(acorn, email)
    sign_up(birch, email)
    with tenant_context(acorn):
        delivery.claim(connection.pk, 50)  # and then the worker dies
        assert Delivery.objects.get().state == Delivery.State.SENDING
    (delivered,) = drained(acorn, connection, http)
    assert (delivered.state, delivered.crashes, delivered.attempts) == ("delivered", 1, 2)
    assert len(sandbox_crm.found(email=email)) == 1
    with tenant_context(birch):
        assert Delivery.objects.get().attempts == 0


def test_a_sign_up_that_kills_its_workers_is_set_aside_and_goes_alone_before(
    retailers, connected, sign_up, http, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    poison = sign_up(acorn, email)
    sign_up(birch, email)
    for _ in range(delivery.MAX_CRASHES):
        with tenant_context(acorn):
            make_due(acorn)
            batch = delivery.claim(connection.pk, 50)
            assert list(batch.deliveries) == [str(poison.pk)]
            delivery.recover(connection.pk)
        sign_up(acorn, f"{uuid.uuid4().hex}@example.com")
    with tenant_context(acorn):
        aside = Delivery.objects.get(signup=poison)
        assert (aside.state, aside.error_code) == ("needs_attention", "worker_died")
    assert sorted(d.state for d in drained(acorn, connection, http)) == [
        *["delivered"] * 3,
        "needs_attention",
    ]


def test_an_outcome_is_not_written_over_a_delivery_that_another_drain_has(
    retailers, connected, sign_up, http, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    sign_up(acorn, email)
    sign_up(birch, email)
    with tenant_context(acorn):
        ours = delivery.claim(connection.pk, 50)
        delivery.recover(connection.pk)
        theirs = delivery.claim(connection.pk, 50)
        ours.outcomes = {ref: RetryLater("late", "too late") for ref in ours.deliveries}
        outcomes.write(connection, ours)
        row = Delivery.objects.get()
        assert (row.state, row.claim) == (Delivery.State.SENDING, theirs.claim)


def test_after_three_days_of_tries_it_needs_attention(
    retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    sign_up(acorn, email)
    sign_up(birch, email)
    with tenant_context(acorn):
        Delivery.objects.update(created_at=timezone.now() - timedelta(hours=73))
    sandbox_crm.fault("500", times=1, path="upsert")
    (row,) = drained(acorn, connection, http)
    assert row.state == Delivery.State.NEEDS_ATTENTION


def test_gaps_between_tries_grow_and_end_at_an_hour():
    for attempts in range(1, 30):
        longest = min(gaps.FIRST * 2 ** (attempts - 1), gaps.LONGEST)
        assert all(longest / 2 <= gaps.growing(attempts) <= longest for _ in range(20))
    assert gaps.LONGEST == 3600


def test_more_than_a_batch_is_sent_in_the_same_drain(
    retailers, connected, sign_up, sandbox_crm, http
):
    acorn, birch = retailers
    connection = connected(acorn)
    emails = [f"{uuid.uuid4().hex}@example.com" for _ in range(120)]
    for address in emails:
        sign_up(acorn, address)
    sign_up(birch, emails[0])
    before = calls(sandbox_crm)
    assert {d.state for d in drained(acorn, connection, http)} == {"delivered"}
    assert calls(sandbox_crm) - before == 3, "120 sign-ups are three calls of up to 50"


def calls(sandbox_crm):
    return sum(1 for call in sandbox_crm.api("GET", "/log")[1]["calls"] if "upsert" in call["path"])


def test_a_drain_leaves_when_its_time_is_over_and_says_that_there_is_more(
    retailers, connected, sign_up, http, monkeypatch, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    sign_up(acorn, email)
    sign_up(birch, email)
    monkeypatch.setattr(delivery, "TIME_BOX", 0)
    with tenant_context(acorn):
        assert delivery.drain(connection.pk, http) is True
        assert Delivery.objects.get().state == Delivery.State.DUE
        monkeypatch.undo()
        assert delivery.drain(connection.pk, http) is False


@pytest.mark.parametrize("state", ["paused", "off"])
def test_a_connection_that_is_not_active_is_not_called(
    state, retailers, connected, sign_up, sandbox_crm, http, email
):
    acorn, birch = retailers
    connection = connected(acorn)
    sign_up(acorn, email)
    sign_up(birch, email)
    with tenant_context(acorn):
        Connection.objects.update(state=state)
    (row,) = drained(acorn, connection, http)
    assert row.state == Delivery.State.DUE
    assert sandbox_crm.found(email=email) == []


def test_locks_differ_by_schema_and_connection(retailers):
    with ExitStack() as stack:
        for retailer in retailers:
            with tenant_context(retailer):
                for number in (1, 2):
                    assert stack.enter_context(locks.connection_lock(number))
        held = {f"{r.schema_name}:connection:{n}" for r in retailers for n in (1, 2)}
        assert len({locks.lock_number(name) for name in held}) == 4


def test_what_a_crm_says_in_an_impossible_way_holds_up_nothing(
    retailers, connected, sign_up, http, monkeypatch
):
    from integrations.connectors.base import Delivered, NeedsAttention
    from integrations.connectors.sandbox import SandboxConnector

    said = iter(
        [Delivered("x" * 201, "https://crm.example/" + "y" * 500), Delivered("1\x00", "")] * 2
        + [NeedsAttention("c\x00" + "d" * 90, "m\x00" + "n" * 900)] * 2
    )

    def upsert(self, records):
        return {record.ref: next(said) for record in records}

    monkeypatch.setattr(SandboxConnector, "upsert", upsert)
    monkeypatch.setattr(SandboxConnector, "batch_size", 2)
    for retailer in retailers:
        connection = connected(retailer)
        for _ in range(2):
            sign_up(retailer, f"{uuid.uuid4().hex}@example.com")
        rows = drained(retailer, connection, http)
        assert [(row.state, row.remote_id, row.remote_url) for row in rows] == [
            ("delivered", "", "")
        ] * 2
    sign_up(retailers[0], f"{uuid.uuid4().hex}@example.com")
    with tenant_context(retailers[0]):
        connection = Connection.objects.get()
    row = drained(retailers[0], connection, http)[-1]
    assert (row.state, len(row.error_code), len(row.error)) == ("needs_attention", 60, 500)


def test_one_odd_sign_up_that_cannot_be_mapped_holds_up_nobody(
    retailers, connected, sign_up, http, monkeypatch, caplog
):
    real = delivery.map_signup

    def odd(data, *rules):
        if any("odd" in str(answer.value) for answer in data.answers):
            raise KeyError("odd@example.com")
        return real(data, *rules)

    monkeypatch.setattr(delivery, "map_signup", odd)
    for retailer in retailers:
        connection = connected(retailer)
        sign_up(retailer, f"odd-{uuid.uuid4().hex}@example.com")
        sign_up(retailer, f"{uuid.uuid4().hex}@example.com")
        rows = drained(retailer, connection, http)
        assert [row.state for row in rows] == ["needs_attention", "delivered"]
        assert rows[0].error_code == "mapping_error" and "KeyError" in rows[0].error
    assert "can't be mapped: KeyError" in caplog.text and "odd@" not in caplog.text


def test_a_delivered_sign_up_that_cannot_be_mapped_any_more_holds_up_no_other(
    retailers, connected, sign_up, http, monkeypatch, caplog, email
):
    from integrations import order

    def broken(data, *rules):
        raise KeyError(email)

    for retailer in retailers:
        connection = connected(retailer)
        first = sign_up(retailer, email, first_name="Ada")
        sign_up(retailer, email, first_name="Augusta")
        drained(retailer, connection, http)
        with tenant_context(retailer):
            outbox.resend(Delivery.objects.filter(signup=first))
        with monkeypatch.context() as patch:
            patch.setattr(order, "map_signup", broken)
            assert {row.state for row in drained(retailer, connection, http)} == {"delivered"}
    assert "can't be mapped any more: KeyError" in caplog.text and email not in caplog.text


def test_what_a_worker_held_when_it_died_goes_in_small_company_then_alone():
    company = delivery.company
    assert company([]) == []
    fresh = [(number, 0, 0) for number in range(60)]
    assert company(fresh) == list(range(60))
    once = [(number, 1, 1) for number in range(60)]
    assert company(once) == list(range(delivery.FEW))
    assert company([(7, 2, 2), *fresh]) == [7]
    assert company([(7, 0, delivery.ALONE_AFTER), *fresh]) == [7]
    mixed = [(1, 0, 0), (2, 1, 1), (3, 0, delivery.ALONE_AFTER), (4, 2, 1), (5, 0, 1)]
    assert company(mixed) == [1, 5], "the healthy ones don't travel with suspects"


def test_what_the_crm_says_nothing_about_is_tried_again(
    retailers, connected, sign_up, http, monkeypatch
):
    from integrations.connectors.base import Delivered
    from integrations.connectors.sandbox import SandboxConnector

    monkeypatch.setattr(
        SandboxConnector, "upsert", lambda self, records: {records[0].ref: Delivered("1")}
    )
    for retailer in retailers:
        connection = connected(retailer)
        for _ in range(2):
            sign_up(retailer, f"{uuid.uuid4().hex}@example.com")
        rows = drained(retailer, connection, http)
        assert [(row.state, row.error_code) for row in rows] == [
            ("delivered", ""),
            ("due", "no_answer"),
        ]


def test_a_sign_up_that_the_mapping_refuses_needs_attention(
    retailers, connected, sign_up, http, monkeypatch
):
    from integrations.mapping import MappingError

    def refuse(data, *rules):
        raise MappingError("Row 3: the country isn't known.")

    monkeypatch.setattr(delivery, "map_signup", refuse)
    for retailer in retailers:
        connection = connected(retailer)
        sign_up(retailer, f"{uuid.uuid4().hex}@example.com")
        (row,) = drained(retailer, connection, http)
        assert (row.state, row.error_code) == ("needs_attention", "mapping")
        assert "Row 3" in row.error
