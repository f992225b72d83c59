"""The mapping editor in a real browser: the page as we serve it, with its own scripts."""

from mimetypes import guess_type
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from django_tenants.utils import tenant_context
from playwright.sync_api import expect

from integrations.admin.mapping_targets import LIST_ID
from integrations.models import Connection

pytestmark = pytest.mark.browser
FIELD = "First name: where it goes"


@pytest.fixture
def opened(browser, retailers, visitor, connect):
    """opened(scripts=True, **values of the connection): the editor in the browser."""
    contexts = []

    def open_it(scripts=True, **values):
        contexts.append(browser.new_context(java_script_enabled=scripts))
        page = contexts[-1].new_page()
        retailer = retailers[1]
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        with tenant_context(retailer):
            Connection.objects.filter(pk=pk).update(**values)
        html = owner.get(f"{pk}/mapping/").content

        def serve(route):
            path = urlsplit(route.request.url).path
            if path.startswith("/static/"):
                found = finders.find(path.removeprefix("/static/"))
                kind = guess_type(path)[0] or "text/plain"
                route.fulfill(body=Path(found).read_bytes(), content_type=kind)
            elif path.endswith("/mapping/") and route.request.method == "GET":
                route.fulfill(body=html, content_type="text/html")
            else:
                route.fulfill(status=404, body="")

        page.route("**/*", serve)
        page.goto(f"http://{retailer.host}/admin/crm/{pk}/mapping/")
        return page

    yield open_it
    for context in contexts:
        context.close()


def combobox(page, name=FIELD):
    return page.get_by_role("combobox", name=name)


def listed(page):
    return page.get_by_role("option").filter(visible=True)


def test_typing_narrows_the_list_and_enter_chooses_without_saving(opened):
    page = opened()
    field = combobox(page)
    field.fill("")
    field.press_sequentially("fav")
    expect(listed(page)).to_have_count(1)
    address = page.url
    field.press("Enter")
    expect(field).to_have_value("Favourite")
    expect(field).to_have_attribute("aria-expanded", "false")
    assert page.url == address
    row = page.get_by_role("group", name="First name")
    expect(row.locator("[data-holds]")).to_have_text("text")


def test_arrows_go_through_the_list_and_escape_leaves_it_as_it_was(opened):
    page = opened()
    field = combobox(page)
    field.focus()
    field.press("ArrowDown")
    field.press("ArrowDown")
    active = field.get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    field.press("ArrowUp")
    field.press("ArrowUp")
    field.press("Escape")
    expect(field).to_have_value("First name")
    expect(listed(page)).to_have_count(0)


def test_what_cannot_take_the_field_says_why_and_cannot_be_chosen(opened):
    page = opened()
    field = combobox(page, "Birthday: where it goes")
    field.click()
    refused = listed(page).filter(has_text="Marketing consent")
    expect(refused).to_contain_text("It holds yes or no: a birthday can't go there.")
    expect(refused).to_have_attribute("aria-disabled", "true")
    refused.click(force=True)
    expect(field).to_have_value("Birthday")
    field.fill("marketing")
    field.press("Enter")
    assert field.input_value() != "Marketing consent"


def test_not_sent_can_be_chosen_and_a_row_steps_back(opened):
    page = opened()
    row = page.get_by_role("group", name="Last name")
    combobox(page, "Last name: where it goes").click()
    listed(page).filter(has_text="Not sent").click()
    expect(combobox(page, "Last name: where it goes")).to_have_value("")
    expect(row.locator("details")).to_be_hidden()


def test_a_row_is_removed_on_the_spot(opened):
    page = opened()
    address = page.url
    page.get_by_role("button", name="Don't send Last name").click()
    expect(combobox(page, "Last name: where it goes")).to_have_value("")
    assert page.url == address


def test_three_hundred_attributes_can_be_searched(opened):
    attribute = {"type": "string", "required": False, "unique": False, "writable": True}
    many = [
        {**attribute, "name": f"a{n}", "label": f"Property {n}", "options": []} for n in range(300)
    ]
    page = opened(attributes=many)
    field = combobox(page, "Birthday: where it goes")
    field.click()
    expect(page.get_by_text("and 240 more: type to search")).to_be_visible()
    field.fill("property 277")
    field.press("Enter")
    expect(field).to_have_value("Property 277")


def test_without_a_script_the_browsers_own_list_is_searched_and_details_unfold(opened):
    page = opened(scripts=False)
    field = page.locator("input[name$=-attribute]").first
    assert field.get_attribute("list") == LIST_ID
    assert page.locator(f"datalist#{LIST_ID} option").count() > 10
    row = page.get_by_role("group", name="First name")
    row.locator("summary").click()
    expect(row.get_by_label("First name: change it on the way")).to_be_visible()


def test_the_editor_can_be_used_by_those_who_hear_it(opened):
    page = opened()
    page.locator("details.map-how summary").first.click()
    combobox(page).click()
    found = Axe().run(page, context="#w-editor-form").response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
