"""Whatever fails, waits, comes late or is sent again: the later sign-up of a person wins."""

import uuid
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone
from django_tenants.utils import tenant_context
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from integrations import delivery, outbox
from integrations.http import Http
from integrations.models import Connection, Delivery
from integrations.tests.conftest import sign_up as taken_in

Signup = apps.get_model("forms_app", "Signup")
START = timezone.now() - timedelta(days=2)


@pytest.fixture
def http():
    return Http(allow_private=True, read_timeout=5, total_timeout=10)


@pytest.fixture
def person():
    return f"{uuid.uuid4().hex}@example.com"


def at(retailer, signup, minute):
    """This is when its button was pressed."""
    with tenant_context(retailer):
        Signup.objects.filter(pk=signup.pk).update(submitted_at=START + timedelta(minutes=minute))


def drained(retailer, connection, http):
    with tenant_context(retailer):
        delivery.drain(connection.pk, http)
        return list(Delivery.objects.filter(connection=connection).order_by("id"))


def later(retailer):
    with tenant_context(retailer):
        Delivery.objects.update(due_at=timezone.now())
        Connection.objects.update(not_before=timezone.now())


def test_a_retried_earlier_sign_up_does_not_overwrite_the_later_one(
    retailers, connected, sign_up, sandbox_crm, http, person
):
    acorn, birch = retailers
    connection, other = connected(acorn), connected(birch)
    at(acorn, sign_up(acorn, person, first_name="Ada", last_name="Byron"), 1)
    sandbox_crm.fault("500", times=1, path="upsert")
    drained(acorn, connection, http)
    at(acorn, sign_up(acorn, person, first_name="Augusta"), 2)
    sign_up(birch, person, first_name="Stranger")
    assert [row.state for row in drained(acorn, connection, http)] == ["due", "delivered"]
    assert {row.state for row in drained(birch, other, http)} == {"delivered"}
    later(acorn)
    assert {row.state for row in drained(acorn, connection, http)} == {"delivered"}
    (contact,) = sandbox_crm.found(email=person)
    assert contact["attributes"]["first_name"] == "Augusta"
    assert contact["attributes"]["last_name"] == "Byron", "what only the earlier one said is kept"


def test_what_a_given_up_call_left_behind_is_mended(
    retailers, connected, sign_up, sandbox_crm, http, person
):
    """The CRM carries out a call after we gave it up, and after the later sign-up went in."""
    acorn, birch = retailers
    connection = connected(acorn)
    connected(birch)
    at(acorn, sign_up(acorn, person, first_name="Ada"), 1)
    sign_up(birch, person)
    sandbox_crm.fault("close", times=1, path="upsert")
    drained(acorn, connection, http)
    at(acorn, sign_up(acorn, person, first_name="Augusta"), 2)
    with tenant_context(acorn):
        Connection.objects.update(not_before=timezone.now())
    drained(acorn, connection, http)
    contact = {"match": "email", "match_value": person, "attributes": {"first_name": "Ada"}}
    sandbox_crm.upsert({"ref": "late", **contact}, key="key-acorn")
    later(acorn)
    drained(acorn, connection, http)
    assert sandbox_crm.found(email=person)[0]["attributes"]["first_name"] == "Augusta"


def test_an_old_sign_up_that_is_sent_again_changes_nothing_newer(
    retailers, connected, sign_up, sandbox_crm, http, person
):
    acorn, birch = retailers
    connection, other = connected(acorn), connected(birch)
    old = sign_up(acorn, person, first_name="Ada")
    at(acorn, old, 1)
    at(acorn, sign_up(acorn, person, first_name="Augusta"), 2)
    sign_up(birch, person)
    drained(acorn, connection, http)
    with tenant_context(acorn):
        outbox.resend(Delivery.objects.filter(signup=old))
    assert {row.state for row in drained(acorn, connection, http)} == {"delivered"}
    assert sandbox_crm.found(email=person)[0]["attributes"]["first_name"] == "Augusta"
    assert drained(birch, other, http)[0].state == "delivered"


