"""The operator's console lists the retailers; no retailer's admin does, whoever asks."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail as django_mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context
from PIL import Image

from forms_app.models import Brand, SignupPage, Tablet
from forms_app.tests.shop import Shop as Signed, field
from integrations import mail
from integrations.models import Connection, Mail
from tenants import console_forms, lifecycle, onboard_queue, tasks
from tenants.models import Onboarding, Retailer, SchemaTemplate
from tenants.provisioning import onboard
from tenants.schemas import template_row

from .people import PASSWORD, browser, superuser

HOST = "console.shops.test"
LISTING = "/admin/tenants/retailer/"


@pytest.fixture
def operator(retailers):
    return superuser("public", HOST)


@pytest.fixture
def acorns_superuser(retailers):
    return superuser("r_acorn", retailers[0].host)


def text_of(answer) -> str:
    return b"".join(answer).decode()


def test_the_operator_sees_every_retailer_and_not_the_template(operator, retailers):
    text = operator.get(LISTING).text
    for retailer in retailers:
        assert retailer.name in text
        assert f'href="{retailer.url}"' in text
        assert retailer.owner_email in text
    assert "Trial" in text
    assert template_row().name not in text


def test_the_operator_sees_which_schema_has_a_problem(operator, retailers):
    Retailer.objects.filter(slug="birch").update(schema_problem="Tables are missing: x.")
    assert operator.get(LISTING).text.count("Tables are missing: x.") == 1


def test_the_operator_finds_a_retailer_by_its_address(operator, retailers):
    text = operator.get(LISTING, {"q": "birch"}).text
    assert "owner@birch.test" in text and "owner@acorn.test" not in text


def test_the_operator_filters_by_state(operator, retailers):
    Retailer.objects.filter(slug="birch").update(state=Retailer.State.SUSPENDED)
    text = operator.get(LISTING, {"state": "suspended"}).text
    assert "owner@birch.test" in text and "owner@acorn.test" not in text


def test_the_operator_exports_the_retailers(operator, retailers):
    answer = operator.get(LISTING, {"export": "csv"})
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert {row["Schema Name"] for row in rows} == {"r_acorn", "r_birch"}
    assert {row["Name"] for row in rows} == {"Acorn", "Birch"}
    answer = operator.get(LISTING, {"export": "xlsx"})
    assert answer.status_code == 200
    assert text_of_type(answer).startswith("application/vnd.openxmlformats")


def text_of_type(answer) -> str:
    return answer["Content-Type"]


def test_the_operator_looks_at_one_retailer(operator, retailers):
    acorn, birch = retailers
    answer = operator.get(f"{LISTING}inspect/{birch.pk}/")
    assert answer.status_code == 200
    assert birch.owner_email in answer.text and acorn.owner_email not in answer.text


def test_the_consoles_front_page_leads_to_the_admin(operator, retailers):
    assert browser(HOST).get("/")["Location"] == "/admin/"
    answer = operator.get("/admin/")
    assert answer.status_code == 200 and LISTING in answer.text


def test_a_stranger_has_to_log_in_first(retailers):
    for path in ("", "?export=csv", "create/", f"inspect/{retailers[1].pk}/"):
        answer = browser(HOST).get(f"{LISTING}{path}")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_staff_of_the_operator_without_permission_see_no_list(retailers):
    from django.contrib.auth.models import Permission

    from .people import log_in

    user = get_user_model().objects.create_user("new@operator.test", PASSWORD)
    user.user_permissions.add(Permission.objects.get(codename="access_admin"))
    visitor = log_in(HOST, user.email)
    answer = visitor.get(LISTING, follow=True)
    assert "owner@birch.test" not in answer.text


@pytest.mark.parametrize("path", ["", "?export=csv", "?export=xlsx", "inspect/{birch}/"])
def test_a_retailers_superuser_sees_no_list_of_retailers(acorns_superuser, retailers, path):
    acorn, birch = retailers
    answer = acorns_superuser.get(f"{LISTING}{path.format(birch=birch.pk)}")
    assert answer.status_code in (302, 403, 404)
    assert "birch" not in acorns_superuser.get("/admin/").text.lower()
    assert LISTING not in acorns_superuser.get("/admin/").text


@pytest.mark.parametrize("action", ["create/", "edit/{birch}/", "delete/{birch}/"])
def test_nobody_makes_changes_or_deletes_a_retailer_by_hand(
    operator, acorns_superuser, retailers, action
):
    """Made by onboarding alone: a row without a schema would be served from the public one."""
    acorn, birch = retailers
    before = list(Retailer.objects.order_by("pk").values())
    path = LISTING + action.format(birch=birch.pk)
    values = {"name": "Cedar", "slug": "cedar", "schema_name": "r_cedar", "state": "active"}
    for visitor in (operator, acorns_superuser):
        assert visitor.get(path).status_code in (302, 403, 404)
        assert visitor.post(path, values).status_code in (302, 403, 404)
    assert list(Retailer.objects.order_by("pk").values()) == before


def test_the_operators_log_in_is_worth_nothing_on_a_retailers_host(operator, retailers):
    for retailer in retailers:
        answer = operator.get("/admin/", headers={"host": retailer.host})
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_a_retailers_people_are_unknown_on_the_console(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            get_user_model().objects.create_superuser(f"boss@{retailer.slug}.test", PASSWORD)
        answer = browser(HOST).post(
            "/admin/login/", {"login": f"boss@{retailer.slug}.test", "password": PASSWORD}
        )
        assert answer.status_code == 200  # the form again
    assert connection.schema_name == "public"


@pytest.mark.parametrize("path", ["signups/", "signups/?export=csv", "signup-pages/", "crm/"])
def test_what_belongs_to_retailers_is_not_on_the_console(operator, retailers, path):
    """Those tables stand in retailers' schemas only; asking for them here is no server error."""
    assert operator.get(f"/admin/{path}").status_code in (302, 403, 404)


