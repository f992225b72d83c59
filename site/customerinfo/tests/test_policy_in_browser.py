"""Browsers live with the policy (customerinfo.headers): nothing that people do meets it."""

import re

import pytest
from playwright.sync_api import Page, expect

from customerinfo.demo.seed import OPERATOR, PASSWORD
from forms_app.tests.kiosk import Kiosk

pytestmark = [pytest.mark.live, pytest.mark.browser]

FERN, VOLT = "fern-and-fig", "volt-cycles"
LISTEN = """addEventListener("securitypolicyviolation", (event) => console.error(
  `refused: ${event.effectiveDirective} ${event.blockedURI} ${event.sample} in ${event.sourceFile}`
))"""
REFUSED = ("refused: ", "Content Security Policy", "Permissions-Policy")


class Watch:
    """What a browser's console says about a policy, on any of its pages and frames."""

    def __init__(self, context):
        self.refused: list[str] = []
        context.add_init_script(LISTEN)
        context.on("console", self.listen)

    def listen(self, message) -> None:
        if any(word in message.text for word in REFUSED):
            where = message.page.url if message.page else ""
            self.refused.append(f"{where}: {message.text}")

    def check(self) -> None:
        assert self.refused == [], "\n".join(self.refused)


@pytest.fixture
def watched(browser):
    """watched(): a page in a browser of its own, whose console is looked at when the test ends."""
    made = []

    def open_it() -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        context.set_default_timeout(60_000)
        made.append((context, Watch(context)))
        return context.new_page()

    yield open_it
    for context, watch in made:
        context.close()
        watch.check()


def log_in(page: Page, stack, host: str, email: str) -> None:
    page.goto(stack.url(host, "/admin/"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(stack.url(host, "/admin/"))


def visit(page: Page, stack, host: str, *paths: str) -> None:
    """Each of these pages of the admin, with all its scripts at work."""
    for path in paths:
        answer = page.goto(stack.url(host, f"/admin/{path}"))
        assert answer.status == 200, path
        page.locator("body.ready").wait_for()


def edited(page: Page, stack, host: str) -> int:
    """The editor of the shop's page, opened; its number."""
    visit(page, stack, host, "signup-pages/")
    page.locator("main td a[href*='/edit/']").first.click()
    page.locator("[data-checklist] .checklist").wait_for()
    return int(re.search(r"/pages/(\d+)/edit/", page.url)[1])


@pytest.mark.parametrize("shop", [FERN, VOLT])
def test_the_editor_works(stack, watched, shop):
    page = watched()
    log_in(page, stack, shop, f"owner@{shop}.example")
    number = edited(page, stack, shop)
    blocks = page.locator("[data-streamfield-stream-container] > [data-streamfield-child]")
    count = blocks.count()
    page.locator("[data-streamfield-stream-container] > div > .c-sf-add-button").last.click()
    page.get_by_role("option", name="Yes or no").click()
    expect(blocks).to_have_count(count + 1)

    # The live preview stands in a frame, and shows what is typed.
    page.get_by_role("button", name="Toggle preview").click()
    frame = page.frame_locator("iframe[title=Preview]").first
    frame.locator("form[data-preview]").wait_for()

    # A date field of Wagtail's, in the dialog for publishing later.
    page.get_by_role("button", name="Toggle status").click()
    page.get_by_role("button", name="Set schedule").first.click()
    page.locator("#id_go_live_at").click()
    expect(page.locator(".xdsoft_datetimepicker").filter(visible=True)).to_have_count(1)
    page.keyboard.press("Escape")

    # The choosers: of a picture on this page, of a place for a copy.
    visit(page, stack, shop, "settings/forms_app/brand/")
    # Where a logo is there already, the button stands in a menu.
    page.locator("#id_logo-chooser [data-chooser-action-choose]").first.dispatch_event("click")
    dialog = page.locator(".modal-dialog")
    dialog.get_by_role("tab", name="Upload").click()
    dialog.locator("input[type=file]").wait_for()
    page.keyboard.press("Escape")
    visit(page, stack, shop, f"pages/{number}/copy/")
    page.locator("#id_new_parent_page-chooser").get_by_role("button").first.wait_for()


def test_the_retailers_pages_work(stack, watched):
    for shop in (FERN, VOLT):
        stack.sign_up(shop, "policy@example.com")
    page = watched()
    log_in(page, stack, FERN, f"owner@{FERN}.example")
    visit(page, stack, FERN, "", "signups/", "signups/erase/", "images/", "images/add/", "account/")
    visit(page, stack, FERN, "tablets/", "tablets/pair/", "tablets/import/", "stores/")
    visit(page, stack, FERN, "stores/new/", "tablets/new/")
    visit(page, stack, FERN, "team/", "access/", "addresses/", "billing/", "crm/connect/")
    visit(page, stack, FERN, "reports/site-history/", "pages/search/")

    visit(page, stack, FERN, "signups/")
    page.get_by_role("button", name="Filter").first.click()
    page.locator("#id_received_at_0").filter(visible=True).or_(
        page.get_by_role("button", name="Received")
    ).first.click()
    page.locator("#id_received_at_0").click()
    expect(page.locator(".xdsoft_datetimepicker").filter(visible=True)).to_have_count(1)
    page.keyboard.press("Escape")

    visit(page, stack, FERN, "crm/")
    page.locator("main td a[href*='/crm/']").first.click()
    number = re.search(r"/crm/(\d+)/", page.url)[1]
    for part in ("", "mapping/", "log/", "change/", "test/", "send-again/"):
        visit(page, stack, FERN, f"crm/{number}/{part}")
    visit(page, stack, FERN, f"crm/{number}/mapping/")
    page.get_by_role("combobox", name="where it goes").first.click()
    page.get_by_role("option").filter(visible=True).first.wait_for()


def test_second_factors_and_passkeys_can_be_set_up(stack, watched):
    page = watched()
    log_in(page, stack, VOLT, f"owner@{VOLT}.example")
    visit(page, stack, VOLT, "security/", "security/sessions/", "security/totp/activate/")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)  # once more, to be sure
    page.locator("main button[type=submit]").first.click()
    page.wait_for_url(stack.url(VOLT, "/admin/security/totp/activate/"))
    code = page.locator("img[src^='data:image/svg']")
    assert code.evaluate("image => image.complete && image.naturalWidth > 0")

    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True},
                **{"hasUserVerification": True, "isUserVerified": True},
                "automaticPresenceSimulation": True,
            }
        },
    )
    visit(page, stack, VOLT, "security/webauthn/add/")
    try:
        page.locator("#mfa_webauthn_add").click()
        page.wait_for_url(re.compile(r"/admin/security/(?!webauthn/add)"))
    finally:  # other tests log in with the password alone
        owner = ("--email", f"owner@{VOLT}.example", "--retailer", VOLT)
        stack.manage("forget_second_factor", *owner)


