"""What tablets have queued arrives: once, late, damaged or not, and nothing is refused for good."""

import datetime
import time
import uuid

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app import receiving, sealing
from forms_app.models import SealedEntry, Signup, Store, TabletSettings

from .device import Device
from .shop import field, key

COLLEAGUE = {"first_name": "Kim", "email": "kim@example.com", "terms": "yes"}


@pytest.fixture
def device(shops) -> Device:
    """Acorn's tablet."""
    return Device(shops[0]).paired()


def kept_sealed(shop) -> list[SealedEntry]:
    with tenant_context(shop.retailer):
        return list(SealedEntry.objects.select_related("tablet"))


def test_a_queued_sign_up_arrives_with_its_tablet_and_store(shops, robin):
    acorn, birch = shops
    with tenant_context(acorn.retailer):
        store = Store.objects.create(name="Amsterdam")
    device = Device(acorn).paired("Till 2", store=store)
    acorn.connect()
    entry = device.entry(robin)
    assert device.results(entry) == {entry["id"]: "receipt"}
    (signup,) = acorn.signups()
    assert str(signup.pk) == entry["id"]
    assert signup.email == "robin@example.com" and signup.origin == "queue"
    assert (signup.tablet_id, signup.store_id) == (device.tablet().pk, store.pk)
    assert len(signup.deliveries.all()) == 1
    assert birch.signups() == []


def test_what_is_sent_twice_is_one_and_has_its_receipt_each_time(shops, device, robin):
    entry = device.entry(robin)
    for _ in range(3):
        assert device.results(entry) == {entry["id"]: "receipt"}
    assert device.results(entry, entry) == {entry["id"]: "receipt"}
    assert [len(shop.signups()) for shop in shops] == [1, 0]


def test_what_doesnt_fit_its_form_is_kept_aside_for_staff(shops, device):
    acorn, birch = shops
    entry = device.entry({"first_name": "Robin", "email": "robin@nowhere", "terms": "yes"})
    assert device.results(entry) == {entry["id"]: "aside"}
    (signup,) = acorn.signups()
    assert signup.problem == "invalid" and signup.answers[key("email")] == "robin@nowhere"
    assert signup.tablet_id == device.tablet().pk and birch.signups() == []


def test_an_old_version_of_the_form_is_taken_as_the_shopper_saw_it(shops, device, robin):
    acorn, birch = shops
    entry = device.entry(robin)
    acorn.open(field("email", label="Only this"), field("short_text", "new", label="New"))
    assert device.results(entry) == {entry["id"]: "receipt"}
    (signup,) = acorn.signups()
    assert str(signup.form_version_id) == entry["form_version"] != acorn.version()
    assert birch.signups() == []


def test_one_that_we_stumble_over_holds_up_no_other(shops, device, robin, monkeypatch):
    acorn, _ = shops
    good, bad, later = (device.entry(answers) for answers in (robin, COLLEAGUE, COLLEAGUE))
    take = receiving.intake.take

    def stumble(version, data, **how):
        if data["signup_id"] == bad["id"]:
            raise ZeroDivisionError
        return take(version, data, **how)

    monkeypatch.setattr(receiving.intake, "take", stumble)
    assert device.results(good, bad, later, length=3) == {
        good["id"]: "receipt",
        bad["id"]: "retry",
        later["id"]: "receipt",
    }
    assert device.tablet().queue_length == 1
    monkeypatch.undo()
    assert device.results(bad) == {bad["id"]: "receipt"}
    assert len(acorn.signups()) == 3


def test_with_the_database_away_no_receipt_is_given(shops, device, robin, monkeypatch):
    def away(*args, **how):
        raise OperationalError("gone")

    monkeypatch.setattr(receiving.intake, "take", away)
    device.client.raise_request_exception = False
    assert device.contact(device.entry(robin)).status_code == 500


