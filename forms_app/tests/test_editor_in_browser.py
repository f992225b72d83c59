"""The page editor as a retailer uses it, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django_tenants.utils import tenant_context
from playwright.sync_api import expect

from forms_app.models import Brand, SignupPage
from forms_app.versions import current_version

from .editor import editor_form
from .shop import choice, field, key
from .tablet import SIZES

pytestmark = pytest.mark.browser

# Of wagtail-color-panel, for a colour that is left empty; the swatch is set by our own script.
OWN_COLOURS = 'The specified value "None" does not conform'


@pytest.fixture
def editor(tablet, monkeypatch):
    """editor(page=…): Acorn's owner at the editor of its page; returns Playwright's page."""
    tablet.staff = tablet.shop.staff()
    tablet.page.context.add_cookies(
        [
            {"name": name, "value": morsel.value, "url": tablet.url("/")}
            for name, morsel in tablet.staff.cookies.items()
        ]
    )
    tablet.page.set_viewport_size({"width": 1440, "height": 1000})

    def open_it(slug: str = "join"):
        page = tablet.shop.page(slug)
        tablet.page.goto(tablet.url(reverse("wagtailadmin_pages:edit", args=[page.pk])))
        tablet.page.locator("[data-checklist] .checklist").wait_for()
        return tablet.page

    yield open_it
    tablet.complaints[:] = [one for one in tablet.complaints if OWN_COLOURS not in one]


def publish(page) -> None:
    page.locator("[data-drop-toggle], .w-dropdown__toggle").last.click()
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_text("published", exact=False).first.wait_for()


def block(page, number: int):
    """The n-th field in the order of the page."""
    return page.locator("[data-streamfield-stream-container] > [data-streamfield-child]").nth(
        number
    )


def test_a_condition_is_chosen_from_lists_and_the_page_obeys_it(tablet, editor):
    acorn = tablet.shop
    acorn.publish(
        choice("plants", "Indoors", "Outdoors", label="Where do they live?"),
        field("birthday", label="Birthday"),
        other_languages=[],
    )
    page = editor()
    birthday = block(page, 1)
    condition = birthday.locator("[data-contentpath=condition]")
    expect(condition.locator("[data-panel-heading-text]").first).to_have_text("always shown")
    condition.locator("[data-panel-toggle]").first.click()
    condition.locator("[data-streamfield-list-add]").first.click()
    asked = condition.get_by_role("combobox", name="Which field")
    expect(asked.locator("option")).to_have_text(["choose a field …", "Where do they live?"])
    asked.select_option("Where do they live?")
    test = condition.get_by_role("combobox", name="What about it")
    test.select_option("is")
    assert not test.locator("option[value=ticked]").is_enabled()
    condition.get_by_role("combobox", name="Which answer").select_option("Outdoors")
    # A field that is renamed is renamed in the list.
    block(page, 0).locator('[name="fields-0-value-label"]').fill("Where?")
    expect(asked.locator("option").nth(1)).to_have_text("Where?")
    publish(page)
    with tenant_context(acorn.retailer):
        version = current_version(SignupPage.objects.get(slug="join"))
        (rule,) = version.fields[1]["condition"]["rules"]
    assert rule == {"field": key("plants"), "test": "is", "value": key("Outdoors")}
    page.goto(tablet.url())
    tablet.ready()
    expect(page.locator("[data-kind=birthday]")).to_be_hidden()
    page.get_by_text("Outdoors", exact=True).click()
    expect(page.locator("[data-kind=birthday]")).to_be_visible()


def test_a_condition_can_ask_about_a_field_that_was_added_just_now(tablet, editor):
    acorn = tablet.shop
    acorn.publish(field("email"))
    page = editor()
    page.locator("[data-streamfield-stream-container] > div > .c-sf-add-button").last.click()
    page.get_by_role("option", name="Yes or no").click()
    label = page.locator('[name="fields-1-value-label"]')
    label.fill("Join the club?")
    condition = block(page, 0).locator("[data-contentpath=condition]")
    condition.locator("[data-panel-toggle]").first.click()
    condition.locator("[data-streamfield-list-add]").first.click()
    condition.get_by_role("combobox", name="Which field").select_option("Join the club?")
    condition.get_by_role("combobox", name="What about it").select_option("is")
    condition.get_by_role("combobox", name="Which answer").select_option("Yes")
    publish(page)
    with tenant_context(acorn.retailer):
        version = current_version(SignupPage.objects.get(slug="join"))
    email, club = version.fields
    assert email["condition"]["rules"] == [{"field": club["key"], "test": "is", "value": "yes"}]
    assert club["label"] == "Join the club?"


def test_moving_a_field_keeps_its_key_and_its_options(tablet, editor):
    acorn = tablet.shop
    acorn.publish(choice("size", "Small", "Large"), field("email"))
    page = editor()
    block(page, 0).get_by_role("button", name="Move down").first.click()
    publish(page)
    with tenant_context(acorn.retailer):
        fields = current_version(SignupPage.objects.get(slug="join")).fields
    assert [one["key"] for one in fields] == [key("email"), key("size")]
    assert [option["id"] for option in fields[1]["options"]] == [key("Small"), key("Large")]


def test_a_duplicated_field_has_a_key_and_options_of_its_own(tablet, editor):
    acorn = tablet.shop
    acorn.publish(choice("size", "Small", "Large"), field("email"))
    page = editor()
    block(page, 0).get_by_role("button", name="Duplicate").first.click()
    publish(page)
    with tenant_context(acorn.retailer):
        fields = current_version(SignupPage.objects.get(slug="join")).fields
    assert [one["kind"] for one in fields] == ["choice", "choice", "email"]
    keys = [one["key"] for one in fields]
    assert len(set(keys)) == 3 and keys[0] == key("size")
    assert [option["label"] for option in fields[1]["options"]] == ["Small", "Large"]
    assert not {o["id"] for o in fields[0]["options"]} & {o["id"] for o in fields[1]["options"]}


def test_a_condition_about_a_field_that_is_deleted_is_named_and_not_published(tablet, editor):
    acorn = tablet.shop
    rule = {
        "type": "item",
        "id": key("r"),
        "value": {"field": key("club"), "test": "is", "value": "yes"},
    }
    acorn.publish(
        field("yes_no", "club", label="Join?"),
        field("email", condition={"match": "all", "rules": [rule]}),
    )
    page = editor()
    block(page, 0).get_by_role("button", name="Delete").first.click()
    condition = page.locator('[name="fields-1-value-condition-match"]').locator(
        "xpath=ancestor::section[1]"
    )
    condition.locator("[data-panel-toggle]").first.click()
    asked = condition.get_by_role("combobox", name="Which field")
    expect(asked.locator("option:checked")).to_have_text("a field that is gone")
    page.locator("[data-drop-toggle], .w-dropdown__toggle").last.click()
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("button", name="Go to the first error").click()
    expect(page.get_by_text("isn't on the page any more").first).to_be_visible()
    expect(page.locator("[data-checklist]")).to_contain_text("mend what is marked")
    tablet.complaints[:] = [one for one in tablet.complaints if "status of 400" not in one]
    with tenant_context(acorn.retailer):
        assert len(current_version(SignupPage.objects.get(slug="join")).fields) == 2


def test_the_checklists_link_leads_into_the_tab_where_it_is_mended(tablet, editor):
    acorn = tablet.shop
    acorn.publish(field("email"), other_languages=["nl"], translations={})
    page = editor()
    link = page.locator("[data-checklist]").get_by_role("link", name="Translate")
    link.click()
    expect(page.locator("[data-translations]")).to_be_visible()
    dutch = page.locator(
        "[data-translations] input[lang=nl], [data-translations] textarea[lang=nl]"
    )
    for number in range(dutch.count()):
        dutch.nth(number).fill(f"Vertaald {number}")
    expect(page.locator(".translations__counts")).to_have_text("Nederlands: complete")
    publish(page)
    assert "Vertaald" in acorn.get("/join/nl/").text
    acorn.publish(other_languages=[], translations={})


def test_a_new_page_begins_with_a_starter(tablet, editor):
    acorn = tablet.shop
    page = editor()
    page.goto(tablet.url("/admin/signup-pages/"))
    page.get_by_role("link", name="Add").first.click()
    page.get_by_role("button", name="Loyalty club").click()
    page.locator("[data-checklist] .checklist").wait_for()
    expect(page.locator("[data-checklist]")).to_contain_text("You can publish")
    publish(page)
    assert acorn.get("/loyalty-club/").status_code == 200


def test_colours_are_offered_from_the_logo_and_a_faint_one_is_mended_with_a_press(tablet, editor):
    from customerinfo.demo.seed import SHOPS, make_pictures

    acorn = tablet.shop
    with acorn.inside():
        make_pictures(SHOPS[0])
    page = editor()
    page.goto(tablet.url("/admin/settings/forms_app/brand/"))
    palettes = page.locator("[data-palettes-list] .palette")
    expect(palettes.first).to_be_visible()
    palettes.first.click()
    expect(page.locator(".contrast--bad")).to_have_count(0)  # what is offered can be read
    page.locator("#id_text").fill("#f4f4f4")
    page.locator("#id_surface").fill("#ffffff")
    offer = page.locator(".contrast--bad").get_by_role("button").first
    offer.click()
    expect(page.locator(".contrast--bad")).to_have_count(0)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("updated", exact=False).first.wait_for()
    with acorn.inside():
        assert Brand.load().text != "#f4f4f4"
    acorn.save_brand(logo=None, picture=None)  # their files go with this test


MODES = ("", "errors", "thanks", "offline", "form:nl", "thanks:nl")


@pytest.mark.parametrize("mode", MODES)
def test_axe_finds_nothing_in_any_preview(tablet, editor, mode):
    acorn = tablet.shop
    fields = (
        *(field("first_name", required=True), field("email"), field("mobile"), field("birthday")),
        *(choice("size", "Small", "Large"), field("consent", label="News?", purpose="marketing")),
    )
    shown = acorn.publish(*fields, other_languages=["nl"])
    address = reverse("wagtailadmin_pages:preview_on_edit", args=[shown.pk])
    form = editor_form(shown, *fields, other_languages="nl")
    assert tablet.staff.post(address, form).json()["is_valid"]
    page = tablet.page
    page.goto(tablet.url(f"{address}?mode={mode}"))
    expect(page.locator(".preview")).to_be_visible()
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(700 if "thanks" in mode else 100)
        found = Axe().run(page).response["violations"]
        told = [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
        assert told == [], (mode, size)