def test_the_console_works_and_leads_into_a_retailers_admin(stack, watched):
    page = watched()
    log_in(page, stack, "console", OPERATOR)
    visit(page, stack, "console", "", "tenants/retailer/", "retailers/new/")
    visit(page, stack, "console", "revenue/", "deliveries/", "billing/receivedevent/")
    visit(page, stack, "console", "periodic/", "account/", "users/", "groups/new/", "sites/new/")
    visit(page, stack, "console", "mails/")
    mail = page.frame_locator("iframe").first.locator("h1").first
    page.locator("iframe").first.scroll_into_view_if_needed()
    assert mail.evaluate("title => getComputedStyle(title).fontSize") != "32px"  # its own style

    # Rich text, in the public pages' blocks.
    visit(page, stack, "console", "settings/tenants/pricingpage/")
    page.locator(".public-DraftEditor-content").first.click()
    page.keyboard.type("More words. ")

    # The form's answer leads to another host.
    visit(page, stack, "console", "tenants/retailer/")
    page.locator("main td a", has_text="Fern").first.click()
    page.get_by_label("Why", exact=False).first.fill("to look at the policy")
    page.locator("form[action$='/open/'] button").click()
    page.wait_for_url(stack.url(FERN, "/admin/"))


def test_the_public_pages_work(stack, watched):
    page = watched()
    address = f"http://localhost:{stack.port}"
    for path in ("/", "/pricing/", "/start/", "/nowhere/"):
        page.goto(address + path)
    page.goto(f"{address}/start/")
    page.locator("input[name=slug]").press_sequentially("fern-and-fig")
    page.get_by_text("another retailer has").wait_for()


def test_a_tablet_works_with_and_without_the_network(
    stack, playwright, browser_type_launch_args, watched, tmp_path
):
    staff = watched()
    log_in(staff, stack, VOLT, f"owner@{VOLT}.example")
    kiosk = Kiosk(playwright, browser_type_launch_args, stack, VOLT, tmp_path / "profile")
    watch = Watch(kiosk.context)
    try:
        kiosk.pair(staff)
        kiosk.sign_up("online@example.com")
        kiosk.next_customer()
        kiosk.page.goto(stack.url(VOLT, "/app/"))
        kiosk.context.set_offline(True)
        kiosk.sign_up("offline@example.com")
        kiosk.next_customer()
        assert kiosk.queued() >= 1
        kiosk.open_menu()
    finally:
        kiosk.close()
    watch.check()


SMUGGLED = """() => new Promise((resolve) => {
  window.ran = [];
  const place = document.createElement("div");
  place.innerHTML = `<img src="/nothing.png" onerror="ran.push('handler')">
    <a href="javascript:ran.push('address')">x</a><iframe src="//elsewhere.test/"></iframe>`;
  document.body.append(place);
  const script = document.createElement("script");
  script.textContent = "ran.push('script')";
  document.body.append(script);
  place.querySelector("a").click();
  // Later, as a page's own script: what a test evaluates may do more.
  setTimeout(() => {
    try { eval("ran.push('eval')"); } catch (error) { console.log(error); }
  }, 100);
  setTimeout(() => resolve(window.ran), 1000);
})"""


@pytest.mark.parametrize("host", [FERN, "console"])
def test_what_somebody_smuggles_into_a_page_does_not_run(stack, browser, host):
    context = browser.new_context()
    watch, page = Watch(context), context.new_page()
    for path in ("/join/", "/admin/login/") if host == FERN else ("/admin/login/",):
        page.goto(stack.url(host, path))
        before = len(watch.refused)
        assert page.evaluate(SMUGGLED) == []
        words = " ".join(watch.refused[before:])
        for directive in ("script-src-attr", "script-src-elem", "script-src", "frame-src"):
            assert f"refused: {directive} " in words, (path, words)
    context.close()
