"""A sign-up that is sent arrives once, whole, and in the right retailer's schema."""

import datetime
import time
import uuid
from contextlib import contextmanager
from unittest import mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app import intake
from forms_app.models import FormVersion, SignupPage
from forms_app.versions import find_version
from integrations.models import Delivery

from .shop import field, key, soup


def test_a_sign_up_is_stored_with_its_consents_in_its_own_schema_only(shops, robin):
    acorn, birch = shops
    before = birch.stored()
    answer = acorn.post({**robin, "terms": "yes"})
    assert answer.status_code == 303
    (signup,) = acorn.signups()
    assert signup.page.slug == "join"
    assert str(signup.form_version_id) == acorn.version()
    assert signup.email == "robin@example.com"
    consents = {c.key: (c.purpose, c.wording, c.language, c.given) for c in signup.consents.all()}
    assert consents == {
        key("news"): ("marketing", "Send me news.", "en", False),
        key("terms"): ("terms", "I accept the terms.", "en", True),
    }
    assert birch.stored() == before


def test_both_shops_keep_their_own_shoppers(shops, robin):
    for shop in shops:
        shop.post({**robin, "first_name": shop.retailer.name})
    assert [[s.person for s in shop.signups()] for shop in shops] == [["Acorn"], ["Birch"]]


def test_a_sign_up_waits_for_every_connection_that_is_not_off(shops, robin):
    acorn, birch = shops
    active, paused, _ = (acorn.connect(state) for state in ("active", "paused", "off"))
    birch.connect("active", "Birch's own")
    signup = acorn.sign_up(robin)
    assert {d.connection_id for d in signup.deliveries.all()} == {active, paused}
    assert {d.state for d in signup.deliveries.all()} == {Delivery.State.DUE}
    with tenant_context(birch.retailer):
        assert not Delivery.objects.exists()


def test_a_sign_up_rings_for_active_connections_only(shops, robin, monkeypatch):
    from integrations import tasks

    acorn, _ = shops
    active = acorn.connect("active")
    acorn.connect("paused")
    rung = []
    monkeypatch.setattr(tasks.drain_connection, "delay", lambda **call: rung.append(call))
    acorn.sign_up(robin)
    assert rung == [{"schema": acorn.schema, "connection_id": active}]


def test_answers_are_stored_in_one_form(shops):
    acorn, _ = shops
    signup = acorn.sign_up(
        {
            "first_name": "  Zoe\u0308   de  Vries ",
            "email": " Zoe@EXAMPLE.com ",
            "mobile": "06 1234 5678",
            "birthday": ("7", "3", "1990"),
            "colour": key("Blue"),
            "short_text": " a\t b ",
            "long_text": "one\r\ntwo\rthree",
            "news": "yes",
            "terms": "yes",
        }
    )
    assert signup.answers == {
        key("first_name"): "Zoë de Vries",
        key("email"): "Zoe@example.com",
        key("mobile"): "+31612345678",
        key("birthday"): "1990-03-07",
        key("colour"): key("Blue"),
        key("short_text"): "a b",
        key("long_text"): "one\ntwo\nthree",
        key("news"): True,
        key("terms"): True,
    }
    assert (signup.email, signup.mobile) == ("zoe@example.com", "+31612345678")


def test_blank_answers_are_left_out(shops, robin):
    signup = shops[0].sign_up({**robin, "mobile": "", "birthday": ("", "", ""), "colour": ""})
    assert set(signup.answers) == {key(name) for name in ("first_name", "email", "news", "terms")}


@pytest.mark.parametrize("value", ["no", "off", "0", "false"])
def test_a_consent_counts_as_given_only_when_its_box_was_ticked(shops, robin, value):
    """A ticked box sends "yes"; whatever else a program sends is no consent."""
    acorn, _ = shops
    answer = acorn.send({**robin, "news": value})
    given = [c.given for s in acorn.signups() for c in s.consents.all() if c.key == key("news")]
    assert given in ([False], []), answer.content


def test_of_two_e_mail_fields_the_first_that_is_filled_in_counts(shops):
    acorn, _ = shops
    acorn.publish(
        field("email", "work", required=False),
        field("email", "private", required=False),
        slug="two",
    )
    signup = acorn.sign_up({"work": "robin@example.com", "private": ""}, "/two/")
    assert signup.email == "robin@example.com"
    later = acorn.sign_up({"work": "", "private": "kim@example.com"}, "/two/")
    assert later.email == "kim@example.com"
    assert later.person == "kim@example.com"


