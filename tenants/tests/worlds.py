"""What several test modules ask of a world: is a retailer complete, where is its database."""

import threading
import time
from urllib.parse import quote

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django_tenants.utils import tenant_context
from wagtail.models import Site

from forms_app.models import Brand, FormVersion, SignupPage
from tenants import schemas
from tenants.models import Domain, Retailer


def sql(statement: str, *values) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def assert_complete(slug: str, owner_email: str) -> Retailer:
    """Everything that a retailer consists of is there."""
    connection.set_schema_to_public()
    retailer = Retailer.objects.get(slug=slug)
    assert schemas.problems([retailer.schema_name]) == {}
    domain = Domain.objects.get(tenant=retailer)
    assert domain.domain == retailer.host and domain.is_primary
    with tenant_context(retailer):
        owner = get_user_model().objects.get()
        assert owner.email == owner_email and not owner.is_superuser
        assert [group.name for group in owner.groups.all()] == ["Owners"]
        assert {group.name for group in Group.objects.all()} == {"Owners", "Editors", "Viewers"}
        assert owner.has_perms(["wagtailadmin.access_admin", "integrations.add_connection"])
        site = Site.objects.get()
        assert site.hostname == retailer.host and site.is_default_site
        assert Brand.objects.get().name == retailer.name
        page = SignupPage.objects.get()
        assert page.live and page.get_parent().pk == site.root_page_id
        assert FormVersion.objects.get().page_id == page.pk
    return retailer


def assert_absent(slug: str) -> None:
    """Nothing is left: no row, no address, no schema."""
    connection.set_schema_to_public()
    assert not Retailer.objects.filter(slug=slug).exists()
    assert not Domain.objects.filter(domain__startswith=f"{slug}.").exists()
    name = f"r_{slug.replace('-', '_')}"
    assert sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE %s", f"{name}%") == []


def database_url() -> str:
    """The database that this test works on, for a process of its own."""
    database = connection.settings_dict
    who = quote(database["USER"]) + (f":{quote(p)}" if (p := database["PASSWORD"]) else "")
    host, port = quote(database["HOST"], safe="/"), database["PORT"] or 5432
    return f"postgres://{who}@/{database['NAME']}?host={host}&port={port}"


def until(condition, seconds: float):
    """The first true answer of `condition`, asked again and again; None after `seconds`."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        pause.wait(0.005)
    return None
