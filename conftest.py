"""The world that all tests share: two retailers, Acorn and Birch, on real PostgreSQL and Redis."""

from pathlib import Path

import pytest
from django.conf import settings

from customerinfo.tests import databases

# A password that is slow to check costs half a second of each test in which somebody logs in. The
# product's processes, where tests start them, have the slow one.
settings.PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    *settings.PASSWORD_HASHERS,
]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker):
    """pytest-django's hook: every test process has its own copy of the world."""
    with django_db_blocker.unblock(), databases.fresh_copy(databases.world()) as name:
        with databases.pointed_at(name):
            yield


@pytest.fixture(autouse=True)
def empty_cache(settings, tmp_path):
    """No test sees what another one cached, nor its files."""
    from django.core.cache import cache
    from django.db import connection

    from forms_app import versions
    from integrations import doorbell

    settings.MEDIA_ROOT = str(tmp_path / "media")
    cache.clear()
    versions._kept.clear()
    doorbell._quiet_until = 0.0
    connection.set_schema_to_public()
    yield
    connection.set_schema_to_public()


@pytest.fixture
def retailers(db):
    """(Acorn, Birch)."""
    from tenants.models import Retailer

    return tuple(Retailer.objects.get(slug=slug) for slug in ("acorn", "birch"))


@pytest.fixture
def committed_world(django_db_setup, django_db_blocker):
    """A database of its own in which commits are real: for races, killed workers, other threads."""
    with django_db_blocker.unblock(), databases.fresh_copy(databases.world()) as name:
        with databases.pointed_at(name):
            yield


@pytest.fixture(scope="session")
def crm_process(tmp_path_factory):
    """The sandbox CRM: a process of its own, asked over HTTP, with an account for each retailer."""
    from customerinfo.demo.crm.tests.process import running

    folder = tmp_path_factory.mktemp("crm")
    accounts = ("--account", "acorn=key-acorn", "--account", "birch=key-birch")
    with running(folder, *accounts, "--rate", "off", key="key-acorn") as process:
        yield process


@pytest.fixture
def sandbox_crm(crm_process):
    """The same, well-behaved at the start of every test."""
    for key in ("key-acorn", "key-birch"):
        crm_process.api("DELETE", "/faults", key=key)
    return crm_process


@pytest.fixture
def connected(sandbox_crm):
    """connected(retailer, name="CRM", key=None): a connection to the retailer's account, mapped."""
    from django_tenants.utils import tenant_context

    from integrations.http import Http
    from integrations.mapping import default_rows, rows_to_json
    from integrations.models import Connection

    def make(retailer, name="CRM", key=None, **values):
        with tenant_context(retailer):
            made = Connection(
                name=name,
                kind="sandbox",
                config={"base_url": sandbox_crm.url},
                secrets={"api_key": key or f"key-{retailer.slug}"},
            )
            connector = made.connector(Http(allow_private=True))
            attributes = connector.describe() if key is None else []
            made.attributes = [vars(attribute) for attribute in attributes]
            made.mapping = rows_to_json(default_rows(attributes, connector.hints))
            for field, value in values.items():
                setattr(made, field, value)
            made.save()
            return made

    return make


@pytest.fixture
def sign_up():
    """sign_up(retailer, email, **answers by kind): one taken-in sign-up on the starter page."""
    from urllib.parse import urlencode

    from django.http import QueryDict
    from django_tenants.utils import tenant_context

    from forms_app import intake
    from forms_app.models import FormVersion, Signup

    def take(retailer, email, **answers):
        with tenant_context(retailer):
            version = FormVersion.objects.latest("number")
            keys = {field["kind"]: field["key"] for field in version.fields}
            data = {keys["email"]: email}
            data |= {keys[kind]: value for kind, value in answers.items()}
            form = QueryDict(urlencode(data))
            return Signup.objects.get(pk=intake.take(version, form))

    return take


CHROMIUM = "/usr/bin/chromium"


def pytest_collection_modifyitems(items):
    """Without a browser its tests are skipped, counted and shown; nothing else is."""
    if not Path(CHROMIUM).exists():
        missing = pytest.mark.skip(reason="Chromium isn't installed (Debian: apt install chromium)")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(missing)


@pytest.fixture(scope="session")
def browser_type_launch_args():
    """Debian's Chromium, which makes no connection of its own and finds the shops' hosts here.

    One browser serves all browser tests, so all that any of them needs stands here.
    """
    quiet = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
        " --disable-background-networking --disable-component-update"
    )
    hosts = "--host-resolver-rules=MAP *.shops.test 127.0.0.1"
    return {"executable_path": CHROMIUM, "args": [*quiet.split(), hosts]}


@pytest.fixture(scope="session")
def stack(django_db_blocker, tmp_path_factory):
    """The product's processes with the demo's two shops; seen from outside only."""
    from customerinfo.tests import stack as live_stack

    with django_db_blocker.unblock(), live_stack.running(tmp_path_factory.mktemp("stack")) as made:
        yield made