# --- The answer -----------------------------------------------------------------------------------


def test_a_browser_is_led_to_the_thank_you(shops, robin):
    for shop in shops:
        answer = shop.client.post("/join/", shop.form(robin), follow=True)
        assert answer.redirect_chain == [("/join/thanks/", 303)]
        assert answer.status_code == 200
        assert soup(answer).h1.text == "Thank you!"
        assert shop.retailer.name in answer.text


def test_a_browser_is_led_to_the_page_that_was_filled_in_whatever_it_posted_to(shops, robin):
    for shop in shops:
        shop.publish(other_languages=["nl"], slug="club")
        data = shop.form({}, path="/club/")
        for language, there in (("en", "/club/thanks/"), ("nl", "/club/nl/thanks/")):
            for path in ("/club/", "/join/", "/", "/nobody/knows/", "/club/nl/"):
                answer = shop.client.post(path, {**data, "language": language})
                assert (answer.status_code, answer["Location"]) == (303, there)
                assert shop.get(there).status_code == 200
        shop.publish(slug="club", other_languages=[])
        assert shop.client.post("/club/nl/", {**data, "language": "nl"})["Location"] == (
            "/club/thanks/"
        )


def test_an_open_page_that_gets_another_address_meanwhile_leads_to_its_thank_you(shops, robin):
    acorn, _ = shops
    data = acorn.form(robin)
    with acorn.inside():
        page = SignupPage.objects.get(slug="join")
        page.slug = "welcome"
        page.save_revision().publish()
    answer = acorn.client.post("/join/", data, follow=True)
    assert answer.redirect_chain == [("/welcome/thanks/", 303)] and answer.status_code == 200


def test_a_program_gets_a_receipt(shops, robin):
    sent = str(uuid.uuid4())
    answer = shops[0].send(robin, signup_id=sent)
    assert (answer.status_code, answer.json()) == (201, {"receipt": sent})
    assert str(shops[0].signups()[0].pk) == sent


def test_the_thank_you_is_the_same_whether_or_not_the_person_was_known(shops, robin):
    acorn, _ = shops
    acorn.sign_up({**robin, "first_name": "Known"})
    first = acorn.client.post("/join/", acorn.form(robin), follow=True)
    acorn.publish()
    second = acorn.client.post("/join/", acorn.form(robin), follow=True)
    assert first.content == second.content
    assert b"Robin" not in first.content


def test_an_answer_to_a_sign_up_sets_no_cookie_and_is_not_kept(shops, robin):
    acorn, _ = shops
    for answer in (acorn.post(robin), acorn.post({}), acorn.post({}, version="none")):
        assert not answer.cookies
    assert acorn.post({})["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/join/", "///evil.example/"])
def test_a_sign_up_never_leads_to_another_host(shops, robin, path):
    """A form on somebody's site may post to http://acorn…//evil.example/ ."""
    acorn, _ = shops
    sent = acorn.client.post("/", acorn.form(robin), PATH_INFO=path)
    assert not sent.get("Location", "").startswith("//")
    for data in (acorn.form({}), {}):
        page = soup(acorn.client.post("/", data, PATH_INFO=path))
        targets = [link["href"] for link in page.select("main a[href]")]
        targets += [form["action"] for form in page.select("form")]
        assert targets and not any(target.startswith("//") for target in targets)


# --- Repeats --------------------------------------------------------------------------------------


def test_a_repeated_sign_up_answers_like_the_first(shops, robin):
    acorn, birch = shops
    acorn.connect()
    sent = str(uuid.uuid4())
    for send in (acorn.post, acorn.send):
        first = send(robin, signup_id=sent)
        once = acorn.stored()
        second = send(robin, signup_id=sent)
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert second.get("Location") == first.get("Location")
        assert acorn.stored() == once
    assert len(acorn.signups()) == 1
    assert not birch.signups()


def test_a_repeat_is_no_statement_that_postgresql_refuses_and_logs(shops, robin):
    sent = str(uuid.uuid4())
    for shop in shops:
        shop.send(robin, signup_id=sent)
        with CaptureQueriesContext(connection) as seen:
            assert shop.send(robin, signup_id=sent).status_code == 201
        assert seen.captured_queries
        assert not [one["sql"] for one in seen if one["sql"].startswith("INSERT")]