def test_a_tablet_that_was_offline_brings_an_earlier_sign_up_later(
    retailers, connected, sign_up, sandbox_crm, http
):
    """By phone, too: it is the moment when the button was pressed that counts."""
    acorn, birch = retailers
    connection = connected(acorn)
    connected(birch)
    mobile = f"+316{uuid.uuid4().int % 10**8:08}"
    # This CRM makes no contact without an e-mail, but finds one by its phone.
    held = {"email": f"{uuid.uuid4().hex}@example.com", "mobile": mobile}
    sandbox_crm.upsert(
        {"ref": "1", "match": "email", "match_value": held["email"], "attributes": held},
        key="key-acorn",
    )
    late, early = (
        sign_up(acorn, f"{uuid.uuid4().hex}@example.com", first_name=name)
        for name in ("Augusta", "Ada")
    )
    at(acorn, late, 9)
    at(acorn, early, 3)
    for signup in (late, early):
        with tenant_context(acorn):
            by_phone_alone(signup, mobile)
            Delivery.objects.exclude(signup=signup).filter(state="due").update(due_at=tomorrow())
            Delivery.objects.filter(signup=signup).update(due_at=timezone.now())
        drained(acorn, connection, http)
    (contact,) = sandbox_crm.found(mobile=mobile)
    assert contact["attributes"]["first_name"] == "Augusta"
    sign_up(birch, "someone@example.com")


def tomorrow():
    return timezone.now() + timedelta(days=1)


def by_phone_alone(signup, mobile):
    """As a page asks it that has a mobile and no e-mail."""
    version = signup.form_version
    version.pk, version.number, fields = None, version.number + 1000 + uuid.uuid4().int % 10**6, []
    key = str(uuid.uuid4())
    for one in version.schema["fields"]:
        fields.append(
            one if one["meaning"] != "email" else {**one, "key": key, "meaning": "mobile"}
        )
    version.schema = {**version.schema, "fields": fields}
    version.save()
    signup.answers = {**signup.answers, key: mobile}
    signup.email, signup.mobile, signup.form_version = "", mobile, version
    signup.save(update_fields=["answers", "email", "mobile", "form_version"])


NAMES = ("Ada", "Bea", "Cleo", "Dora")
FAULTS = ("", "", "500", "close", "half", "commit_then_close", "429")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("sign up"),
            st.integers(0, 1),  # who
            st.integers(0, 60),  # the minute at which the button was pressed
            st.sampled_from(("", *NAMES)),
            st.sampled_from(("", *NAMES)),
        ),
        st.tuples(st.just("drain"), st.sampled_from(FAULTS)),
        st.tuples(st.just("one is due"), st.integers(0, 9)),
        st.tuples(st.just("again"), st.integers(0, 9)),
    ),
    min_size=4,
    max_size=14,
)


@given(steps=STEPS)
@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes here
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_history_ends_as_if_nothing_had_ever_failed(
    retailers, connected, sandbox_crm, http, steps
):
    acorn, birch = retailers
    with tenant_context(acorn):
        Connection.objects.update(state="off")
    sandbox_crm.api("DELETE", "/faults")
    connection = connected(acorn)
    with tenant_context(birch):
        before = list(Delivery.objects.values_list("pk", "state"))
    people = [f"{uuid.uuid4().hex}@example.com" for _ in range(2)]
    history = []
    for number, (what, *how) in enumerate(steps):
        if what == "sign up":
            who, minute, first, last = how
            answers = {"first_name": first, "last_name": last}
            signup = taken_in(acorn, people[who], **answers)
            at(acorn, signup, minute)
            history.append((minute, number, people[who], answers))
        elif what == "drain":
            sandbox_crm.api("DELETE", "/faults")
            if how[0]:
                sandbox_crm.fault(how[0], times=1, path="upsert")
            drained(acorn, connection, http)
        else:
            with tenant_context(acorn):
                rows = Delivery.objects.filter(connection=connection).order_by("id")
                Connection.objects.update(not_before=timezone.now())
                for row in rows[how[0] : how[0] + 1]:
                    one = Delivery.objects.filter(pk=row.pk)
                    if what == "again":
                        outbox.resend(one)
                    else:
                        one.filter(state="due").update(due_at=timezone.now())
    sandbox_crm.api("DELETE", "/faults")
    for _ in range(3):
        later(acorn)
        rows = drained(acorn, connection, http)
    assert {row.state for row in rows} <= {"delivered"}
    for person in people:
        mine = sorted(one for one in history if one[2] == person)
        contacts = sandbox_crm.found(email=person)
        assert len(contacts) == bool(mine), "a person has one contact"
        for name in ("first_name", "last_name"):
            said = [answers[name] for *_, answers in mine if answers[name]]
            if mine:
                assert contacts[0]["attributes"].get(name) == (said[-1] if said else None)
    with tenant_context(birch):
        assert list(Delivery.objects.values_list("pk", "state")) == before
