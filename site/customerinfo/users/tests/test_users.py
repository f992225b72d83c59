"""People log in with their e-mail, on the host that they belong to."""

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django_tenants.utils import tenant_context

from tenants.tests.people import PASSWORD, browser, give_password, is_logged_in, log_in, owner_of

User = get_user_model()


def test_an_e_mail_is_stored_in_one_form(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            user = User.objects.create_user("  Ann@SHOP.Test ", PASSWORD)
            assert user.email == "ann@shop.test"
            assert not user.is_staff and not user.is_superuser
            assert User.objects.get_by_natural_key("ANN@shop.test") == user
            with pytest.raises(IntegrityError), transaction.atomic():
                User.objects.create_user("ANN@SHOP.TEST")


def test_a_user_without_a_password_cannot_log_in(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            user = User.objects.create_user("ann@shop.test")
            assert not user.has_usable_password()
            for password in ("", None, "!"):
                assert authenticate(email=user.email, password=password) is None


def test_a_superuser_may_everything(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            user = User.objects.create_superuser("Boss@shop.test", PASSWORD)
            assert user.is_staff and user.is_superuser and user.email == "boss@shop.test"


def test_the_operators_first_user_comes_from_the_command_line(retailers, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", email="Op@Shops.test", verbosity=0)
    assert is_logged_in(log_in("console.shops.test", "op@shops.test"))
    for retailer in retailers:
        with tenant_context(retailer):
            assert not User.objects.filter(email="op@shops.test").exists()


def test_a_user_is_called_by_name_or_else_by_e_mail():
    assert str(User(email="ann@shop.test", first_name="Ann", last_name="Oak")) == "Ann Oak"
    assert str(User(email="ann@shop.test")) == "ann@shop.test"


def test_a_form_stores_the_e_mail_in_one_form_too(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            user = User(email="Ann@Shop.Test", password="x")
            user.full_clean()
            user.save()
            assert user.email == "ann@shop.test"
            with pytest.raises(ValidationError):
                User(email="ANN@shop.test", password="x").full_clean()


def test_people_log_in_whatever_capitals_they_type(retailers):
    for retailer in retailers:
        give_password(retailer.schema_name, retailer.owner_email)
        assert is_logged_in(log_in(retailer.host, retailer.owner_email.upper()))


def test_a_wrong_password_or_an_unknown_person_gets_the_same_answer(retailers):
    for retailer in retailers:
        give_password(retailer.schema_name, retailer.owner_email)
        answers = [
            browser(retailer.host).post("/admin/login/", {"login": email, "password": "wrong"})
            for email in (retailer.owner_email, "nobody@shop.test")
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        errors = [str(answer.context["form"].non_field_errors()) for answer in answers]
        assert errors[0] == errors[1] and errors[0]


def test_one_retailers_people_are_unknown_at_the_other(retailers):
    acorn, birch = retailers
    give_password(acorn.schema_name, acorn.owner_email)
    values = {"login": acorn.owner_email, "password": PASSWORD}
    assert browser(birch.host).post("/admin/login/", values).status_code == 200
    assert browser(acorn.host).post("/admin/login/", values).status_code == 302


def test_an_owner_adds_somebody_who_can_then_log_in_there_only(retailers):
    acorn, birch = retailers
    answer = owner_of(acorn).post("/admin/team/", {"email": "New@Acorn.test", "role": "Viewers"})
    assert answer.status_code == 302
    with tenant_context(acorn):
        user = User.objects.get(email="new@acorn.test")
        user.set_password(PASSWORD)
        user.save()
    assert is_logged_in(log_in(acorn.host, "new@acorn.test"))
    refused = browser(birch.host).post(
        "/admin/login/", {"login": "new@acorn.test", "password": PASSWORD}
    )
    assert refused.status_code == 200
    with tenant_context(birch):
        assert User.objects.count() == 1


def test_a_list_of_users_shows_the_retailers_own_only(retailers):
    acorn, birch = retailers
    text = owner_of(acorn).get("/admin/team/").text
    assert acorn.owner_email in text and birch.owner_email not in text