# --- Onboarding and one retailer's page ---

NEW = "/admin/retailers/new/"
CEDAR = {
    **{"name": "Cedar", "slug": "cedar", "owner_email": "Owner@Cedar.test"},
    **{"country": "NL", "language": "nl", "plan": "growth"},
}


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 20), "green").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def built(django_capture_on_commit_callbacks, monkeypatch):
    """What the form asks for, a worker builds at once."""
    monkeypatch.setattr(tasks.build_retailer, "delay", tasks.build_retailer)

    def send(client, values: dict) -> str:
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(NEW, values)
        return client.get(answer["Location"]).text if answer.status_code == 302 else answer.text

    return send


def test_one_form_makes_a_complete_retailer_in_its_language_and_invites_the_owner(
    operator, retailers, built
):
    text = built(operator, CEDAR)
    assert "Cedar is ready" in text and "owner@cedar.test" in text
    cedar = Retailer.objects.get(slug="cedar")
    assert (cedar.country, cedar.language, cedar.plan) == ("NL", "nl", "growth")
    with tenant_context(cedar):
        page = SignupPage.objects.get()
        assert (page.language, page.title) == ("nl", "Word lid")
        assert Brand.load().country == "NL"
        letter = Mail.objects.get()
        assert (letter.kind, letter.to, letter.context) == ("invitation", "owner@cedar.test", {})
        mail.send_due()
    (sent,) = django_mail.outbox
    link = re.search(r"http://cedar.shops.test(/admin/password_reset/confirm/\S+)", sent.body)[1]
    chosen = browser(cedar.host).get(link, follow=True)
    assert chosen.status_code == 200 and "new_password1" in chosen.text
    assert "Voornaam" in browser(cedar.host).get("/join/").text
    (entry,) = cedar.audit_entries.all()
    assert (entry.action, entry.by) == ("onboarded", "root@public.test")


def test_a_template_and_a_logo_stand_on_the_first_page(operator, retailers, built):
    picture = SimpleUploadedFile("Our Logo.png", png(), "image/png")
    chosen = {**CEDAR, "template": "loyalty-club", "logo": picture}
    assert "Cedar is ready" in built(operator, chosen)
    cedar = Retailer.objects.get(slug="cedar")
    with tenant_context(cedar):
        assert SignupPage.objects.get().headline == "Word lid van de club"
        assert Brand.load().logo.title == "Cedar, logo"
    assert Onboarding.objects.get().logo is None
    with tenant_context(retailers[1]):
        assert Brand.load().logo is None


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "valid image"),
        ("logo.png", b"no picture", "valid image"),
    ],
)
def test_what_is_no_picture_is_refused_as_a_logo(operator, retailers, built, name, content, said):
    wrong = {**CEDAR, "logo": SimpleUploadedFile(name, content)}
    assert said in built(operator, wrong) and not Onboarding.objects.exists()