def test_a_repeat_with_other_answers_changes_nothing(shops, robin):
    acorn, _ = shops
    sent = str(uuid.uuid4())
    first = acorn.send(robin, signup_id=sent)
    second = acorn.send({**robin, "first_name": "Mallory", "news": "yes"}, signup_id=sent)
    assert second.json() == first.json()
    (signup,) = acorn.signups()
    assert signup.person == "Robin"
    assert [c.given for c in signup.consents.all() if c.key == key("news")] == [False]


def test_the_same_id_in_two_shops_is_two_sign_ups(shops, robin):
    sent = str(uuid.uuid4())
    for shop in shops:
        assert shop.send(robin, signup_id=sent).status_code == 201
    assert [len(shop.signups()) for shop in shops] == [1, 1]


def test_without_an_id_the_same_answers_on_one_day_are_one_sign_up(shops, robin):
    acorn, birch = shops
    receipts = {acorn.send(robin).json()["receipt"] for _ in range(3)}
    assert len(receipts) == len(acorn.signups()) == 1
    acorn.send({**robin, "first_name": "Kim"})
    assert len(acorn.signups()) == 2
    assert not birch.signups()


def test_without_an_id_the_same_answers_on_another_day_are_another_sign_up(
    shops, robin, monkeypatch
):
    acorn, _ = shops
    acorn.send(robin)
    tomorrow = timezone.now() + datetime.timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    acorn.send(robin)
    assert len(acorn.signups()) == 2


# --- Robots ---------------------------------------------------------------------------------------


def test_a_robot_is_thanked_like_everybody_and_kept_aside(shops, robin):
    acorn, birch = shops
    acorn.connect()
    person = acorn.post({**robin, "first_name": "Person"})
    robot = acorn.post(robin, website="http://spam.example")
    assert (robot.status_code, robot["Location"]) == (person.status_code, person["Location"])
    sent = str(uuid.uuid4())
    answer = acorn.send(robin, website="x", signup_id=sent)
    assert (answer.status_code, answer.json()) == (201, {"receipt": sent})
    kept = {signup.problem: signup.deliveries.count() for signup in acorn.signups()}
    assert kept == {"": 1, "robot": 0}
    assert len(acorn.signups()) == 3 and birch.signups() == []


def test_a_form_that_we_never_made_is_kept_aside(shops, robin):
    acorn, birch = shops
    issued = soup(acorn.get()).find("input", {"name": "issued"})["value"]
    assert acorn.sign_up(robin, issued=issued).problem == ""
    # Another shop's, or none of ours at all.
    for forged in (issued[:-1] + ("x" if issued[-1] != "x" else "y"), "page", "page::", issued):
        new = str(uuid.uuid4())
        assert birch.sign_up(robin, issued=forged, signup_id=new).problem == "robot"


def test_whoever_mends_a_mistake_at_once_is_a_person(shops, robin):
    acorn, _ = shops
    with tenant_context(acorn.retailer), freeze(seconds=-30):
        issued = intake.issue()
    shown = soup(acorn.post({**robin, "email": "x"}, issued=issued))
    assert shown.find("input", {"name": "issued"})["value"] == issued
    assert soup(acorn.post({})).find("input", {"name": "issued"}) is None


@contextmanager
def freeze(seconds: float):
    """The clock of signatures, so much off."""
    real = time.time
    with mock.patch("django.core.signing.time.time", lambda: real() + seconds):
        yield


# --- Time -----------------------------------------------------------------------------------------


def test_the_tablets_time_is_kept(shops, robin):
    yesterday = timezone.now() - datetime.timedelta(days=1)
    before = timezone.now()
    signup = shops[0].sign_up(robin, submitted_at=yesterday.isoformat())
    assert signup.submitted_at == yesterday
    assert before <= signup.received_at <= timezone.now()
    assert {c.recorded_at for c in signup.consents.all()} == {yesterday}


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "yesterday",
        "2026-13-45T00:00:00Z",
        "2026-02-30T10:00:00Z",
        "2020-01-01T10:00:00",  # whose time?
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "2020-01-01T10:00:00+99:99",
        "0001-01-01T00:00:00+14:00",  # in UTC before the year 1: PostgreSQL takes it, Python can't
        "0000-01-01T00:00:00Z",
        "1" * 500,
    ],
)
def test_a_time_that_cannot_be_is_replaced_by_now(shops, robin, sent):
    acorn, _ = shops
    before = timezone.now()
    assert acorn.send(robin, submitted_at=sent).status_code == 201
    (signup,) = acorn.signups()
    assert before <= signup.submitted_at <= timezone.now()


