"""The retailer's admin: our menu in its words, the editor's preview, pages that aren't lost."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django_tenants.utils import tenant_context

from forms_app.models import Brand, HomePage, SignupPage

from .editor import editor_form
from .shop import choice, field, key, soup

CONSOLE = "console.shops.test"


def operator() -> Client:
    """The operator's browser, logged in to the console."""
    user = get_user_model().objects.create_superuser("operator@console.test", "a long password")
    browser = Client(HTTP_HOST=CONSOLE)
    browser.force_login(user)
    return browser


# --- Menu -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role, shown", [("Owners", True), ("Editors", True), ("Viewers", False)])
def test_each_role_has_its_menu_in_our_words(shops, role, shown):
    for shop in shops:
        with tenant_context(shop.retailer):
            browser = shop.staff(role)
        answer = browser.get("/admin/")
        assert answer.status_code == 200
        labels = sidebar(answer)
        assert {"Sign-up pages", "Sign-ups"} <= labels
        assert ("Brand" in labels) is shown
        assert not {"Pages", "Documents", "Reports", "Help"} & labels


def sidebar(answer) -> set[str]:
    """The labels of the menu, which Wagtail hands to its script as JSON."""
    import json

    props = json.loads(soup(answer).find("script", id="wagtail-sidebar-props").string)
    found = set()

    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("_args"), list) and node["_args"]:
                for item in node["_args"]:
                    walk(item)
            if "label" in node:
                found.add(node["label"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(props)
    return found


def test_the_menu_leads_to_the_retailers_pages(shops):
    for shop in shops:
        answer = shop.staff().get(reverse("signup_pages"), follow=True)
        assert answer.status_code == 200
        assert "Join the club" in answer.text
        with tenant_context(shop.retailer):
            home = HomePage.objects.get()
        assert answer.redirect_chain[0][0] == reverse("wagtailadmin_explore", args=[home.pk])


def test_the_console_has_nothing_of_it_in_its_menu(shops):
    answer = operator().get("/admin/")
    assert answer.status_code == 200
    assert not {"Sign-up pages", "Sign-ups", "Brand"} & sidebar(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/admin/signups/", "/admin/signups/?export=csv", "/admin/signup-pages/",
        "/admin/signups/inspect/6f9619ff-8b86-d011-b42d-00cf4fc964ff/",
        "/admin/settings/forms_app/brand/", "/admin/settings/forms_app/brand/1/",
        "/join/", "/join/thanks/",
    ],
)  # fmt: skip
def test_the_console_has_none_of_its_addresses(shops, path):
    assert operator().get(path).status_code in (302, 403, 404)


def test_the_console_takes_no_sign_up(shops, robin, nothing_written):
    acorn, _ = shops
    data = acorn.form(robin)
    with nothing_written():
        assert Client(HTTP_HOST=CONSOLE).post("/join/", data).status_code in (403, 404)
        pk = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
        answer = operator().post(reverse("signups:resend", args=[pk]))
        assert answer.status_code in (302, 403, 404)


def test_the_admins_stylesheet_is_ours(shops):
    assert "/static/forms_app/admin.css" in shops[0].staff().get("/admin/").text


# --- Deleting -------------------------------------------------------------------------------------


def bulk_delete(pages) -> str:
    address = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "delete"])
    return f"{address}?next=/admin/&" + "&".join(f"id={page.pk}" for page in pages)


def test_a_page_with_sign_ups_cannot_be_deleted(shops, robin, nothing_written):
    acorn, birch = shops
    acorn.sign_up(robin)
    page = acorn.page()
    owner = acorn.staff()
    address = reverse("wagtailadmin_pages:delete", args=[page.pk])
    with nothing_written():
        for send in (owner.get, owner.post):
            answer = send(address, follow=True)
            assert "people have signed up here" in answer.text
    assert acorn.page().pk == page.pk and birch.page()


def test_pages_with_sign_ups_cannot_be_deleted_in_bulk(shops, robin, nothing_written):
    acorn, _ = shops
    empty = acorn.publish(field("email"), slug="empty")
    acorn.sign_up(robin)
    owner = acorn.staff()
    with nothing_written():
        answer = owner.post(bulk_delete([empty, acorn.page()]), follow=True)
        assert "people have signed up here" in answer.text
    assert acorn.page() and acorn.page("empty")


