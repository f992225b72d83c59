"""A setting that would mix retailers is refused at start."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from tenants.checks import isolation


def broken(settings, name: str):
    """The settings with one of them as most projects have it."""
    match name:
        case "cache without the schema":
            caches = {**settings.CACHES, "pages": {**settings.CACHES["default"]}}
            del caches["pages"]["KEY_FUNCTION"]
            settings.CACHES = caches
        case "sessions in the cache":
            settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
        case "session cookie for all hosts":
            settings.SESSION_COOKIE_DOMAIN = ".shops.test"
        case "csrf cookie for all hosts":
            settings.CSRF_COOKIE_DOMAIN = ".shops.test"
        case "files in one folder":
            storage = {"BACKEND": "storages.backends.s3.S3Storage"}
            settings.STORAGES = {**settings.STORAGES, "default": storage}
        case "forwarded hosts believed":
            settings.USE_X_FORWARDED_HOST = True
        case "content types per schema":
            settings.TENANT_APPS = [*settings.TENANT_APPS, "django.contrib.contenttypes"]


BROKEN = {
    "cache without the schema": "tenants.E001",
    "sessions in the cache": "tenants.E002",
    "session cookie for all hosts": "tenants.E003",
    "csrf cookie for all hosts": "tenants.E003",
    "files in one folder": "tenants.E004",
    "forwarded hosts believed": "tenants.E005",
    "content types per schema": "tenants.E006",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_setting_that_mixes_retailers_is_refused_with_a_remedy(settings, name):
    broken(settings, name)
    found = isolation(None)
    assert [error.id for error in found] == [BROKEN[name]]
    assert found[0].msg and found[0].hint
    assert found[0].is_serious()


def test_our_own_settings_are_silent():
    assert isolation(None) == []


def test_every_mistake_is_named_at_once(settings):
    for name in BROKEN:
        broken(settings, name)
    assert sorted(error.id for error in isolation(None)) == sorted(BROKEN.values())


def test_the_checks_run_at_start(settings):
    broken(settings, "files in one folder")
    assert "tenants.E004" in {message.id for message in run_checks()}
    with pytest.raises(SystemCheckError, match="tenants.E004"):
        call_command("check")