def test_a_clock_that_is_a_little_fast_is_believed(shops, robin):
    soon = timezone.now() + datetime.timedelta(minutes=4)
    assert shops[0].sign_up(robin, submitted_at=soon.isoformat()).submitted_at == soon


# --- Versions -------------------------------------------------------------------------------------


def test_a_sign_up_is_checked_against_the_version_it_was_filled_in_on(shops, robin):
    acorn, _ = shops
    old = acorn.version()
    # What was asked then is gone, what is asked now wasn't there.
    for number in range(3):
        acorn.publish(field("last_name", f"n{number}", required=True))
    signup = acorn.sign_up(robin, version=old)
    assert str(signup.form_version_id) == old != acorn.version()
    assert signup.answers[key("first_name")] == "Robin"
    assert acorn.send(robin).status_code == 400  # the same on the new version


def test_errors_show_the_version_that_was_filled_in(shops):
    acorn, _ = shops
    old = acorn.version()
    acorn.publish(field("last_name", required=True))
    answer = acorn.post({"first_name": "Robin"}, version=old)
    assert answer.status_code == 422
    page = soup(answer)
    assert page.find("input", {"name": "form_version"})["value"] == old
    assert page.find("input", {"name": key("first_name")})["value"] == "Robin"
    assert page.find("input", {"name": key("last_name")}) is None


@pytest.mark.parametrize(
    "version",
    ["", "1", "not-a-uuid", "6f9619ff-8b86-4011-b42d-00cf4fc964ff", "é" * 36, "-" * 36],
)
def test_a_version_that_does_not_exist_is_refused(shops, robin, nothing_written, version):
    acorn, _ = shops
    data = {**acorn.form(robin), "form_version": version}
    with nothing_written():
        answer = acorn.client.post("/join/", data)
        assert answer.status_code == 409
        assert soup(answer).find("a", href="/join/")
        json = acorn.client.post("/join/", data, HTTP_ACCEPT="application/json")
        assert json.status_code == 409
        assert json.json()["error"]


def test_a_form_without_a_version_is_refused(shops, nothing_written):
    with nothing_written():
        assert shops[0].client.post("/join/", {"a": "b"}).status_code == 409


def test_a_version_of_another_retailer_is_refused(shops, robin, nothing_written):
    acorn, birch = shops
    theirs = birch.version()
    birch.post(robin)  # the process has kept Birch's version by now
    with nothing_written():
        assert acorn.post(robin, version=theirs).status_code == 409
    with tenant_context(birch.retailer):
        assert find_version(birch.schema, theirs) == FormVersion.objects.get(pk=theirs)


def test_a_process_keeps_a_limited_number_of_versions(shops, monkeypatch):
    from forms_app import versions

    acorn, birch = shops
    monkeypatch.setattr(versions, "KEEP", 1)
    for shop in (acorn, birch, acorn):
        seen = shop.version()
        with tenant_context(shop.retailer):
            assert find_version(shop.schema, seen).page.slug == "join"
        assert len(versions._kept) == 1


def test_a_queued_sign_up_is_accepted_after_its_page_was_unpublished(shops, robin):
    acorn, _ = shops
    seen = acorn.version()
    acorn.unpublish()
    assert acorn.get().status_code == 404
    assert acorn.send(robin, version=seen).status_code == 201
    assert acorn.post({**robin, "first_name": "Kim"}, version=seen).status_code == 303
    assert acorn.post({}, version=seen).status_code == 422
    assert len(acorn.signups()) == 2


def test_a_sign_up_is_whole_or_absent(shops, robin, nothing_written, monkeypatch):
    """What fails in the middle of the transaction takes all of it back."""
    from integrations import outbox

    def fail(signup):
        raise ConnectionResetError("the server went away")

    monkeypatch.setattr(outbox, "add", fail)
    with nothing_written(), pytest.raises(ConnectionResetError):
        shops[0].post(robin)


def test_an_error_of_the_database_that_is_no_repeat_is_not_taken_for_one(
    shops, robin, nothing_written, monkeypatch
):
    from django.db import IntegrityError

    from integrations import outbox

    def fail(signup):
        raise IntegrityError("another constraint")

    monkeypatch.setattr(outbox, "add", fail)
    with nothing_written(), pytest.raises(IntegrityError):
        shops[0].post(robin)