def test_a_logo_that_is_too_large_is_refused(operator, retailers, built, monkeypatch):
    monkeypatch.setattr(console_forms, "LARGEST_LOGO", 10)
    wrong = {**CEDAR, "logo": SimpleUploadedFile("logo.png", png())}
    assert "too large" in built(operator, wrong) and not Onboarding.objects.exists()


def test_a_repeat_finds_it_and_writes_again(operator, retailers, built):
    built(operator, CEDAR)
    assert "Cedar is ready" in built(operator, CEDAR)
    assert Retailer.objects.filter(slug="cedar").count() == 1
    with tenant_context(Retailer.objects.get(slug="cedar")):
        assert Mail.objects.count() == 2


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"slug": "birch"}, "another retailer has"),
        ({"slug": "b1rch"}, "looks too much like"),
        ({"slug": "admin"}, "is reserved"),
        ({"slug": "adm1n"}, "looks too much like admin"),
        ({"slug": "a b"}, "Use 2 to 40"),
        ({"slug": "xn--cedar"}, "without accents"),
        ({"owner_email": "nobody"}, "valid email"),
        ({"language": "xx"}, "valid choice"),
        ({"plan": "xx"}, "valid choice"),
        ({"template": "xx"}, "valid choice"),
        ({"name": ""}, "required"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_makes_nothing(
    operator, retailers, built, wrong, said
):
    before = Retailer.objects.count()
    assert said in built(operator, {**CEDAR, **wrong})
    assert Retailer.objects.count() == before and not Onboarding.objects.exists()


def test_before_the_template_is_migrated_it_waits_and_is_made_afterwards(
    operator, retailers, built
):
    (template,) = SchemaTemplate.objects.all()
    template.delete()
    assert "being updated" in built(operator, CEDAR)
    assert not Retailer.objects.filter(slug="cedar").exists()
    template.save(force_insert=True)
    Onboarding.objects.update(asked_at=timezone.now() - timedelta(minutes=1))
    assert tasks.look_for_onboardings() == 1
    assert Retailer.objects.filter(slug="cedar").exists()


def test_what_failed_can_be_tried_again_or_forgotten(operator, retailers, built, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no disk")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(onboard_queue, "onboard", broken)
        built(operator, CEDAR)
    asked = Onboarding.objects.get()
    address = f"{NEW}{asked.pk}/"
    assert "went wrong on our side" in operator.get(address).text
    assert "couldn’t be made" in operator.get("/admin/").text
    assert operator.get(f"{address}progress/").json() == {"is_over": True}
    operator.post(f"{address}again/")
    onboard_queue.build(asked.pk)
    assert Retailer.objects.filter(slug="cedar").exists()
    assert operator.post(f"{address}forget/").status_code == 404  # it is made
    asked.state = "failed"
    asked.save()
    operator.post(f"{address}forget/")
    assert not Onboarding.objects.exists()
    assert onboard_queue.build(asked.pk) is None


def test_two_workers_build_one_and_a_dead_workers_is_taken_over(operator, retailers):
    values = {**CEDAR, "owner_email": "owner@cedar.test"}
    asked = Onboarding.objects.create(asked_by="root@public.test", **values)
    assert onboard_queue.claim(asked.pk) == asked
    assert onboard_queue.claim(asked.pk) is None and onboard_queue.build(asked.pk) is None
    assert not Retailer.objects.filter(slug="cedar").exists()
    Onboarding.objects.update(started_at=timezone.now() - timedelta(minutes=2))
    assert onboard_queue.left_over() == [asked.pk]
    assert onboard_queue.build(asked.pk).created
    assert onboard_queue.left_over() == []


def test_what_was_asked_for_is_forgotten_after_a_month(retailers):
    values = {**CEDAR, "owner_email": "owner@cedar.test", "asked_by": "x"}
    old = Onboarding.objects.create(**values, asked_at=timezone.now() - timedelta(days=31))
    new = Onboarding.objects.create(**values)
    tasks.tidy()
    assert list(Onboarding.objects.all()) == [new] != [old]


def test_the_list_shows_figures_of_all_with_a_fixed_number_of_queries(operator, retailers):
    acorn, birch = retailers
    with tenant_context(acorn):
        Tablet.objects.create(name="Till", token_hash="x")
        Connection.objects.create(name="Ours", kind="hubspot", state="paused")
    assert tasks.count_figures() == 2
    with CaptureQueriesContext(connection) as two:
        text = operator.get(LISTING).text
    assert "1 of 1" in text and "hubspot paused" in text and text.count("current") >= 2
    onboard("Cedar", "cedar", "owner@cedar.test")
    tasks.count_figures()
    Retailer.objects.filter(slug="birch").update(schema_problem="Tables are missing: x.")
    with CaptureQueriesContext(connection) as three:
        assert "owner@cedar.test" in operator.get(LISTING).text
    assert len(three) == len(two)


def test_one_retailers_page_shows_what_there_is_to_know(operator, retailers):
    acorn, birch = retailers
    lifecycle.act(acorn, "suspend", why="it asked for a break", by="operator@test")
    Signed(acorn).open(field("email"))
    Signed(acorn).sign_up({"email": "robin@example.com"})
    text = operator.get(f"/admin/retailers/{acorn.pk}/").text
    assert "it asked for a break" in text and "operator@test" in text and acorn.host in text
    assert "robin" not in text  # shoppers are none of the operator's business
    assert "it asked" not in operator.get(f"/admin/retailers/{birch.pk}/").text
    Retailer.objects.filter(pk=birch.pk).update(schema_problem="Tables are missing: x.")
    assert "Tables are missing" in operator.get(f"/admin/retailers/{birch.pk}/").text
    assert operator.get(f"/admin/retailers/{template_row().pk}/").status_code == 404


def test_the_operator_suspends_resumes_closes_and_deletes_with_a_reason(operator, retailers):
    acorn, birch = retailers
    address = f"/admin/retailers/{acorn.pk}/"

    def press(action: str, why: str = "asked for") -> str:
        answer = operator.post(f"{address}{action}/", {"why": why}, follow=True)
        acorn.refresh_from_db()
        return answer.text

    assert "Say why" in press("suspend", "") and acorn.state == "trial"
    assert "Acorn is suspended now" in press("suspend")
    assert "Acorn is suspended." in press("suspend")  # not twice
    press("resume")
    assert acorn.state == "trial"
    assert "Acorn is trial." in press("delete")
    press("close")
    assert acorn.state == "closed" and acorn.delete_at
    press("delete")
    assert acorn.delete_at <= timezone.now()
    assert operator.post(f"{address}nonsense/", {"why": "x"}).status_code in (302, 403)
    birch.refresh_from_db()
    assert birch.state == "trial"


@pytest.mark.parametrize("path", [NEW, "/admin/retailers/{birch}/"])
def test_only_the_operator_reaches_these_pages(operator, acorns_superuser, retailers, path):
    acorn, birch = retailers
    address = path.format(birch=birch.pk)
    assert operator.get(address).status_code == 200
    for visitor in (acorns_superuser, browser(HOST), browser(acorn.host)):
        answer = visitor.get(address)
        assert answer.status_code in (302, 403, 404)
        assert visitor.post(address, CEDAR).status_code in (302, 403, 404, 405)
    closed = acorns_superuser.post(f"/admin/retailers/{birch.pk}/close/", {"why": "x"})
    assert closed.status_code in (302, 403, 404)
    birch.refresh_from_db()
    assert birch.state == "trial" and not Retailer.objects.filter(slug="cedar").exists()


def test_a_colleague_who_leaves_is_locked_out_and_stays_in_the_history(operator, retailers):
    colleague = superuser("public", HOST, email="colleague@operator.test")
    assert colleague.get("/admin/").status_code == 200
    user = get_user_model().objects.get(email="colleague@operator.test")
    address = f"/admin/users/delete/{user.pk}/"
    assert operator.get(address).status_code == 200
    assert "can’t come in any more" in operator.post(address, follow=True).text
    assert colleague.get("/admin/").status_code == 302
    user.refresh_from_db()
    assert not user.is_active
