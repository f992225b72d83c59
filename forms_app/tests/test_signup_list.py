"""The retailer sees each sign-up arrive, what became of it, and can send it again."""

import datetime
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app.models import Signup
from integrations import tasks
from integrations.models import Attempt, Delivery

from .shop import field, key, soup

LIST = "/admin/signups/"


def url(name: str, *args) -> str:
    return reverse(f"signups:{name}", args=args)


def listed(shop, browser=None, **query) -> list[str]:
    """Who stands in the list."""
    answer = (browser or shop.staff()).get(LIST, query)
    assert answer.status_code == 200
    return [cell.get_text(strip=True) for cell in soup(answer).select("table.listing td.title")]


def set_delivery(signup, state: str, **values) -> Delivery:
    delivery = signup.deliveries.get()
    for name, value in {"state": state, **values}.items():
        setattr(delivery, name, value)
    delivery.save()
    return delivery


def test_the_list_shows_the_shops_own_sign_ups_newest_first(shops, robin):
    for shop in shops:
        for name in ("First", "Second"):
            shop.sign_up({**robin, "first_name": f"{shop.retailer.name} {name}"})
    for shop in shops:
        name = shop.retailer.name
        assert listed(shop) == [f"{name} Second", f"{name} First"]


def test_somebody_is_named_by_what_is_known(shops):
    acorn, _ = shops
    acorn.publish(
        field("first_name"),
        field("last_name"),
        field("email", required=False),
        field("mobile"),
        slug="short",
    )
    who = [
        ({"first_name": "Robin", "last_name": "de Vries"}, "Robin de Vries"),
        ({"last_name": "de Vries"}, "de Vries"),
        ({"email": "robin@example.com"}, "robin@example.com"),
        ({"mobile": "0612345678"}, "+31612345678"),
        ({}, "Somebody"),
    ]
    for answers, name in who:
        signup = acorn.sign_up(answers, "/short/")
        assert signup.person == str(signup) == name
    acorn.publish(field("long_text"), slug="bare")
    assert acorn.sign_up({"long_text": "Hi"}, "/bare/").person == "Somebody"
    assert listed(acorn) == ["Somebody", *(name for _, name in reversed(who))]


@pytest.mark.parametrize(
    "words, found",
    [("zoë", True), ("ZOE@", True), ("345678", True), ("Herengracht", True), ("nobody", False)],
)
def test_a_sign_up_is_found_by_what_was_typed(shops, robin, words, found):
    acorn, birch = shops
    answers = {
        "first_name": "Zoë", "email": "zoe@example.com", "mobile": "0612345678",
        "short_text": "Herengracht 1", "terms": "yes",
    }  # fmt: skip
    for shop in shops:
        shop.sign_up(answers)
        shop.sign_up(robin)
    assert listed(acorn, q=words) == (["Zoë"] if found else [])


def test_the_list_can_be_narrowed_by_page_day_and_delivery(shops, robin):
    acorn, _ = shops
    acorn.connect()
    other = acorn.publish(field("first_name"), slug="other")
    acorn.sign_up({"first_name": "Kim"}, "/other/")
    old = acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        Signup.objects.filter(pk=old.pk).update(
            received_at=timezone.now() - datetime.timedelta(days=40)
        )
        set_delivery(Signup.objects.get(pk=old.pk), "delivered")
    staff = acorn.staff()
    assert listed(acorn, staff) == ["Kim", "Robin"]
    assert listed(acorn, staff, page=other.pk) == ["Kim"]
    assert listed(acorn, staff, delivery="delivered") == ["Robin"]
    assert listed(acorn, staff, delivery="due") == ["Kim"]
    today = timezone.now().date().isoformat()
    assert listed(acorn, staff, received_at_from=today) == ["Kim"]
    long_ago = (timezone.now() - datetime.timedelta(days=30)).date().isoformat()
    assert listed(acorn, staff, received_at_to=long_ago) == ["Robin"]


@pytest.mark.parametrize(
    "states, shown",
    [
        ([], "No CRM connected"),
        (["delivered"], "Delivered"),
        (["delivered", "due"], "On its way"),
        (["delivered", "due", "sending"], "Being sent"),
        (["delivered", "sending", "needs_attention"], "Needs attention"),
    ],
)
def test_the_list_says_the_worst_that_became_of_a_sign_up(shops, robin, states, shown):
    acorn, birch = shops
    for number, _ in enumerate(states):
        acorn.connect(name=f"CRM {number}")
    for shop in shops:
        shop.sign_up(robin)
    with tenant_context(acorn.retailer):
        for delivery, state in zip(Delivery.objects.all(), states):
            Delivery.objects.filter(pk=delivery.pk).update(state=state)
    for shop, words in ((acorn, shown), (birch, "No CRM connected")):
        page = soup(shop.staff().get(LIST))
        assert [state.text for state in page.select("td .delivery")] == [words]