def test_the_home_above_pages_with_sign_ups_cannot_be_deleted(shops, robin, nothing_written):
    acorn, _ = shops
    acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        root = get_user_model().objects.create_superuser("root@acorn.test", "a long password")
        home = HomePage.objects.get()
        browser = Client(HTTP_HOST=acorn.host)
        browser.force_login(root)
    with nothing_written():
        for address in (
            reverse("wagtailadmin_pages:delete", args=[home.pk]), bulk_delete([home]),
        ):  # fmt: skip
            answer = browser.post(address, follow=True)
            assert "people have signed up here" in answer.text
    assert acorn.page()


@pytest.mark.parametrize("bulk", [False, True])
def test_a_page_that_nobody_signed_up_on_can_be_deleted(shops, robin, bulk):
    acorn, birch = shops
    page = acorn.publish(field("email"), slug="mistake")
    acorn.sign_up(robin)
    address = bulk_delete([page]) if bulk else reverse(
        "wagtailadmin_pages:delete", args=[page.pk]
    )  # fmt: skip
    answer = acorn.staff().post(address, follow=True)
    assert answer.status_code == 200
    with tenant_context(acorn.retailer):
        assert not SignupPage.objects.filter(slug="mistake").exists()
        assert SignupPage.objects.filter(slug="join").exists()
    assert birch.page()


def test_other_bulk_actions_are_left_alone(shops, robin):
    acorn, _ = shops
    acorn.sign_up(robin)
    address = reverse("wagtail_bulk_action", args=["wagtailcore", "page", "unpublish"])
    answer = acorn.staff().post(f"{address}?id={acorn.page().pk}")
    assert answer.status_code == 302
    assert not acorn.page().live


# --- Editor and preview ---------------------------------------------------------------------------

FIELDS = (
    field("first_name", label="What we call you", required=True),
    choice("colour", "Green", "Blue", label="Colour", required=True),
    field("birthday", label="Born", year=True),
    field("consent", label="Yes to the terms", purpose="terms", required=True),
)


def preview(shop, fields=FIELDS, mode: str = "", **attributes):
    """What the editor's preview shows for what is typed, unsaved."""
    page, editor = shop.page(), shop.staff("Editors")
    address = reverse("wagtailadmin_pages:preview_on_edit", args=[page.pk])
    posted = editor.post(address, editor_form(page, *fields, **attributes))
    assert posted.json() == {"is_valid": True, "is_available": True}
    return editor.get(address, {"mode": mode, "in_preview_panel": "true"})


def test_the_preview_shows_what_is_typed_and_sends_nothing(shops, nothing_written):
    acorn, birch = shops
    before = acorn.get().content
    with nothing_written():
        answer = preview(acorn, headline="Not saved yet")
    page = soup(answer)
    assert answer.status_code == 200
    assert page.h1.text == "Not saved yet"
    assert "What we call you" in answer.text and page.select_one("form[data-preview]")
    assert page.select_one(".preview").text == "Preview: nothing is sent"
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert acorn.get().content == before
    assert birch.retailer.name not in answer.text


def test_the_preview_of_errors_shows_one_for_each_required_field(shops):
    page = soup(preview(shops[0], mode="errors"))
    assert len(page.select(".error:not([hidden])")) == len(page.select(".summary li")) == 3


def test_the_preview_of_the_thank_you_stays(shops):
    page = soup(preview(shops[0], mode="thanks", thank_you_title="See you"))
    assert page.h1.text == "See you"
    assert not page.select("[data-next], noscript")


def test_an_unknown_mode_of_the_preview_is_no_error(shops):
    assert preview(shops[0], mode="nonsense").status_code in (200, 403, 404)


def test_a_page_is_previewed_before_anything_is_in_it(shops):
    """A draft: half a choice, no labels."""
    empty = (choice("colour", "", "", label=""), field("email", label=""))
    for mode in ("", "errors", "thanks"):
        assert preview(shops[0], empty, mode).status_code == 200
        assert preview(shops[0], (), mode).status_code == 200


