"""The operator's console lists the retailers; no retailer's admin does, whoever asks."""

import csv
import io

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django_tenants.utils import tenant_context

from tenants.models import Retailer
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
    text = operator.get(LISTING, {"state__exact": "suspended"}).text
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
            "/admin/login/", {"username": f"boss@{retailer.slug}.test", "password": PASSWORD}
        )
        assert answer.status_code == 200  # the form again
    assert connection.schema_name == "public"


@pytest.mark.parametrize("path", ["signups/", "signups/?export=csv", "signup-pages/", "crm/"])
def test_what_belongs_to_retailers_is_not_on_the_console(operator, retailers, path):
    """Those tables stand in retailers' schemas only; asking for them here is no server error."""
    assert operator.get(f"/admin/{path}").status_code in (302, 403, 404)