def test_the_list_of_many_takes_no_more_statements_than_of_two(shops, robin):
    acorn, _ = shops
    acorn.connect()
    staff = acorn.staff()
    staff.get(LIST)
    counts = []
    for batch in (2, 10):
        for number in range(batch):
            acorn.sign_up({**robin, "first_name": f"{batch} {number}"})
        with CaptureQueriesContext(connection) as queries:
            staff.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("query", [{}, {"delivery": "delivered"}, {"consent": "yes"}])
def test_the_list_of_years_neither_joins_nor_compares_what_it_does_not_show(shops, robin, query):
    acorn, birch = shops
    for shop in shops:
        shop.connect()
        shop.sign_up(robin)
        with tenant_context(shop.retailer):
            Delivery.objects.update(state="delivered")
    staff = acorn.staff()
    with CaptureQueriesContext(connection) as queries:
        assert len(listed(acorn, staff, **query)) == (0 if "consent" in query else 1)
    about = [q["sql"] for q in queries if 'FROM "forms_app_signup"' in q["sql"]]
    assert about and not [sql for sql in about if "JOIN" in sql or "DISTINCT" in sql]


def test_an_address_is_looked_for_among_all_answers_if_nobody_signed_up_with_it(shops, robin):
    acorn, birch = shops
    for shop in shops:
        shop.sign_up({**robin, "long_text": "Write to kim@example.com as well, please."})
    assert listed(acorn, q="ROBIN@example.com") == listed(acorn, q="Kim@Example.com") == ["Robin"]
    birch.sign_up({**robin, "first_name": "Kim", "email": "kim@example.com"})
    assert listed(birch, q="kim@example.com") == ["Kim"]
    assert listed(acorn, q="ann@example.com") == []


def test_the_list_is_not_for_strangers_nor_for_another_shops_staff(shops, robin):
    acorn, birch = shops
    signup = acorn.sign_up(robin)
    stranger = Client(HTTP_HOST=acorn.host)
    for address in (LIST, LIST + "?export=csv", url("inspect", signup.pk)):
        answer = stranger.get(address)
        assert answer.status_code == 302 and "/login/" in answer["Location"]
    assert birch.staff().get(url("inspect", signup.pk)).status_code == 404
    theirs = acorn.staff()
    # The same cookie at another shop's host is nobody.
    theirs.defaults["HTTP_HOST"] = birch.host
    assert theirs.get(LIST).status_code == 302


def test_nobody_adds_edits_or_deletes_a_sign_up(shops, robin, nothing_written):
    acorn, _ = shops
    signup = acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        get_user_model().objects.create_superuser("root@acorn.test", "a long password")
        root = Client(HTTP_HOST=acorn.host)
        root.force_login(get_user_model().objects.get(email="root@acorn.test"))
    with nothing_written():
        for browser in (root, acorn.staff(), acorn.staff("Viewers")):
            for action, args in (("add", ()), ("edit", [signup.pk]), ("delete", [signup.pk])):
                answer = browser.post(url(action, *args), {"answers": "{}"})
                assert answer.status_code in (302, 403, 404, 405)
    assert acorn.signup(signup.pk).answers == signup.answers
    page = soup(acorn.staff().get(LIST))
    assert not page.select(f"a[href='{url('add')}'], a[href*='/edit/'], a[href*='/delete/']")


# --- One sign-up ----------------------------------------------------------------------------------


def test_a_sign_up_is_shown_with_answers_consents_and_deliveries(shops, robin):
    acorn, birch = shops
    acorn.connect(name="Our CRM")
    signup = acorn.sign_up(
        {
            **robin,
            "birthday": ("29", "2", ""),
            "colour": key("Blue"),
            "long_text": "one\ntwo <b>",
            "news": "yes",
        }
    )
    acorn.publish(field("email", label="Only this"))  # what was asked then is shown
    with tenant_context(acorn.retailer):
        delivery = set_delivery(
            Signup.objects.get(pk=signup.pk),
            "needs_attention",
            error="The CRM says no <i>.",
            remote_url="http://crm.example/contacts/7",
        )
        Attempt.objects.create(delivery=delivery, outcome="needs_attention", message="Said no <i>.")
    page = soup(acorn.staff("Viewers").get(url("inspect", signup.pk)))
    answers = {
        label.text: answer.get_text("\n", strip=True)
        for label, answer in zip(page.select("dl dt"), page.select("dl dd"))
    }
    assert answers["First name"] == "Robin"
    assert answers["Birthday"] == "29 February"
    assert answers["Favourite colour"] == "Blue"
    assert answers["Anything else?"].split() == ["one", "two", "<b>"]
    assert answers["Street"] == "—"
    assert answers["Send me news."] == "Yes"
    text = " ".join(page.get_text(" ").split())
    assert "Given on" in text and "“I accept the terms.”" in text and "version" in text
    assert "Our CRM" in text and "The CRM says no <i>." in text and "Said no <i>." in text
    assert page.find("a", href="http://crm.example/contacts/7")
    assert birch.staff().get(url("inspect", signup.pk)).status_code == 404


