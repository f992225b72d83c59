"""A new retailer is complete or absent, and asking twice makes one."""

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django_tenants.utils import tenant_context

from forms_app.models import Brand
from forms_app.starter import Starter
from tenants.models import Domain, Retailer, SchemaTemplate
from tenants.names import RESERVED
from tenants.provisioning import onboard
from tenants.schemas import TEMPLATE_SCHEMA, StaleTemplate

from .worlds import assert_absent, assert_complete, sql


def onboard_by_command(name: str, slug: str, owner_email: str) -> str:
    out = io.StringIO()
    call_command("onboard_retailer", name=name, slug=slug, owner_email=owner_email, stdout=out)
    return out.getvalue()


def test_a_new_retailer_is_complete_and_leaves_the_others_as_they_are(retailers):
    before = [(r.pk, r.schema_name) for r in retailers]
    onboarded = onboard("Cedar", "cedar", " Owner@Cedar.test ")
    assert onboarded.created
    assert onboarded.retailer.owner_email == "owner@cedar.test"
    assert_complete("cedar", "owner@cedar.test")
    assert connection.schema_name == "public"
    for retailer, known in zip(retailers, before, strict=True):
        again = assert_complete(retailer.slug, f"owner@{retailer.slug}.test")
        assert (again.pk, again.schema_name) == known


def test_both_retailers_of_the_world_are_complete(retailers):
    for retailer in retailers:
        assert_complete(retailer.slug, f"owner@{retailer.slug}.test")


def test_a_repeat_answers_like_the_first(retailers):
    first = onboard_by_command("Cedar", "cedar", "owner@cedar.test")
    second = onboard_by_command("Cedar", "cedar", "OWNER@cedar.test")
    assert "Cedar is ready: http://cedar.shops.test/admin/" in first
    assert "Cedar was there already: http://cedar.shops.test/admin/" in second
    assert "sets a password here: http://cedar.shops.test/admin/password_reset/" in second
    assert_complete("cedar", "owner@cedar.test")


def test_a_repeat_never_overwrites_what_the_retailer_has_changed(retailers):
    acorn, birch = retailers
    with tenant_context(acorn):
        brand = Brand.load()
        brand.name = "Acorn & Sons"
        brand.save()
    onboard("Acorn", "acorn", acorn.owner_email, Starter(brand={"name": "Somebody"}))
    with tenant_context(acorn):
        assert Brand.objects.get().name == "Acorn & Sons"
    with tenant_context(birch):
        assert Brand.objects.get().name == "Birch"


def test_an_owner_with_a_password_gets_no_new_invitation(retailers):
    acorn, birch = retailers
    from django.contrib.auth import get_user_model

    with tenant_context(acorn):
        owner = get_user_model().objects.get()
        owner.set_password("a long walk home")
        owner.save()
    assert "has a password already" in onboard_by_command("Acorn", "acorn", acorn.owner_email)
    assert "sets a password here" in onboard_by_command("Birch", "birch", birch.owner_email)


def test_an_owner_who_was_deleted_gets_no_invitation(retailers):
    acorn, birch = retailers
    from django.contrib.auth import get_user_model

    with tenant_context(acorn):
        get_user_model().objects.all().delete()
    assert onboard("Acorn", "acorn", acorn.owner_email).invitation == ""
    assert onboard("Birch", "birch", birch.owner_email).invitation


def test_a_slug_that_somebody_else_has_is_refused(retailers):
    acorn, birch = retailers
    with pytest.raises(CommandError, match="acorn is taken by another retailer"):
        onboard_by_command("Acorn", "acorn", birch.owner_email)


@pytest.mark.parametrize("slug", sorted(RESERVED))
def test_a_reserved_slug_is_refused(retailers, slug):
    with pytest.raises(ValidationError, match="reserved"):
        onboard("Cedar", slug, "owner@cedar.test")
    assert Retailer.objects.filter(slug=slug).count() == 0


def test_the_operators_own_host_is_refused(retailers, settings):
    settings.OPERATOR_HOST = "bridge.shops.test"
    with pytest.raises(ValidationError):
        onboard("Bridge", "bridge", "owner@bridge.test")