@pytest.mark.parametrize("mode", ["", "errors", "thanks"])
def test_a_page_is_previewed_before_it_is_first_saved(shops, mode):
    acorn, _ = shops
    with tenant_context(acorn.retailer):
        home = HomePage.objects.get()
    editor = acorn.staff("Editors")
    address = reverse(
        "wagtailadmin_pages:preview_on_add", args=["forms_app", "signuppage", home.pk]
    )
    form = editor_form(SignupPage(title="New", slug="new"), *FIELDS)
    for name in form:
        if name.endswith("-id"):
            form[name] = ""  # what was never saved has no id
    assert editor.post(address, form).json()["is_valid"]
    answer = editor.get(address, {"mode": mode})
    assert answer.status_code == 200
    assert 'href="None"' not in answer.text
    names = [input["name"] for input in soup(answer).select("input[type=text][name]")]
    assert len(names) == len(set(names))


def test_a_preview_of_another_shops_page_is_not_found(shops):
    acorn, birch = shops
    page = acorn.publish(field("email"), slug="ours")
    address = reverse("wagtailadmin_pages:preview_on_edit", args=[page.pk])
    assert birch.staff("Editors").get(address).status_code in (302, 404)


def test_the_editor_offers_the_sizes_of_a_tablet(shops):
    acorn, _ = shops
    answer = acorn.staff("Editors").get(reverse("wagtailadmin_pages:edit", args=[acorn.page().pk]))
    assert answer.status_code == 200
    for width in ("1180", "820", "390"):
        assert width in answer.text
    assert "Marketing is always free" in answer.text


def test_the_editor_refuses_to_publish_a_required_consent_to_marketing(shops, nothing_written):
    acorn, _ = shops
    page = acorn.page()
    wrong = field("consent", label="News", purpose="marketing", required=True)
    with nothing_written():
        answer = acorn.staff("Editors").post(
            reverse("wagtailadmin_pages:edit", args=[page.pk]),
            {**editor_form(page, wrong), "action-publish": "1"},
        )
    assert answer.status_code == 200
    assert "it must be free" in answer.text
    assert acorn.get().status_code == 200


def test_a_viewer_does_not_edit_pages_or_brand(shops):
    acorn, _ = shops
    viewer = acorn.staff("Viewers")
    for address in (
        reverse("wagtailadmin_pages:edit", args=[acorn.page().pk]),
        "/admin/settings/forms_app/brand/",
    ):
        answer = viewer.get(address, follow=True)
        assert answer.redirect_chain[-1][0] in ("/admin/", "/admin/pages/")
    with tenant_context(acorn.retailer):
        assert Brand.load().name == "Acorn"


def test_the_fields_a_retailer_can_map_are_those_of_its_own_pages(shops):
    from integrations.sources import our_fields

    acorn, birch = shops
    acorn.publish(field("short_text", "size", label="Shoe size"), slug="shoes")
    with tenant_context(acorn.retailer):
        found = {source.key: (source.label, source.sample) for source in our_fields()}
    assert found["meaning:email"] == ("E-mail", "robin@example.com")
    assert found[f"field:{key('size')}"] == ("Shoe size", "…")
    assert found[f"field:{key('colour')}"] == ("Favourite colour", "Green")
    assert found["consent:marketing"][1] == "yes" and "consent:terms" in found
    assert found["signup:page"][0] == "Title of the page"
    with tenant_context(birch.retailer):
        assert f"field:{key('size')}" not in {source.key for source in our_fields()}


def test_a_sign_up_is_handed_on_as_what_was_answered(shops, robin):
    acorn, _ = shops
    signup = acorn.sign_up({**robin, "colour": key("Blue"), "news": "yes"})
    with tenant_context(acorn.retailer):
        data = signup.as_data()
        number = signup.form_version.number
    answers = {answer.key: answer for answer in data.answers}
    assert (data.id, data.page, data.language, data.is_test) == (
        str(signup.pk), "Join the club", "en", False,
    )  # fmt: skip
    assert answers[key("email")].meaning == "email"
    assert answers[key("mobile")].value is None
    assert answers[key("colour")].options == {key("Green"): "Green", key("Blue"): "Blue"}
    consents = {c.purpose: (c.given, c.wording, c.form_version) for c in data.consents}
    assert consents == {
        "marketing": (True, "Send me news.", number),
        "terms": (True, "I accept the terms.", number),
    }
    with tenant_context(acorn.retailer):
        assert sorted(map(str, signup.consents.all())) == ["marketing: yes", "terms: yes"]