def test_a_consent_that_was_not_given_is_shown_as_such(shops, robin):
    signup = shops[0].sign_up(robin)
    page = soup(shops[0].staff().get(url("inspect", signup.pk)))
    shown = [" ".join(p.get_text(" ").split()) for p in page.select(".signup__consent")]
    assert [line.startswith("Not given") for line in shown] == [True, False]


def test_a_paused_connection_says_why_nothing_arrives(shops, robin):
    from integrations.models import Connection

    acorn, _ = shops
    acorn.connect("paused", "Our CRM")
    with tenant_context(acorn.retailer):
        Connection.objects.update(state_reason="The key was refused.")
    signup = acorn.sign_up(robin)
    page = acorn.staff().get(url("inspect", signup.pk)).text
    assert "The connection is paused: The key was refused." in page
    assert "Not tried yet." in page


def test_a_sign_up_without_a_connection_or_consent_says_so(shops):
    acorn, _ = shops
    acorn.publish(field("first_name"), slug="bare")
    signup = acorn.sign_up({"first_name": "Kim"}, "/bare/")
    page = acorn.staff().get(url("inspect", signup.pk)).text
    assert "No CRM was connected when this sign-up came in." in page
    assert "This page asked for no consent." in page
    assert "Send it again" not in page


@pytest.mark.parametrize(
    "delay, said",
    [
        (datetime.timedelta(seconds=20), ""),
        (datetime.timedelta(minutes=5), "5 minutes"),
        (datetime.timedelta(days=2, seconds=10), "2 days"),
        (-datetime.timedelta(minutes=3), ""),  # the tablet's clock is fast
    ],
)
def test_it_says_how_long_a_sign_up_was_queued(shops, robin, delay, said):
    acorn, _ = shops
    signup = acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        Signup.objects.filter(pk=signup.pk).update(submitted_at=signup.received_at - delay)
    page = acorn.staff().get(url("inspect", signup.pk)).text.replace("\xa0", " ")
    assert ("after it was filled in" in page) is bool(said)
    assert f"{said} after it was filled in" in page or not said


@pytest.mark.parametrize("pk", [uuid.uuid4(), 7, "x"])
def test_a_sign_up_that_is_not_there_is_not_found(shops, pk):
    assert shops[0].staff().get(f"{LIST}inspect/{pk}/").status_code == 404


# --- Sent again -----------------------------------------------------------------------------------


@pytest.fixture
def rung(monkeypatch) -> list[dict]:
    calls: list[dict] = []
    monkeypatch.setattr(tasks.drain_connection, "delay", lambda **call: calls.append(call))
    return calls


@pytest.mark.parametrize("role", ["Owners", "Editors"])
def test_owners_and_editors_send_a_sign_up_again(shops, robin, rung, role):
    from django.core.cache import cache

    acorn, birch = shops
    connection_id = acorn.connect()
    signup = acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        set_delivery(Signup.objects.get(pk=signup.pk), "needs_attention", attempts=9, error="No")
        cache.clear()
    rung.clear()
    staff = acorn.staff(role)
    page = soup(staff.get(url("inspect", signup.pk)))
    address = page.find("form", action=url("resend", signup.pk))["action"]
    answer = staff.post(address, follow=True)
    assert "It is on its way again." in answer.text
    with tenant_context(acorn.retailer):
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.attempts, delivery.error) == ("due", 0, "")
    assert rung == [{"schema": acorn.schema, "connection_id": connection_id}]
    assert birch.staff(role).post(address).status_code == 404


def test_a_viewer_does_not_send_a_sign_up_again(shops, robin, rung):
    acorn, _ = shops
    acorn.connect()
    signup = acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        set_delivery(Signup.objects.get(pk=signup.pk), "needs_attention")
    rung.clear()
    viewer = acorn.staff("Viewers")
    assert "Send it again" not in viewer.get(url("inspect", signup.pk)).text
    answer = viewer.post(url("resend", signup.pk), follow=True)
    assert "you do not have permission" in answer.text
    with tenant_context(acorn.retailer):
        assert Delivery.objects.get().state == "needs_attention"
    assert not rung


def test_a_stranger_does_not_send_a_sign_up_again(shops, robin, rung):
    acorn, _ = shops
    acorn.connect()
    signup = acorn.sign_up(robin)
    rung.clear()
    assert "/login/" in acorn.client.post(url("resend", signup.pk))["Location"]
    assert acorn.staff().get(url("resend", signup.pk)).status_code == 405
    assert not rung
