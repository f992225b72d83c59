"""A new retailer's schema is filled with people's groups, a site, a brand and a page that works."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django_tenants.utils import get_tenant_model, tenant_context
from wagtail.models import Page, Site

from forms_app.models import Brand, FormVersion, HomePage, SignupPage
from forms_app.starter import EDITORS, OWNERS, VIEWERS, Starter, build_starter

from .shop import soup


@pytest.fixture
def empty_schema(retailers):
    """The schema that new retailers are copied from."""
    with tenant_context(get_tenant_model().objects.get(state="template")):
        assert not HomePage.objects.exists()
        yield get_user_model().objects.create_user("owner@new.example")


@pytest.mark.parametrize(
    "url, port", [("https://new.shops.test", 443), ("http://new.shops.test:8000", 8000)]
)
def test_an_empty_schema_becomes_a_shop(empty_schema, url, port):
    page = build_starter("New", url, empty_schema, Starter(brand={"accent": "#224466"}))
    assert page.live and page.slug == "join"
    assert page.get_parent().specific == HomePage.objects.get()
    site = Site.objects.get()
    assert (site.hostname, site.port, site.is_default_site) == ("new.shops.test", port, True)
    assert Page.objects.filter(depth=2).count() == 1
    assert (Brand.load().name, Brand.load().accent) == ("New", "#224466")
    version = FormVersion.objects.get(page=page)
    assert [f["kind"] for f in version.fields] == [
        "first_name", "last_name", "email", "birthday", "consent",
    ]  # fmt: skip
    assert len({f["key"] for f in version.fields}) == 5
    assert [f["required"] for f in version.fields] == [False, False, True, False, False]
    assert [group.name for group in empty_schema.groups.all()] == [OWNERS]


def test_each_role_may_do_what_is_its_own(empty_schema):
    build_starter("New", "http://new.shops.test", empty_schema, Starter())
    may = {}
    for role in (OWNERS, EDITORS, VIEWERS):
        user = get_user_model().objects.create_user(f"{role}@new.example")
        user.groups.set([Group.objects.get(name=role)])
        page = SignupPage.objects.get().permissions_for_user(user)
        may[role] = (
            user.has_perm("wagtailadmin.access_admin"),
            user.has_perm("forms_app.view_signup"),
            user.has_perm("forms_app.change_signup"),
            user.has_perm("forms_app.change_brand"),
            user.has_perm("integrations.add_connection"),
            user.has_perm("users.add_user"),
            page.can_publish(),
        )
    assert may == {
        OWNERS: (True,) * 7,
        EDITORS: (True, True, True, True, False, False, True),
        VIEWERS: (True, True, False, False, False, False, False),
    }


def test_an_unreadable_brand_is_refused(empty_schema):
    starter = Starter(brand={"text": "#eeeeee", "surface": "#ffffff"})
    with pytest.raises(ValidationError):
        build_starter("New", "http://new.shops.test", empty_schema, starter)


def test_the_starter_page_of_each_shop_takes_a_sign_up(retailers):
    from .shop import Shop

    for shop in map(Shop, retailers):
        page = soup(shop.get())
        names = {kind["data-kind"]: kind for kind in page.select("[data-kind]")}
        email = names["email"].find("input")["name"]
        answer = shop.client.post(
            "/join/",
            {"form_version": shop.version(), email: "robin@example.com"},
        )
        assert answer.status_code == 303
        (signup,) = shop.signups()
        assert signup.email == "robin@example.com"
        assert [consent.given for consent in signup.consents.all()] == [False]
