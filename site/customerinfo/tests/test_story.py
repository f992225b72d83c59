"""The whole story, as its people live it: in a browser, against the running product."""

import uuid

import pytest

from .stack import eventually

pytestmark = [pytest.mark.live, pytest.mark.browser]

OWNER, OTHER_OWNER = "owner@fern-and-fig.example", "owner@volt-cycles.example"
PASSWORD = "twenty-seconds"


def log_in(page, stack, shop, login):
    page.goto(stack.url(shop, "/admin/"))
    page.get_by_label("E-mail").fill(login)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(stack.url(shop, "/admin/"))


def test_a_retailer_designs_a_shopper_signs_up_and_the_crm_has_the_contact(stack, page):
    email = f"{uuid.uuid4().hex}@example.com"
    untouched = stack.get("volt-cycles", "/join/")

    # The retailer changes a label and publishes.
    log_in(page, stack, "fern-and-fig", OWNER)
    page.get_by_role("link", name="Sign-up pages").click()
    page.get_by_role("link", name="The plant club", exact=True).click()
    page.locator("input[name='fields-0-value-label']").fill("What shall we call you?")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("published").first.wait_for()

    # The retailer changes the colour of the button.
    page.get_by_role("link", name="Brand").click()
    page.locator("input[name='accent']").fill("#7a1f5c")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("updated").first.wait_for()

    # A shopper at the till.
    page.set_viewport_size({"width": 1180, "height": 820})
    page.goto(stack.url("fern-and-fig", "/"))
    page.get_by_label("What shall we call you?").fill("Ada")
    page.get_by_label("Last name").fill("Lovelace")
    page.get_by_label("E-mail").first.fill(email)
    page.get_by_text("In a garden").click()
    page.get_by_text("Yes, send me").click()
    button = page.get_by_role("button", name="Sign up")
    assert button.evaluate("b => getComputedStyle(b).backgroundColor") == "rgb(122, 31, 92)"
    button.click()
    page.get_by_role("heading", name="Thank you!").wait_for()

    # The person stands in the shop's CRM, and in no other's.
    (contact,) = eventually(lambda: stack.contacts("fern-and-fig", email))
    assert contact["attributes"]["first_name"] == "Ada"
    assert contact["attributes"]["marketing_consent"] is True
    assert stack.contacts("volt-cycles", email) == []

    # The retailer sees it delivered, and the record is a click away.
    def delivered():
        page.goto(stack.url("fern-and-fig", "/admin/signups/"))
        row = page.locator("tr", has_text=email)
        return row.get_by_text("Delivered").count()

    eventually(delivered)
    page.get_by_role("link", name="Ada Lovelace").first.click()
    page.get_by_text("In a garden").wait_for()
    page.get_by_role("link", name="Open the record in the CRM").click()
    page.get_by_text(email).first.wait_for()
    assert page.url.startswith(stack.crm.url)

    # The other retailer saw nothing of all that.
    assert stack.get("volt-cycles", "/join/") == untouched
    log_in(page, stack, "volt-cycles", OTHER_OWNER)
    page.goto(stack.url("volt-cycles", "/admin/signups/"))
    assert page.get_by_text(email).count() == 0


def test_a_shopper_without_javascript_is_told_what_to_mend_and_signs_up(stack, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(stack.url("volt-cycles", "/join/"))
    page.get_by_label("First name").fill("Grace")
    page.get_by_label("E-mail").first.fill("grace@nowhere")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_text("An e-mail address looks like").first.wait_for()
    assert page.get_by_label("First name").input_value() == "Grace"
    email = f"{uuid.uuid4().hex}@example.com"
    page.get_by_label("E-mail").first.fill(email)
    page.get_by_label("I have read the ride rules").check()
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("heading", name="Thank you!").wait_for()
    context.close()
    assert eventually(lambda: stack.contacts("volt-cycles", email))
    assert stack.contacts("fern-and-fig", email) == []
