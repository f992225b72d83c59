"""What a browser got is told from what it would get now."""

import pytest

from forms_app import app_version as module
from forms_app.app_version import app_version


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "OURS", ((tmp_path, "*.html"),))
    module.kept.cache_clear()
    yield tmp_path / "page.html"
    module.kept.cache_clear()


def test_a_template_that_is_saved_is_another_version_while_somebody_works_on_it(page, settings):
    settings.DEBUG = True
    page.write_text("before")
    before = app_version()
    page.write_text("after")
    assert app_version() != before
    page.write_text("before")
    assert app_version() == before


def test_a_release_keeps_its_version(page, settings):
    assert not settings.DEBUG
    page.write_text("before")
    before = app_version()
    page.write_text("after")
    assert app_version() == before
    assert len(before) == 12
