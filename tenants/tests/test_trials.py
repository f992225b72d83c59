"""A retailer starts a trial alone: its e-mail is confirmed first, and nobody is flooded."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail as django_mail
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app.models import SignupPage
from integrations import mail, sweep
from integrations.tasks import send_public_mails
from tenants import onboard_queue, tasks, trials
from tenants.models import LandingPage, Onboarding, PricingPage, PublicMail, Retailer

from .people import browser, superuser

HOST = "shops.test"
CEDAR = {
    **{"name": "Cedar", "slug": "cedar", "owner_email": "Owner@Cedar.test", "country": "DE"},
    **{"language": "de", "template": "newsletter", "plan": "growth"},
}


@pytest.fixture
def visitor(retailers):
    return browser(HOST)


@pytest.fixture(autouse=True)
def queued(monkeypatch) -> list:
    """What a worker is asked to build."""
    asked = []
    monkeypatch.setattr(tasks.build_retailer, "delay", asked.append)
    monkeypatch.setattr(send_public_mails, "delay", lambda: None)
    return asked


def at(address: str) -> Client:
    """A browser behind this address."""
    return Client(headers={"host": HOST}, REMOTE_ADDR=address)


def link_of(text: str) -> str:
    return re.search(r"http://shops.test(/start/\S+/)", text)[1]


def confirmed(visitor, commits) -> str:
    """Fills in the form, opens the mail's link and presses the button; the link."""
    assert visitor.post("/start/", CEDAR)["Location"] == "/start/sent/"
    mail.send_due()
    link = link_of(django_mail.outbox[-1].body)
    assert "Make my page" in visitor.get(link).text
    with commits(execute=True):
        assert visitor.post(link)["Location"] == link
    return link


def test_the_public_pages_say_what_it_is_and_what_it_costs(visitor):
    text = visitor.get("/").text
    assert "Every customer at your till" in text and "Watch them arrive" in text
    text = visitor.get("/pricing/").text
    assert "€29" in text and "500 sign-ups a month" in text and "€0.05 for each" in text
    assert "$" in visitor.get("/pricing/?currency=usd").text
    assert "¥" in visitor.get("/pricing/?currency=jpy").text
    assert "€29" in visitor.get("/pricing/?currency=nothing").text
    policy = visitor.get("/start/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_operator_edits_the_public_pages_and_no_retailer_can(retailers, visitor):
    operator = superuser("public", "console.shops.test")
    roots = [superuser(retailer.schema_name, retailer.host) for retailer in retailers]
    for model, path in ((LandingPage, "/"), (PricingPage, "/pricing/")):
        page = model.load()
        page.heading = f"A new heading for {path}"
        page.save()
        assert page.heading in visitor.get(path).text
        address = f"/admin/settings/tenants/{model._meta.model_name}/{page.pk}/"
        assert page.heading in operator.get(address).text
        assert page.get_preview_context(None, "")["page"] == page
        for root in roots:
            assert root.get(address).status_code == 404
            assert f"/tenants/{model._meta.model_name}/" not in root.get("/admin/").text
    assert "/settings/tenants/landingpage/" in operator.get("/admin/").text


def test_from_the_form_to_a_page_of_its_own(
    visitor, queued, retailers, django_capture_on_commit_callbacks
):
    link = confirmed(visitor, django_capture_on_commit_callbacks)
    asked = Onboarding.objects.get()
    assert queued == [str(asked.pk)] and asked.confirmed_at
    assert "Making Cedar" in visitor.get(link).text
    assert visitor.get(f"{link}progress/").json() == {"is_over": False}
    onboard_queue.build(asked.pk)
    assert visitor.get(f"{link}progress/").json() == {"is_over": True}
    text = visitor.get(link).text
    assert "Cedar is ready" in text
    door = re.search(r'href="(http://cedar.shops.test/admin/password_reset/confirm/[^"]+)"', text)
    assert door
    cedar = Retailer.objects.get(slug="cedar")
    assert (cedar.plan, cedar.country, cedar.language) == ("growth", "DE", "de")
    assert cedar.state == "trial" and cedar.owner_email == "owner@cedar.test"
    with tenant_context(cedar):
        page = SignupPage.objects.get()
        assert page.language == "de" and page.headline
    # The link again: nothing more is made.
    with django_capture_on_commit_callbacks(execute=True):
        visitor.post(link)
    assert len(queued) == 1
    for retailer in retailers:
        with tenant_context(retailer):
            assert SignupPage.objects.count() == 1


def test_nothing_is_made_before_the_mail_is_confirmed(visitor, queued):
    visitor.post("/start/", CEDAR)
    assert not queued and onboard_queue.left_over() == []
    asked = Onboarding.objects.get()
    assert onboard_queue.build(asked.pk) is None
    assert not Retailer.objects.filter(slug="cedar").exists()
    letter = PublicMail.objects.get()
    assert letter.to == "owner@cedar.test"
    assert sweep.sweep() >= 1  # a lost task is made up for
    send_public_mails()
    assert len(django_mail.outbox) == 1
    letter.refresh_from_db()
    assert letter.sent_at


def test_a_link_is_worth_nothing_when_it_is_old_or_not_ours(visitor):
    visitor.post("/start/", CEDAR)
    mail.send_due()
    link = link_of(django_mail.outbox[0].body)
    forged = link[:-3] + "xx/"
    for path in (forged, "/start/nothing/", f"{forged}progress/"):
        assert visitor.get(path).status_code == 404
    with time_machine.travel(timezone.now() + timedelta(days=2, minutes=1)):
        assert visitor.get(link).status_code == 404
        assert visitor.post(link).status_code == 404
    Onboarding.objects.all().delete()
    assert visitor.get(link).status_code == 404


def test_what_went_wrong_is_said_with_a_way_on(
    visitor, retailers, django_capture_on_commit_callbacks
):
    link = confirmed(visitor, django_capture_on_commit_callbacks)
    # Meanwhile somebody else took the address.
    Retailer.objects.filter(slug="birch").update(slug="cedar")
    onboard_queue.build(Onboarding.objects.get().pk)
    text = visitor.get(link).text
    assert "That didn’t work" in text and "Try again" in text
    operator = superuser("public", "console.shops.test")
    assert "couldn’t be made" not in operator.get("/admin/").text  # the person was told


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"slug": "birch"}, "another retailer has"),
        ({"slug": "acorm"}, ""),
        ({"slug": "paypa1-support--"}, "Use 2 to 40"),
        ({"slug": "console"}, "reserved"),
        ({"owner_email": "x"}, "valid email"),
        ({"country": "XX"}, "valid choice"),
        ({"name": ""}, "required"),
    ],
)
def test_mistakes_are_said_at_their_field(visitor, wrong, said):
    answer = visitor.post("/start/", {**CEDAR, **wrong})
    if not said:
        assert answer.status_code == 302
        return
    assert answer.status_code == 200 and said in answer.text
    assert not Onboarding.objects.exists() and not PublicMail.objects.exists()


