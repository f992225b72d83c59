"""Signing in: factors nobody walks around, failed tries that are counted, sessions that end."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from cryptography.fernet import Fernet
from django.core import mail as django_mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django_tenants.utils import tenant_context

from forms_app.tests.shop import Shop
from integrations import rotation
from tenants.models import Retailer

from .people import PASSWORD, browser, give_password, log_in, superuser

CONSOLE = "console.shops.test"
FACTORS, SESSIONS = "/admin/security/", "/admin/security/sessions/"
LOGIN = "/admin/login/"


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


@pytest.fixture
def acorn(retailers) -> Retailer:
    for retailer in retailers:
        give_password(retailer.schema_name, retailer.owner_email)
    return retailers[0]


def add_factor(retailer) -> str:
    """An authenticator app for the owner; its secret."""
    secret = generate_totp_secret()
    with tenant_context(retailer):
        user = give_password(retailer.schema_name, retailer.owner_email)
        TOTP.activate(user, secret)
        RecoveryCodes.activate(user)
    return secret


def sign_in(retailer, password: str = PASSWORD, email: str = "", **extra):
    visitor = Client(headers={"host": retailer.host}, **extra)
    return visitor, visitor.post(
        LOGIN, {"login": email or retailer.owner_email, "password": password}
    )


def confirmed(visitor: Client) -> Client:
    """Has typed the password once more, as one has to before changing how one signs in."""
    assert "/admin/security/confirm/" in visitor.get("/admin/security/totp/activate/")["Location"]
    visitor.post("/admin/security/confirm/", {"password": PASSWORD})
    return visitor


def is_inside(visitor: Client) -> bool:
    return visitor.get("/admin/").status_code == 200


def test_the_door_has_the_shops_name_and_leads_in(acorn):
    text = browser(acorn.host).get(LOGIN).text
    assert "Sign in to Acorn" in text and "With a passkey" in text and "Birch" not in text
    assert is_inside(log_in(acorn.host, acorn.owner_email))
    assert browser(acorn.host).get("/admin/")["Location"].startswith(LOGIN)
    assert browser(acorn.host).get("/admin/security/sign-up/").status_code == 404


def test_who_has_a_factor_is_asked_for_it_and_is_not_inside_before(acorn, retailers):
    secret = add_factor(acorn)
    visitor, answer = sign_in(acorn)
    assert answer["Location"].startswith("/admin/security/authenticate/")
    assert not is_inside(visitor)
    for path in ("/admin/signups/", "/admin/team/", FACTORS):
        assert visitor.get(path).status_code == 302
    wrong = visitor.post("/admin/security/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200 and not is_inside(visitor)
    visitor.post("/admin/security/authenticate/", {"code": code_of(secret)})
    assert is_inside(visitor)
    # Next door the same person has no factor, and the code opens nothing.
    with tenant_context(retailers[1]):
        assert not Authenticator.objects.exists()


def test_a_recovery_code_opens_once(acorn):
    add_factor(acorn)
    with tenant_context(acorn):
        code = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()[0]
    for inside in (True, False):
        visitor, _ = sign_in(acorn)
        visitor.post("/admin/security/authenticate/", {"code": code})
        assert is_inside(visitor) == inside


def test_where_everybody_needs_one_who_has_none_gets_no_further(
    acorn, retailers, django_capture_on_commit_callbacks
):
    owner = Shop(acorn).staff()
    with django_capture_on_commit_callbacks(execute=True):
        owner.post("/admin/access/", {"action": "require"})
    for path in ("/admin/", "/admin/signups/", "/admin/team/", "/admin/billing/", "/admin/crm/"):
        assert owner.get(path)["Location"] == FACTORS, path
    assert (
        owner.post("/admin/team/", {"email": "x@y.test", "role": "Owners"})["Location"] == FACTORS
    )
    assert owner.get(FACTORS).status_code == 200
    neighbour = Shop(retailers[1]).staff()
    assert is_inside(neighbour)
    with tenant_context(acorn):
        from django.contrib.auth import get_user_model

        TOTP.activate(
            get_user_model().objects.get(email="owners@acorn.shops.test"), generate_totp_secret()
        )
    assert is_inside(owner)
    with django_capture_on_commit_callbacks(execute=True):
        owner.post("/admin/access/", {"action": "require"})  # twice is once
        owner.post("/admin/access/", {"action": "relax"})
    assert is_inside(Shop(acorn).staff("Editors"))
    assert acorn.audit_entries.filter(action="second factor required").count() == 1


def test_operators_need_one_unless_the_settings_say_otherwise(retailers, settings):
    settings.OPERATORS_NEED_SECOND_FACTOR = True
    operator = superuser("public", CONSOLE)
    assert operator.get("/admin/")["Location"] == FACTORS
    assert operator.get("/admin/tenants/retailer/")["Location"] == FACTORS
    assert is_inside(Shop(retailers[0]).staff())
    settings.OPERATORS_NEED_SECOND_FACTOR = False
    assert is_inside(operator)


def test_an_app_is_set_up_by_its_code_and_switched_off_again(acorn):
    visitor = confirmed(log_in(acorn.host, acorn.owner_email))
    text = visitor.get("/admin/security/totp/activate/").text
    assert "svg" in text or "data:image" in text
    with tenant_context(acorn):
        secret = visitor.session["mfa.totp.secret"]
    done = visitor.post("/admin/security/totp/activate/", {"code": code_of(secret)}, follow=True)
    assert done.status_code == 200
    with tenant_context(acorn):
        stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored  # encrypted
    assert "Switch it off" in visitor.get(FACTORS).text
    visitor.post("/admin/security/totp/deactivate/")
    with tenant_context(acorn):
        assert not Authenticator.objects.exists()


def test_a_passkey_can_be_begun_for_this_host(acorn):
    visitor = confirmed(log_in(acorn.host, acorn.owner_email))
    text = visitor.get("/admin/security/webauthn/add/").text
    assert '"id": "acorn.shops.test"' in text
    asked = browser(acorn.host).get(
        "/admin/security/webauthn/login/", headers={"accept": "application/json"}
    )
    assert asked.status_code == 200 and "challenge" in asked.text


def test_failed_tries_are_counted_for_each_account_and_each_retailer(acorn, retailers):
    for _ in range(5):
        _, answer = sign_in(acorn, "wrong")
        assert answer.status_code == 200
    _, answer = sign_in(acorn)
    assert "Too many failed login attempts" in answer.text or answer.status_code == 429
    other, _ = sign_in(retailers[1])
    assert is_inside(other)
    with tenant_context(acorn):
        from django.core.cache import cache

        cache.clear()
    visitor, _ = sign_in(acorn)
    assert is_inside(visitor)


def test_many_accounts_from_one_address_are_stopped_as_well(acorn):
    for number in range(31):
        _, answer = sign_in(acorn, "wrong", email=f"p{number}@acorn.test")
    assert answer.status_code == 429 or "Too many" in answer.text
    visitor, _ = sign_in(acorn, REMOTE_ADDR="192.0.2.4")
    assert is_inside(visitor)


def test_nobody_is_flooded_with_links_for_a_new_password(acorn):
    for _ in range(3):
        answer = browser(acorn.host).post(
            "/admin/password_reset/", {"email": acorn.owner_email.upper()}
        )
        assert answer.status_code == 302
    answer = browser(acorn.host).post("/admin/password_reset/", {"email": acorn.owner_email})
    assert answer.status_code == 429 and "Please wait a little" in answer.text
    assert len(django_mail.outbox) == 3


def test_one_sees_where_one_is_signed_in_and_signs_the_others_out(acorn, retailers):
    here, _ = sign_in(acorn, HTTP_USER_AGENT="The till")
    there, _ = sign_in(acorn, HTTP_USER_AGENT="A lost tablet")
    neighbour, _ = sign_in(retailers[1], HTTP_USER_AGENT="Next door")
    text = here.get(SESSIONS).text
    assert "A lost tablet" in text and "Next door" not in text
    here.post(SESSIONS)
    assert is_inside(here) and not is_inside(there) and is_inside(neighbour)


def test_factors_move_to_a_new_key_while_they_are_used(acorn, settings):
    secret = add_factor(acorn)
    old, new = settings.ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, old]
    assert rotation.rotate("r_acorn").rotated == 2
    assert rotation.rotate("r_acorn").current == 2
    settings.ENCRYPTION_KEYS = [new]
    visitor, _ = sign_in(acorn)
    visitor.post("/admin/security/authenticate/", {"code": code_of(secret)})
    assert is_inside(visitor)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert rotation.rotate("r_acorn").unreadable == 2
    assert connection.schema_name == "public"


def test_a_command_helps_the_last_owner_who_lost_the_telephone(acorn, retailers, capsys):
    for retailer in retailers:
        add_factor(retailer)
    call_command("forget_second_factor", retailer="acorn", email=acorn.owner_email.upper())
    assert "2 forgotten" in capsys.readouterr().out
    visitor, _ = sign_in(acorn)
    assert is_inside(visitor)
    with tenant_context(retailers[1]):
        assert Authenticator.objects.count() == 2
    assert acorn.audit_entries.filter(action="second factor forgotten", is_visible=True).exists()
    superuser("public", CONSOLE)
    call_command("forget_second_factor", email="root@public.test")
    assert "0 forgotten" in capsys.readouterr().out
    for wrong in ({"retailer": "oak", "email": "x"}, {"retailer": "acorn", "email": "x@y.test"}):
        with pytest.raises(CommandError, match="There is no"):
            call_command("forget_second_factor", **wrong)
