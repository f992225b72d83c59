"""A link that sets a password works once, on its own host, for three days."""

import datetime
import re
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django_tenants.utils import tenant_context

from tenants import support
from tenants.provisioning import invitation, onboard
from tenants.tokens import password_tokens

from .people import PASSWORD, browser, give_password, is_logged_in, log_in
from .test_provisioning import onboard_by_command

User = get_user_model()


def follow(link: str, host: str | None = None):
    """(a browser, the page that the link leads to), as if the link had been clicked."""
    parts = urlsplit(link)
    visitor = browser(host or parts.netloc)
    return visitor, visitor.get(parts.path, follow=True)


def asks_for_a_password(page) -> bool:
    return page.status_code == 200 and 'name="new_password1"' in page.text


def set_password(link: str, password: str = PASSWORD):
    visitor, page = follow(link)
    assert asks_for_a_password(page)
    path = page.redirect_chain[-1][0]
    return visitor.post(path, {"new_password1": password, "new_password2": password})


def ask_for_a_link(host: str, email: str) -> list[str]:
    """The links that are mailed to this person."""
    mail.outbox.clear()
    answer = browser(host).post("/admin/password_reset/", {"email": email})
    assert answer["Location"] == "/admin/password_reset/done/"
    assert all(message.to == [email.lower()] for message in mail.outbox)
    return [re.search(r"https?://\S+", message.body)[0] for message in mail.outbox]


def clone_owner(source, target) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {target.schema_name}.users_user t SET email = s.email, password = s.password,"
            f" last_login = s.last_login FROM {source.schema_name}.users_user s WHERE t.id = s.id"
        )
        assert cursor.rowcount == 1


def test_the_commands_link_sets_the_password_with_which_the_owner_logs_in(retailers):
    said = onboard_by_command("Cedar", "cedar", "owner@cedar.test")
    link = re.search(r"http://cedar\.shops\.test/admin/password_reset/\S+", said)[0]
    assert set_password(link).status_code == 302
    assert is_logged_in(log_in("cedar.shops.test", "owner@cedar.test"))


def test_the_link_is_worth_nothing_on_anybody_elses_host(retailers):
    acorn, birch = retailers
    link = invitation(acorn)
    assert link.startswith(f"{acorn.url}/admin/")
    for host in (birch.host, "console.shops.test"):
        assert not asks_for_a_password(follow(link, host)[1])
    assert asks_for_a_password(follow(link)[1])


def test_the_link_is_worth_nothing_for_a_cloned_user(retailers):
    acorn, birch = retailers
    link = invitation(acorn)
    clone_owner(acorn, birch)
    assert not asks_for_a_password(follow(link, birch.host)[1])
    assert asks_for_a_password(follow(link)[1])


def test_a_token_is_worth_nothing_for_a_cloned_user(retailers):
    acorn, birch = retailers
    clone_owner(acorn, birch)
    with tenant_context(acorn):
        token = password_tokens.make_token(User.objects.get())
        assert password_tokens.check_token(User.objects.get(), token)
    with tenant_context(birch):
        assert not password_tokens.check_token(User.objects.get(), token)


def test_the_link_works_once(retailers):
    for retailer in retailers:
        link = invitation(retailer)
        set_password(link)
        assert not asks_for_a_password(follow(link)[1])
        assert invitation(retailer) == ""


def test_a_newer_link_may_be_sent_while_the_older_one_still_works(retailers):
    acorn, birch = retailers
    links = [onboard("Acorn", "acorn", acorn.owner_email).invitation for _ in range(2)]
    assert all(asks_for_a_password(follow(link)[1]) for link in links)


def test_the_link_ends_after_three_days(retailers, monkeypatch):
    links = [invitation(retailer) for retailer in retailers]
    later = datetime.datetime.now() + datetime.timedelta(days=3, minutes=1)
    monkeypatch.setattr(type(password_tokens), "_now", lambda self: later)
    assert not any(asks_for_a_password(follow(link)[1]) for link in links)


def test_who_comes_after_three_days_asks_for_another_link(retailers, monkeypatch):
    acorn, birch = retailers
    with tenant_context(birch):
        User.objects.update(email=acorn.owner_email)
    with monkeypatch.context() as then:
        sent = datetime.datetime.now() - datetime.timedelta(days=3, minutes=1)
        then.setattr(type(password_tokens), "_now", lambda self: sent)
        link = invitation(acorn)
    page = follow(link)[1]
    assert not asks_for_a_password(page) and "/admin/password_reset/" in page.text
    (another,) = ask_for_a_link(acorn.host, acorn.owner_email.upper())
    assert another.startswith(f"{acorn.url}/admin/password_reset/confirm/")
    assert not asks_for_a_password(follow(another, birch.host)[1])
    assert set_password(another).status_code == 302
    assert is_logged_in(log_in(acorn.host, acorn.owner_email))
    with tenant_context(birch):
        assert not User.objects.get().has_usable_password()


def test_an_operator_without_a_password_asks_for_a_link_as_well(retailers):
    User.objects.create_superuser("root@public.test")
    (link,) = ask_for_a_link("console.shops.test", "root@public.test")
    assert link.startswith("http://console.shops.test/admin/password_reset/confirm/")
    assert set_password(link).status_code == 302
    assert is_logged_in(log_in("console.shops.test", "root@public.test"))
    for retailer in retailers:
        assert ask_for_a_link(retailer.host, "root@public.test") == []


def test_neither_support_nor_who_is_inactive_gets_a_link(retailers, settings):
    for retailer in retailers:
        with tenant_context(retailer):
            support.person()
            User.objects.filter(email=retailer.owner_email).update(is_active=False)
        for email in (settings.SUPPORT_EMAIL, retailer.owner_email):
            assert ask_for_a_link(retailer.host, email) == []


@pytest.mark.parametrize("password", ["short", "password123", "owner@{slug}.test"])
def test_a_weak_password_is_refused(retailers, password):
    for retailer in retailers:
        answer = set_password(invitation(retailer), password.format(slug=retailer.slug))
        assert answer.status_code == 200
        assert invitation(retailer)


def test_a_forgotten_password_is_mailed_with_a_link_on_the_retailers_own_host(retailers):
    for retailer in retailers:
        give_password(retailer.schema_name, retailer.owner_email)
        (link,) = ask_for_a_link(retailer.host, retailer.owner_email)
        assert link.startswith(f"{retailer.url}/admin/password_reset/confirm/")
        assert set_password(link, "another long walk").status_code == 302
        assert is_logged_in(log_in(retailer.host, retailer.owner_email, "another long walk"))


def test_nobody_is_mailed_about_an_account_at_another_retailer(retailers):
    acorn, birch = retailers
    give_password(acorn.schema_name, acorn.owner_email)
    answers = [
        browser(birch.host).post("/admin/password_reset/", {"email": email})
        for email in (acorn.owner_email, "nobody@shop.test")
    ]
    assert mail.outbox == []
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, "/admin/password_reset/done/")
    }