def test_whether_an_address_is_free_is_said_while_one_types(visitor):
    def problem(slug: str) -> str:
        return visitor.get("/start/address/", {"slug": slug}).json()["problem"]

    assert problem("cedar") == "" and "another retailer has" in problem("Acorn")
    assert "reserved" in problem("admin") and problem("")


def test_a_program_that_fills_in_everything_learns_nothing(visitor):
    answer = visitor.post("/start/", {**CEDAR, "website": "http://spam.example"})
    assert answer["Location"] == "/start/sent/"
    assert not Onboarding.objects.exists() and not PublicMail.objects.exists()


def test_nobody_is_flooded_with_mails(visitor):
    for number in range(4):  # one mailbox, from different places
        other = at(f"192.0.2.{number}")
        assert other.post("/start/", CEDAR)["Location"] == "/start/sent/"
    assert PublicMail.objects.count() == 3
    for number in range(6):  # one place, different mailboxes
        values = {**CEDAR, "owner_email": f"o{number}@cedar.test"}
        answer = visitor.post("/start/", values)
    assert answer.status_code == 429 and "try again later" in answer.text
    assert PublicMail.objects.count() == 3 + 5
    Onboarding.objects.update(asked_at=timezone.now() - timedelta(days=1, minutes=1))
    assert visitor.post("/start/", CEDAR).status_code == 302
    assert PublicMail.objects.count() == 9


def test_everybody_together_is_held_up_too(visitor, monkeypatch):
    monkeypatch.setattr(trials, "EVERYBODY", (1, timedelta(hours=1)))
    assert visitor.post("/start/", CEDAR).status_code == 302
    other = at("192.0.2.9")
    answer = other.post("/start/", {**CEDAR, "owner_email": "z@z.test"})
    assert answer.status_code == 429


def test_no_visitors_address_is_kept(visitor):
    at("192.0.2.77").post("/start/", CEDAR)
    row = Onboarding.objects.values().get()
    assert "192.0.2.77" not in str(row) and row["asked_from"] == trials.mark("192.0.2.77")


def test_the_public_host_has_no_admin_and_no_retailers_pages(visitor, retailers):
    for path in ("/admin/", "/admin/login/", "/join/", "/metrics", "/stripe/webhook/"):
        assert visitor.get(path).status_code == 404
    for retailer in retailers:
        assert browser(retailer.host).get("/start/").status_code == 404


def test_mails_of_the_public_schema_are_forgotten_after_a_month(retailers):
    mail.write("confirm_trial", "a@b.test", {"shop": "x", "link": "y"})
    assert mail.write("confirm_trial", "a@b.test", {"shop": "x", "link": "y"}, once="z")
    assert not mail.write("confirm_trial", "a@b.test", {"shop": "x", "link": "y"}, once="z")
    PublicMail.objects.filter(once="z").update(created_at=timezone.now() - timedelta(days=31))
    tasks.tidy()
    assert PublicMail.objects.get().once is None