def test_an_entry_whose_key_isnt_here_is_kept_as_it_came_and_opens_when_it_is_back(
    shops, device, robin
):
    acorn, birch = shops
    entry = device.entry(robin)
    lost = device.without_key(entry)
    for _ in range(2):
        assert device.results(entry) == {entry["id"]: "sealed"}
    (kept,) = kept_sealed(acorn)
    assert kept.envelope == entry and "key that isn't here" in kept.reason
    assert kept.tablet == device.tablet()
    assert acorn.signups() == [] and kept_sealed(birch) == []

    with tenant_context(acorn.retailer):
        assert receiving.open_kept() == (0, 1)
        lost.save(force_insert=True)
        assert receiving.open_kept() == (1, 0)
    (signup,) = acorn.signups()
    assert str(signup.pk) == entry["id"] and signup.tablet_id == device.tablet().pk


@pytest.mark.parametrize(
    "content", [{}, {"fields": "text"}, {"fields": [["a"]]}, {"fields": [["a", 7]]}], ids=str
)
def test_what_holds_no_form_is_kept_as_it_came(shops, device, content):
    entry = device.sealed(content)
    assert device.results(entry) == {entry["id"]: "sealed"}
    assert [len(kept_sealed(shop)) for shop in shops] == [1, 0]


def test_damaged_nameless_and_foreign_entries_are_kept_as_they_came(shops, device, robin):
    acorn, birch = shops
    entries = [
        device.entry(robin) | {"box": "AAAA"},
        device.entry(robin, version=str(uuid.uuid4())),  # a form that isn't here
        device.entry(robin, entry_id="not-a-uuid"),
        device.entry(robin) | {"id": "x" * 101},
        {"without": "a name, and with a NUL \x00"},
        device.entry(robin | {"first_name": "\x00"}),
        device.entry(robin, stranger="a field that the form doesn't have"),
    ]
    results = device.results(*entries)
    assert list(results.values()) == ["sealed"] * len(entries)
    assert len(kept_sealed(acorn)) == len(entries)
    assert acorn.signups() == [] and kept_sealed(birch) == []
    assert device.results(*entries) == results, "the same names, nothing twice"
    assert len(kept_sealed(acorn)) == len(entries)


def test_another_shops_entry_cant_be_passed_off_here(shops, device, robin):
    acorn, birch = shops
    foreign = Device(birch).paired()
    entry = foreign.entry(robin)
    assert device.results(entry) == {entry["id"]: "sealed"}
    assert acorn.signups() == []
    assert foreign.results(entry) == {entry["id"]: "receipt"}
    assert len(birch.signups()) == 1


def test_a_wrong_clock_is_put_right_and_what_it_said_is_kept(shops, device, robin):
    wrong = time.time() - 3 * 365 * 24 * 3600  # three years behind
    pressed = datetime.datetime.fromtimestamp(wrong - 3600, datetime.UTC)  # an hour ago, it says
    entry = device.entry(robin, submitted_at=pressed.isoformat())
    oldest = int((wrong - 3600) * 1000)
    assert device.results(entry, now=wrong, length=2, oldest=oldest)[entry["id"]] == "receipt"
    (signup,) = shops[0].signups()
    hour = datetime.timedelta(hours=1)
    assert abs(timezone.now() - signup.submitted_at - hour) < datetime.timedelta(minutes=1)
    assert signup.tablet_clock_at == pressed
    oldest_unsent = device.tablet().oldest_unsent_at
    assert abs(timezone.now() - oldest_unsent - hour) < datetime.timedelta(minutes=1)
    assert shops[1].signups() == []


def test_a_tablets_old_copy_of_the_page_is_no_robot(shops, device, robin):
    entry = device.entry(robin, issued="signed:long:ago")
    assert device.results(entry) == {entry["id"]: "receipt"}
    assert [signup.problem for signup in shops[0].signups()] == [""]
    assert shops[1].signups() == []


def test_a_test_sign_up_is_marked_and_reaches_no_crm(shops, device):
    acorn, birch = shops
    acorn.connect()
    entry = device.sealed({"test": True})
    for _ in range(2):
        assert device.results(entry) == {entry["id"]: "receipt"}
    (signup,) = acorn.signups()
    assert signup.is_test and signup.tablet_id == device.tablet().pk
    assert not signup.deliveries.all() and birch.signups() == []


