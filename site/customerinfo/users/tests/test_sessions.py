"""A cookie, a session or a link of one retailer is worth nothing at the other."""

import pytest
from django.conf import settings as configured
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django_tenants.utils import tenant_context

from tenants.tests.people import (
    browser,
    give_password,
    is_logged_in,
    owner_of,
    with_the_same_cookies,
)

User = get_user_model()


def clone_user(source, target):
    """The same id, e-mail and password at the other retailer, as if its rows had been copied."""
    with connection.cursor() as cursor:
        for name in (source.schema_name, target.schema_name):
            assert name in ("r_acorn", "r_birch")
        cursor.execute(
            f"UPDATE {target.schema_name}.users_user t SET email = s.email, password = s.password,"
            " last_login = s.last_login, is_superuser = true"
            f" FROM {source.schema_name}.users_user s WHERE t.id = s.id"
        )
        assert cursor.rowcount == 1


def clone_session(source, target, key: str) -> None:
    with tenant_context(source):
        row = Session.objects.get(pk=key)
    with tenant_context(target):
        Session(row.pk, row.session_data, row.expire_date).save(force_insert=True)


def test_a_session_cookie_logs_nobody_in_at_the_other(retailers):
    acorn, birch = retailers
    visitor = owner_of(acorn)
    assert is_logged_in(visitor)
    assert not is_logged_in(with_the_same_cookies(visitor, birch.host))
    assert is_logged_in(visitor)


def test_a_session_logs_nobody_in_although_its_row_and_its_user_were_copied(retailers):
    acorn, birch = retailers
    visitor = owner_of(acorn)
    clone_user(acorn, birch)
    clone_session(acorn, birch, visitor.cookies[configured.SESSION_COOKIE_NAME].value)
    assert not is_logged_in(with_the_same_cookies(visitor, birch.host))
    assert is_logged_in(visitor)


def test_the_copied_user_could_log_in_so_it_is_the_session_that_is_worth_nothing(retailers):
    acorn, birch = retailers
    owner_of(acorn)
    clone_user(acorn, birch)
    with tenant_context(birch):
        user = User.objects.get()
        visitor = browser(birch.host)
        visitor.force_login(user)
    assert is_logged_in(visitor)


def test_logging_out_at_one_leaves_the_other_logged_in(retailers):
    at_acorn, at_birch = map(owner_of, retailers)
    at_acorn.post("/admin/logout/")
    assert not is_logged_in(at_acorn)
    assert is_logged_in(at_birch)


def test_a_new_password_ends_the_sessions_of_that_person_only(retailers):
    acorn, birch = retailers
    at_acorn, at_birch = map(owner_of, retailers)
    with tenant_context(acorn):
        user = User.objects.get()
        user.set_password("another long walk")
        user.save()
    assert not is_logged_in(at_acorn)
    assert is_logged_in(at_birch)


def test_sessions_survive_a_change_of_the_secret_key(retailers, settings):
    visitors = [owner_of(retailer) for retailer in retailers]
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next secret"
    assert all(map(is_logged_in, visitors))


def test_sessions_stand_in_the_retailers_schema_only(retailers):
    acorn, birch = retailers
    visitor = owner_of(acorn)
    key = visitor.cookies[configured.SESSION_COOKIE_NAME].value
    with tenant_context(acorn):
        assert Session.objects.filter(pk=key).exists()
    with tenant_context(birch):
        assert not Session.objects.exists()
    connection.set_schema_to_public()
    assert not Session.objects.exists()


def test_cookies_belong_to_one_host(retailers):
    for retailer in retailers:
        cookies = owner_of(retailer).cookies
        names = {configured.SESSION_COOKIE_NAME, configured.CSRF_COOKIE_NAME}
        assert set(cookies) == names
        for cookie in cookies.values():
            assert cookie["domain"] == ""
            assert cookie["path"] == "/"
            assert cookie["samesite"] == "Lax"
        assert cookies[configured.SESSION_COOKIE_NAME]["httponly"]


def test_a_shopper_gets_no_cookie_at_all(retailers):
    for retailer in retailers:
        assert not browser(retailer.host).get("/join/").cookies


@pytest.mark.parametrize("host", [0, 1])
def test_a_form_forged_from_the_other_host_is_refused(retailers, host):
    """Both hosts are one site for a browser, so SameSite alone doesn't tell them apart."""
    from django.test import Client

    mine, other = retailers[host], retailers[1 - host]
    give_password(mine.schema_name, mine.owner_email)
    visitor = Client(enforce_csrf_checks=True, headers={"host": mine.host})
    token = visitor.get("/admin/login/").cookies[configured.CSRF_COOKIE_NAME].value
    values = {"login": mine.owner_email, "password": "x", "csrfmiddlewaretoken": token}
    assert visitor.post("/admin/login/", values).status_code == 200
    forged = visitor.post("/admin/login/", values, headers={"origin": other.url})
    assert forged.status_code == 403