@pytest.mark.parametrize(
    "slug",
    [
        *("", "a", "A", "Cedar", "1cedar", "-cedar", "cedar-", "ce--dar", "ce_dar", "ce.dar"),
        *("cedar ", "cedar\n", "cédar", "ce/dar", 'ce"dar', "ce;dar", "a" * 41, "pg-" + "a" * 40),
    ],
)
def test_a_malformed_slug_is_refused_with_nothing_made(retailers, slug):
    before = sql("SELECT count(*) FROM pg_namespace")
    with pytest.raises(ValidationError):
        onboard("Cedar", slug, "owner@cedar.test")
    assert Retailer.objects.filter(slug=slug).count() == 0
    assert sql("SELECT count(*) FROM pg_namespace") == before


@pytest.mark.parametrize("slug", ["ab", "a" * 40, "a-b-c", "a1", "pg-cedar"])
def test_the_shortest_and_the_longest_slugs_work(retailers, slug):
    onboard("Cedar", slug, "owner@cedar.test")
    assert_complete(slug, "owner@cedar.test")


@pytest.mark.parametrize(
    ("name", "email"), [("", "owner@cedar.test"), ("x" * 101, "owner@cedar.test"), ("Cedar", "")]
)
def test_a_retailer_without_a_name_or_an_owner_is_refused(retailers, name, email):
    with pytest.raises(ValidationError):
        onboard(name, "cedar", email)
    assert_absent("cedar")


def test_an_owner_whose_e_mail_is_none_is_refused_in_words(retailers):
    with pytest.raises(CommandError, match="valid email"):
        onboard_by_command("Cedar", "cedar", "owner at cedar")
    assert_absent("cedar")


def test_a_failure_in_the_middle_leaves_nothing(retailers):
    unreadable = Starter(brand={"text": "#ffffff", "surface": "#ffffff"})
    with pytest.raises(ValidationError, match="Hard to read"):
        onboard("Cedar", "cedar", "owner@cedar.test", unreadable)
    assert connection.schema_name == "public"
    assert_absent("cedar")
    onboard("Cedar", "cedar", "owner@cedar.test")
    assert_complete("cedar", "owner@cedar.test")


def test_an_address_that_another_retailer_still_has_is_refused_in_words(retailers):
    """A renamed retailer keeps its old address: links to it are printed on its counters."""
    acorn, birch = retailers
    Domain.objects.create(tenant=birch, domain="cedar.shops.test", is_primary=False)
    with pytest.raises(ValidationError):
        onboard("Cedar", "cedar", "owner@cedar.test")
    assert not Retailer.objects.filter(slug="cedar").exists()
    assert Domain.objects.get(domain="cedar.shops.test").tenant == birch


def test_a_schema_that_a_renamed_retailer_has_is_never_used_again(retailers):
    acorn, birch = retailers
    acorn.slug = "oak"
    acorn.save()
    Domain.objects.filter(tenant=acorn).update(domain=acorn.host)
    names = []
    for number in (2, 3):
        onboard("Another", "acorn", "owner@another.test")
        retailer = assert_complete("acorn", "owner@another.test")
        names.append(retailer.schema_name)
        retailer.slug = f"another-{number}"
        retailer.save()
        Domain.objects.filter(tenant=retailer).update(domain=retailer.host)
    assert names == ["r_acorn_2", "r_acorn_3"]
    with tenant_context(acorn):
        assert Brand.objects.get().name == "Acorn"


def test_without_the_templates_sql_nobody_is_onboarded(retailers):
    SchemaTemplate.objects.all().delete()
    with pytest.raises(CommandError, match="migrate_fleet"):
        onboard_by_command("Cedar", "cedar", "owner@cedar.test")
    assert_absent("cedar")


def test_a_template_behind_this_code_is_refused(retailers):
    sql(f"DELETE FROM {TEMPLATE_SCHEMA}.django_migrations WHERE app = 'sessions'")
    with pytest.raises(StaleTemplate):
        onboard("Cedar", "cedar", "owner@cedar.test")
    assert_absent("cedar")


def test_a_template_behind_this_code_is_refused_even_if_its_sql_is_kept(retailers):
    from tenants import schemas

    sql(f"DELETE FROM {TEMPLATE_SCHEMA}.django_migrations WHERE app = 'sessions'")
    behind = schemas.applied_migrations([TEMPLATE_SCHEMA])[TEMPLATE_SCHEMA]
    SchemaTemplate.objects.update(fingerprint=schemas.fingerprint(behind))
    with pytest.raises(StaleTemplate):
        onboard("Cedar", "cedar", "owner@cedar.test")
    with pytest.raises(StaleTemplate, match="lacks 1 migration"):
        schemas.refresh_template()
