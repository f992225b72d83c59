"""An export is read after the view has returned: it must still be the retailer's own."""

import uuid
from contextlib import closing

import pytest
from django.db import connection
from django_tenants.utils import tenant_context

from forms_app.models import Brand, FormVersion, Signup
from tenants.routing import in_schema

from .people import owner_of

EXPORT = "/admin/signups/?export=csv"


@pytest.fixture
def with_signups(retailers):
    """Three people signed up at each."""
    for retailer in retailers:
        with tenant_context(retailer):
            version = FormVersion.objects.get()
            key = next(field["key"] for field in version.fields if field["kind"] == "email")
            for name in ("ann", "ben", "cas"):
                email = f"{name}@{retailer.slug}.test"
                Signup.objects.create(
                    id=uuid.uuid4(),
                    page_id=version.page_id,
                    form_version=version,
                    language="en",
                    answers={key: email},
                    email=email,
                )
    return retailers


def assert_rows_of(retailer, text: str) -> None:
    assert len(text.splitlines()) == 4
    for name in ("ann", "ben", "cas"):
        assert f"{name}@{retailer.slug}.test" in text
    other = {"acorn": "birch", "birch": "acorn"}[retailer.slug]
    assert other not in text.lower()


def test_an_export_holds_the_retailers_own_rows(with_signups):
    for retailer in with_signups:
        answer = owner_of(retailer).get(EXPORT)
        assert answer.streaming
        assert_rows_of(retailer, b"".join(answer).decode())
        assert connection.schema_name == "public"


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_an_export_stays_the_retailers_when_another_request_runs_in_between(with_signups, chunks):
    acorn, birch = with_signups
    at_acorn, at_birch = owner_of(acorn), owner_of(birch)
    content = iter(at_acorn.get(EXPORT))
    parts = [next(content) for _ in range(chunks)]
    assert at_birch.get("/admin/signups/").status_code == 200
    assert_rows_of(birch, b"".join(at_birch.get(EXPORT)).decode())
    parts += content
    assert_rows_of(acorn, b"".join(parts).decode())
    assert connection.schema_name == "public"


def names():
    """Reads a row whenever somebody wants the next part."""
    while True:
        yield Brand.objects.get().name


def test_content_that_is_read_in_turns_stays_each_retailers_own(retailers):
    acorn, birch = retailers
    with (
        closing(in_schema(acorn, names())) as at_acorn,
        closing(in_schema(birch, names())) as at_birch,
    ):
        read = [next(content) for content in (at_acorn, at_birch, at_acorn, at_birch, at_acorn)]
    assert read == ["Acorn", "Birch", "Acorn", "Birch", "Acorn"]


def test_content_that_nobody_reads_to_its_end_leaves_the_public_schema(retailers):
    for retailer in retailers:
        with closing(in_schema(retailer, names())) as content:
            assert connection.schema_name == "public"
            assert next(content) == retailer.name
            assert connection.schema_name == "public"
        assert connection.schema_name == "public"


def test_an_export_that_fails_midway_leaves_the_public_schema(retailers):
    def failing():
        yield b"a"
        raise RuntimeError("midway")

    for retailer in retailers:
        content = in_schema(retailer, failing())
        assert next(content) == b"a"
        with pytest.raises(RuntimeError, match="midway"):
            next(content)
        assert connection.schema_name == "public"
