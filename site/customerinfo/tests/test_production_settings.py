"""The settings of a real deployment: checked by Django itself, in a process of its own."""

import os
import secrets
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

from customerinfo.tests.services import ROOT

# What the tests set for themselves; the last one is Playwright's.
OURS = (
    *("SECRET_KEY", "ENCRYPTION_KEYS", "BASE_URL", "OPERATOR_HOST", "DEMO", "DEBUG", "MEDIA_ROOT"),
    "DJANGO_ALLOW_ASYNC_UNSAFE",
)


def production() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return {
        **kept,
        "PYTHONPATH": f"{ROOT / 'site'}:{ROOT}",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "BASE_URL": "https://customerinfo.example",
        "MEDIA_ROOT": "/data/media",
        "EMAIL_URL": "smtp://mail.example",
    }


def run(*arguments: str, **changed: str | None) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in {**production(), **changed}.items() if value}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.live
def test_check_deploy_is_clean_with_production_settings():
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    assert "WARNINGS" not in done.stdout + done.stderr


@pytest.mark.live
def test_without_secrets_nothing_starts_and_all_that_is_missing_is_named():
    done = run(
        *("manage.py", "check"),
        SECRET_KEY=None,
        ENCRYPTION_KEYS=None,
        BASE_URL=None,
        DATABASE_URL=None,
        REDIS_URL=None,
        EMAIL_URL=None,
    )
    assert done.returncode != 0
    for name in (
        *("SECRET_KEY", "ENCRYPTION_KEYS", "BASE_URL", "DATABASE_URL", "REDIS_URL"),
        "EMAIL_URL or EMAIL_SERVICE",
    ):
        assert f"- {name} is not set." in done.stderr


SHOW = """
import django
from django.conf import settings
django.setup()
for name in ("SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_NAME",
             "CSRF_COOKIE_SECURE", "SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN",
             "SECURE_SSL_REDIRECT", "OUTBOUND_ALLOW_PRIVATE", "DEBUG", "OPERATOR_HOST"):
    print(name, getattr(settings, name))
"""


@pytest.mark.live
def test_cookies_are_bound_to_one_host_and_to_https():
    done = run("-c", SHOW, DJANGO_SETTINGS_MODULE="customerinfo.settings")
    shown = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert shown == {
        "SESSION_COOKIE_NAME": "__Host-session",
        "SESSION_COOKIE_SECURE": "True",
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "CSRF_COOKIE_SECURE": "True",
        "SESSION_COOKIE_DOMAIN": "None",
        "CSRF_COOKIE_DOMAIN": "None",
        "SECURE_SSL_REDIRECT": "True",
        "OUTBOUND_ALLOW_PRIVATE": "False",
        "DEBUG": "False",
        "OPERATOR_HOST": "console.customerinfo.example",
    }


def test_mail_goes_by_a_services_api_where_one_is_named():
    ask = (
        "from django.core.mail import get_connection; from django.conf import settings;"
        "print(type(get_connection(timeout=1)).__module__, settings.ANYMAIL)"
    )
    told = run(
        *("manage.py", "shell", "--no-imports", "-c", ask),
        EMAIL_SERVICE="postmark",
        ANYMAIL_POSTMARK_SERVER_TOKEN="a-token",
    )
    assert told.stdout.strip() == (
        "anymail.backends.postmark {'POSTMARK_SERVER_TOKEN': 'a-token'}"
    ), told.stderr


BACKEND = "from django.conf import settings; print(settings.EMAIL_BACKEND)"


@pytest.mark.live
@pytest.mark.parametrize(
    "said",
    [
        {"EMAIL_URL": "console://"},
        {"EMAIL_URL": None, "DEMO": "1"},
        {"EMAIL_URL": None, "DEBUG": "1"},
    ],
)
def test_mails_are_printed_only_where_somebody_says_so(said):
    told = run("-c", BACKEND, DJANGO_SETTINGS_MODULE="customerinfo.settings", **said)
    assert told.stdout.strip() == "django.core.mail.backends.console.EmailBackend", told.stderr


@pytest.mark.live
@pytest.mark.parametrize(
    "url, port", [("smtps://u:p@mail.example", 465), ("smtp://u:p@mail.example", 587)]
)
def test_mail_without_a_port_takes_the_one_of_its_kind(url, port):
    code = "from django.conf import settings; print(settings.EMAIL_PORT, settings.EMAIL_USE_SSL)"
    told = run("-c", code, DJANGO_SETTINGS_MODULE="customerinfo.settings", EMAIL_URL=url)
    assert told.stdout.split() == [str(port), str(port == 465)], told.stderr


LOADERS = """
import django
django.setup()
from django.template import engines
print(*(type(loader).__name__ for loader in engines["django"].engine.template_loaders))
"""


@pytest.mark.live
def test_templates_are_read_once_in_production_and_afresh_while_somebody_works_on_them():
    said = [
        run("-c", LOADERS, DJANGO_SETTINGS_MODULE="customerinfo.settings", DEBUG=debug)
        for debug in (None, "1")
    ]
    assert [done.stdout.split() for done in said] == [["Loader"], ["Loader", "Loader"]]


def test_while_somebody_works_on_it_each_mail_is_a_file_and_printed(tmp_path):
    send = (
        "from django.core.mail import send_mail;"
        "send_mail('Welcome', 'Set a password', None, ['owner@acorn.example', 'o@birch.example'])"
    )
    folder = tmp_path / "the mail"
    told = run("manage.py", "shell", "--no-imports", "-c", send, EMAIL_URL=folder.as_uri())
    (kept,) = folder.iterdir()
    for text in (kept.read_text(), told.stdout):
        assert "Subject: Welcome" in text and "Set a password" in text
        assert "To: owner@acorn.example, o@birch.example" in text
