"""The world that all tests share: two retailers, Acorn and Birch, on real PostgreSQL and Redis."""

import pytest
from customerinfo.tests import databases


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker):
    """pytest-django's hook: every test process has its own copy of the world."""
    with django_db_blocker.unblock(), databases.fresh_copy() as name:
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
    with django_db_blocker.unblock(), databases.fresh_copy() as name:
        with databases.pointed_at(name):
            yield