def test_the_tablet_says_how_it_is_and_nonsense_is_left_out(shops, device):
    version = shops[0].version()
    oldest = int((time.time() - 60) * 1000)
    device.contact(length=4, oldest=oldest, app="abc", version=version)
    tablet = device.tablet()
    assert (tablet.queue_length, tablet.app_version) == (4, "abc")
    assert str(tablet.form_version) == version and tablet.last_contact_at
    assert datetime.timedelta(seconds=50) < timezone.now() - tablet.oldest_unsent_at

    device.contact(length="many", oldest="long ago", app="x" * 99, version="none", now=1e30)
    tablet = device.tablet()
    assert (tablet.queue_length, tablet.oldest_unsent_at, tablet.form_version) == (0, None, None)
    assert len(tablet.app_version) == 40
    device.contact(length=-1, oldest=True)
    assert device.tablet().queue_length == 0


def test_a_tablet_is_told_what_has_changed_and_only_then(shops, device):
    acorn, birch = shops
    assert "state" not in device.contact().json()
    assert device.state["paths"] == ["/join/"] and "d" not in device.state["key"]["jwk"]
    before = device.state["release"]
    acorn.open(field("email", label="Changed"))
    news = device.contact().json()["state"]
    assert news["release"] != before
    with tenant_context(acorn.retailer):
        settings = TabletSettings.load()
        settings.pin = {"salt": "s", "iterations": 1, "hash": "h"}
        settings.save()
        store = Store.objects.create(name="Zuid", opening_hours={"mon": ["09:00", "18:00"]})
        tablet = device.tablet()
        tablet.store = store
        tablet.save()
        sealing.rotate()
    news = device.contact().json()["state"]
    assert news["pin"]["hash"] == "h"
    assert news["hours"] == {"zone": "Europe/Amsterdam", "days": {"mon": ["09:00", "18:00"]}}
    assert "state" not in device.contact().json()
    assert Device(birch).paired().state["hours"] is None


def test_a_tablet_whose_page_is_gone_shows_the_first_there_is(shops):
    acorn, birch = shops
    other = acorn.publish(field("email", label="Other"), slug="other")
    device = Device(acorn).paired(page=other)
    assert device.state["paths"] == ["/other/"]
    acorn.unpublish("other")
    device.contact()
    assert device.state["paths"] == ["/join/"]
    acorn.unpublish("join")
    device.contact()
    assert device.state["paths"] == []
    assert Device(birch).paired().state["paths"] == ["/join/"]


def test_a_page_in_several_languages_is_kept_in_each(shops):
    acorn, birch = shops
    acorn.publish(other_languages=["nl", "de"])
    assert Device(acorn).paired().state["paths"] == ["/join/", "/join/nl/", "/join/de/"]
    assert Device(birch).paired().state["paths"] == ["/join/"]
    for path in ("/join/nl/", "/join/de/"):
        assert acorn.get(path).status_code == 200
        assert birch.get(path).status_code == 404


def test_too_many_or_too_large_is_refused_and_nothing_is_lost_by_it(shops, device, robin):
    entry = device.entry(robin)
    assert device.contact(*[entry] * 101).status_code == 400
    assert device.post("/app/entries", {"entries": "none"}).status_code == 400
    assert device.contact(entry | {"box": "A" * 1_100_000}).status_code == 413
    assert [shop.signups() for shop in shops] == [[], []]


def test_a_contact_costs_few_statements(shops, device, robin, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        device.contact()
    entries = [device.entry(robin) for _ in range(10)]
    with django_assert_max_num_queries(20 + 10 * 8):
        device.contact(*entries)
    assert len(shops[0].signups()) == 10 and shops[1].signups() == []


def test_a_plain_form_from_a_paired_tablet_says_its_store_too(shops, device, robin):
    """A tablet that can't keep anything posts as a browser does; its cookie says who it is."""
    acorn, birch = shops
    assert device.client.post("/join/", acorn.form(robin)).status_code == 303
    (signup,) = acorn.signups()
    assert signup.tablet_id == device.tablet().pk and signup.origin == "page"
    assert birch.sign_up(robin).tablet_id is None


def test_every_sign_up_of_a_day_is_there_once_whatever_was_repeated(shops, device, robin):
    entries = [device.entry(robin | {"email": f"p{n}@example.com"}) for n in range(30)]
    for start in (0, 5, 20, 10):
        device.results(*entries[start : start + 15])
    with tenant_context(shops[0].retailer):
        assert Signup.objects.count() == len(entries)
    assert shops[1].signups() == []
