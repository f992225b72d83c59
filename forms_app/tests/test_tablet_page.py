"""The sign-up page in a real browser: what it adds to plain HTML, and that nothing remains of a
shopper."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from forms_app.models import Brand

from .shop import choice, field, key

pytestmark = pytest.mark.browser

TERMS = field("consent", "terms", label="I accept the terms.", purpose="terms", required=True)
NEWS = field("consent", "news", label="Send me the letter.")


@pytest.fixture
def acorn(tablet):
    """The shop, which speaks one language at first."""
    if tablet.shop.page().other_languages:
        tablet.shop.publish(other_languages=[], translations={})
    return tablet.shop


def control(page, name: str):
    return page.locator(f'[data-key="{key(name)}"]').locator("input, select, textarea").first


def error(page, name: str):
    return page.locator(f'[data-key="{key(name)}"] .error')


def latest(shop, count: int = 1):
    """The newest sign-ups, the newest first."""
    return sorted(shop.signups(), key=lambda one: one.received_at, reverse=True)[:count]


# --- Filling in ---


def test_a_field_is_checked_on_leaving_it_and_forgiven_when_mended(tablet, acorn):
    acorn.open(field("email", required=True), field("first_name"))
    page = tablet.open()
    tablet.ready()
    email = control(page, "email")
    email.focus()
    page.keyboard.press("Tab")
    expect(error(page, "email")).to_be_hidden()  # nobody is scolded for passing by
    email.fill("robin@")
    control(page, "first_name").focus()
    expect(error(page, "email")).to_be_visible()
    expect(email).to_have_attribute("aria-invalid", "true")
    email.fill("robin@example.com")
    expect(error(page, "email")).to_be_hidden()
    assert email.get_attribute("aria-invalid") is None


def test_mistakes_are_listed_on_top_with_links_into_their_fields(tablet, acorn):
    acorn.open(field("email", required=True), TERMS)
    page = tablet.open()
    tablet.ready()
    summary = page.locator(".summary")
    expect(summary).to_have_attribute("role", "alert")  # there before it is filled
    expect(summary).to_be_empty()
    page.locator("[type=submit]").click()
    expect(summary.locator("li")).to_have_count(2)
    expect(control(page, "email")).to_be_focused()
    summary.get_by_role("link").nth(1).click()
    expect(control(page, "terms")).to_be_focused()
    assert "#" not in page.url
    assert tablet.posts == []


def test_the_server_has_the_last_word_and_nothing_typed_is_lost(tablet, acorn):
    """Twelve is a phone number to the browser, and the server knows better."""
    acorn.open(field("email", required=True), field("mobile"))
    page = tablet.open()
    tablet.ready()
    control(page, "email").fill("robin@example.com")
    control(page, "mobile").fill("12")
    page.locator("[type=submit]").click()
    expect(error(page, "mobile")).to_be_visible()
    expect(control(page, "mobile")).to_be_focused()
    assert control(page, "email").input_value() == "robin@example.com"
    expect(page.locator("[type=submit]")).to_have_text("Sign up")


def test_a_condition_shows_and_hides_and_what_is_hidden_is_not_sent(tablet, acorn):
    when = {"match": "all", "rules": [{"field": key("club"), "test": "is", "value": "yes"}]}
    acorn.open(
        field("email", required=True),
        field("yes_no", "club", label="Join the club?"),
        field("birthday", condition=when, required=True),
    )
    page = tablet.open()
    tablet.ready()
    birthday = page.locator("[data-kind=birthday]")
    expect(birthday).to_be_hidden()
    page.locator("[data-kind=yes_no]").get_by_text("Yes", exact=True).click()
    expect(birthday).to_be_visible()
    control(page, "birthday").fill("17")
    page.locator("[data-kind=yes_no]").get_by_text("No", exact=True).click()
    expect(birthday).to_be_hidden()
    control(page, "email").fill("robin@example.com")
    page.locator("[type=submit]").click()
    expect(page.locator("[data-next]")).to_be_visible()
    assert key("birthday") not in tablet.posts[-1]
    assert key("birthday") not in latest(acorn)[0].answers


STEPS = (
    field("first_name", required=True),
    field("page_break", "one"),
    field("email", required=True),
    field("page_break", "two"),
    TERMS,
)


def test_steps_come_one_at_a_time_and_keep_what_was_typed(tablet, acorn):
    acorn.open(*STEPS)
    page = tablet.open()
    tablet.ready()
    dots = page.locator(".dots")
    expect(dots).to_have_attribute("aria-label", "Step 1 of 3")
    page.locator("[data-forward]").click()
    expect(error(page, "first_name")).to_be_visible()
    control(page, "first_name").fill("Robin")
    page.locator("[data-forward]").click()
    expect(dots).to_have_attribute("aria-label", "Step 2 of 3")
    expect(control(page, "email")).to_be_focused()
    page.keyboard.type("robin@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("[type=submit]")).to_be_visible()
    page.locator("[data-back]").click()
    page.locator("[data-back]").click()
    assert control(page, "first_name").input_value() == "Robin"
    page.locator("[data-forward]").click()
    page.locator("[data-forward]").click()
    control(page, "terms").check()
    page.locator("[type=submit]").click()
    expect(page.locator("[data-next]")).to_be_visible()
    assert latest(acorn)[0].email == "robin@example.com"


def test_a_mistyped_provider_gets_a_hint_that_one_press_takes(tablet, acorn):
    acorn.open(field("email", required=True), field("first_name"))
    page = tablet.open()
    tablet.ready()
    control(page, "email").fill("robin@gmial.com")
    control(page, "first_name").focus()
    hint = page.locator("[data-typo]")
    expect(hint).to_have_text("Did you mean robin@gmail.com?")
    hint.click()
    assert control(page, "email").input_value() == "robin@gmail.com"
    expect(hint).to_be_hidden()


def test_a_phone_number_is_spaced_as_its_country_writes_it(tablet, acorn):
    acorn.save_brand(country="NL")
    acorn.open(field("mobile"))
    page = tablet.open()
    tablet.ready()
    control(page, "mobile").press_sequentially("0612345678")
    assert control(page, "mobile").input_value() == "06 12 34 56 78"
    control(page, "mobile").fill("")
    control(page, "mobile").press_sequentially("+447911123456")
    assert control(page, "mobile").input_value() == "+44 7911 123456"


def test_each_field_brings_its_keyboard_and_a_target_that_a_thumb_hits(tablet, acorn):
    acorn.open(
        field("email"),
        field("mobile"),
        field("birthday"),
        field("number"),
        choice("size", "Small", "Large"),
        field("rating"),
        NEWS,
    )
    page = tablet.open(size="portrait")
    tablet.ready()
    modes = {name: control(page, name).get_attribute("inputmode") for name in ("email", "number")}
    assert modes == {"email": "email", "number": "numeric"}  # a number without decimals
    assert control(page, "mobile").get_attribute("type") == "tel"
    assert control(page, "birthday").get_attribute("inputmode") == "numeric"
    targets = page.locator(
        "form .input, form .option, form .consent, form .rating label, form .button"
    )
    small = [
        box
        for target in targets.all()
        if target.is_visible() and (box := target.bounding_box()) and box["height"] < 48
    ]
    assert targets.count() > 8 and small == []


# --- After it, and between two shoppers ---


def fill_in(page):
    control(page, "email").fill("robin@example.com")
    page.locator("[type=submit]").click()
    expect(page.locator("[data-next]")).to_be_visible()


def test_the_thank_you_goes_by_itself_and_leaves_nothing_behind(tablet, acorn):
    acorn.open(field("email", required=True))
    page = tablet.page
    page.clock.install()
    tablet.open()
    tablet.ready()
    length = page.evaluate("history.length")
    fill_in(page)
    assert "robin" not in page.content()
    page.clock.fast_forward(6_500)
    tablet.ready()
    assert page.evaluate("history.length") == length
    assert control(page, "email").input_value() == ""
    assert "robin" not in page.content()
    stores = "[localStorage.length, sessionStorage.length, document.cookie]"
    assert page.evaluate(stores) == [0, 0, ""]


def test_back_leads_to_an_empty_page(tablet, acorn):
    acorn.open(field("email", required=True))
    page = tablet.open("/join/thanks/")
    page.goto(tablet.url())
    tablet.ready()
    control(page, "email").fill("robin@example.com")
    page.goto(tablet.url("/app/pair/"))
    page.go_back()
    tablet.ready()
    assert control(page, "email").input_value() == ""


def test_next_customer_is_one_press_away(tablet, acorn):
    acorn.open(field("email", required=True))
    page = tablet.open()
    tablet.ready()
    for _ in range(2):
        fill_in(page)
        page.locator("[data-next]").click()
        tablet.ready()
        assert control(page, "email").input_value() == ""
    first, second = latest(acorn, 2)
    assert first.pk != second.pk
    assert first.email == second.email == "robin@example.com"


def test_who_walks_away_is_asked_then_forgotten(tablet, acorn):
    acorn.open(field("email", required=True))
    page = tablet.page
    page.clock.install()
    tablet.open()
    tablet.ready()
    page.clock.fast_forward(600_000)
    expect(page.locator("[data-idle]")).to_be_hidden()  # an empty page waits for ever
    control(page, "email").fill("robin@example.com")
    page.clock.fast_forward(76_000)
    expect(page.locator("[data-idle]")).to_be_visible()
    page.get_by_role("button", name="still here").click()
    expect(page.locator("[data-idle]")).to_be_hidden()
    assert control(page, "email").input_value() == "robin@example.com"
    page.clock.fast_forward(76_000)
    expect(page.locator("[data-idle]")).to_be_visible()
    page.clock.run_for(21_000)
    tablet.ready()
    expect(control(page, "email")).to_have_value("")
    assert tablet.posts == []  # nothing of it was sent anywhere


def test_the_language_goes_back_to_the_shops_own(tablet, acorn):
    dutch = {f"{key('email')}.label": "Uw e-mail"}
    acorn.publish(
        field("email", required=True, label="Your e-mail"),
        other_languages=["nl"],
        translations={"nl": dutch},
    )
    page = tablet.open()
    tablet.ready()
    page.get_by_role("link", name="Nederlands").click()
    tablet.ready()
    expect(page.get_by_label("Uw e-mail")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "nl"
    fill_in(page)
    page.locator("[data-next]").click()
    tablet.ready()
    assert page.evaluate("document.documentElement.lang") == "en"
    assert latest(acorn)[0].language == "nl"


def test_whether_somebody_is_known_cannot_be_seen(tablet, acorn):
    acorn.open(field("email", required=True))
    seen = []
    for email in ("first@example.com", "first@example.com", "second@example.com"):
        page = tablet.open()
        tablet.ready()
        control(page, "email").fill(email)
        page.locator("[type=submit]").click()
        expect(page.locator("[data-next]")).to_be_visible()
        seen.append(page.locator("main").inner_html())
    assert len(set(seen)) == 1


# --- For everybody ---


def test_it_works_without_javascript(tablet_world, browser):
    (acorn, _), port = tablet_world
    acorn.open(*STEPS, field("mobile"))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://{acorn.host}:{port}/join/")
    expect(page.locator("[data-step]")).to_have_count(3)
    for step in page.locator("[data-step]").all():
        expect(step).to_be_visible()
    control(page, "first_name").fill("Robin")
    control(page, "email").fill("robin@")
    page.locator("[type=submit]").click()
    expect(page.locator(".summary li")).to_have_count(2)
    expect(page.locator(".summary a").first).to_have_attribute("href", f"#f-{key('email')}")
    assert page.title().startswith("Please check")
    assert control(page, "first_name").input_value() == "Robin"
    control(page, "email").fill("nojs@example.com")
    control(page, "terms").check()
    page.locator("[type=submit]").click()
    expect(page).to_have_url(re.compile(r"/join/thanks/$"))
    assert latest(acorn)[0].email == "nojs@example.com"
    context.close()


def test_the_keyboard_alone_is_enough_and_the_order_is_the_eyes(tablet, acorn):
    acorn.open(
        field("first_name"), choice("size", "Small", "Large"), field("email", required=True), TERMS
    )
    page = tablet.open()
    tablet.ready()
    order = []
    for _ in range(12):
        page.keyboard.press("Tab")
        told = page.evaluate(
            "[document.activeElement.closest('[data-key]')?.dataset.key,"
            " document.activeElement.type, getComputedStyle(document.activeElement).outlineStyle]"
        )
        order.append(told)
        if told[1] == "submit":
            break
    names = {key(name): name for name in ("first_name", "size", "email", "terms")}
    assert [names.get(stop[0], stop[1]) for stop in order] == [
        *("first_name", "size", "email", "terms", "submit")
    ]
    page.keyboard.press("Enter")
    expect(page.locator(".summary li")).to_have_count(2)
    page.keyboard.type("robin@example.com")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-next]")).to_be_visible()
    expect(page.locator("h1")).to_be_focused()  # so that it is read


def test_a_screen_reader_hears_each_field_with_its_name_and_its_mistake(tablet, acorn):
    acorn.open(
        field("email", required=True, help="For your voucher."),
        choice("size", "Small", "Large", label="Which size?"),
        field("birthday", label="Birthday"),
        TERMS,
    )
    page = tablet.open()
    tablet.ready()
    heard = page.locator("form").aria_snapshot()
    names = ['textbox "email"', 'radiogroup "Which size?', 'group "Birthday', 'checkbox "I accept']
    places = [heard.find(name) for name in names]
    assert -1 not in places and places == sorted(places), heard
    assert "website" not in heard and "Leave this" not in heard
    page.locator("[type=submit]").click()
    described = control(page, "email").get_attribute("aria-describedby").split()
    said = " ".join(page.locator(f'[id="{one}"]').inner_text() for one in described)
    assert "For your voucher." in said and error(page, "email").inner_text() in said


LONG = "Ω" + "supercalifragilistic" * 10
ARABIC = "هل تريد الانضمام إلى نادينا والحصول على عروض خاصة؟"


@pytest.mark.parametrize("size", [(320, 640), (590, 410), (1180, 820)], ids=str)
def test_nothing_runs_off_the_screen(tablet, acorn, size):
    """A small phone, and a tablet at 200 %: words that never end, words from right to left."""
    acorn.publish(
        *(field("first_name", label=LONG), field("email", label=ARABIC, help=LONG)),
        *(choice("plants", LONG[:100], ARABIC, label=LONG), field("heading", text=LONG)),
        *(field("rating", label=ARABIC), field("birthday"), field("text", text=LONG)),
        field("consent", label=f"{ARABIC} {LONG}"),
        headline=LONG[:100],
        intro=LONG,
        other_languages=["nl", "de", "fr", "es"],
    )
    page = tablet.open()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.reload()
    tablet.ready()
    page.locator("[type=submit]").click()
    page.locator(".summary li").first.wait_for()
    wide = page.evaluate("""() => [...document.querySelectorAll("body *")]
            .filter((one) => one.checkVisibility() && !one.closest(".trap, .unseen"))
            .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
            .map((one) => `${one.tagName}.${one.className}`)""")
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[type=submit]").scroll_into_view_if_needed()
    expect(page.locator("[type=submit]")).to_be_in_viewport()
    acorn.publish(headline="Join the club", intro="")


def test_a_form_of_twelve_steps_is_walked_to_its_end(tablet, acorn):
    steps = [field("page_break", f"break {number}") for number in range(11)]
    texts = [field("short_text", f"q{number}", label=f"Q{number}") for number in range(11)]
    pairs = [block for pair in zip(texts, steps, strict=True) for block in pair]
    acorn.open(*pairs, field("email", required=True))
    page = tablet.open(size="phone")
    tablet.ready()
    for number in range(11):
        page.locator(f'[data-key="{key(f"q{number}")}"] input').fill(f"answer {number}")
        page.locator("[data-forward]").click()
    expect(page.locator(".dots")).to_have_attribute("aria-label", "Step 12 of 12")
    fill_in(page)
    answers = latest(acorn)[0].answers
    assert [answers[key(f"q{number}")] for number in range(11)] == [
        f"answer {number}" for number in range(11)
    ]


DARK = {"background": "#101113", "surface": "#191a1e", "text": "#f3f4ee", "accent": "#e4ff3a"}


@pytest.mark.parametrize("look", [{}, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("size", ["landscape", "phone"])
def test_axe_finds_nothing_in_any_state(tablet, acorn, look, size):
    acorn.save_brand(**(look or {name: Brand._meta.get_field(name).default for name in DARK}))
    acorn.publish(
        *(field("heading", text="The club"), field("first_name"), field("email", required=True)),
        *(field("mobile"), field("birthday"), field("rating"), field("number")),
        *(choice("size", "Small", "Large"), choice("list", "A", "B", display="list")),
        *(field("long_text"), field("country"), field("page_break", "one"), NEWS, TERMS),
        other_languages=["nl", "de"],
        translations={},
    )

    def look_at(state: str) -> None:
        found = Axe().run(tablet.page).response["violations"]
        told = [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]
        assert told == [], state

    page = tablet.open(size=size)
    tablet.ready()
    look_at("form")
    page.locator("[data-forward]").click()
    expect(page.locator(".summary li")).to_have_count(1)
    look_at("with errors")
    control(page, "email").fill("robin@gmial.com")
    page.locator("[data-forward]").click()
    control(page, "terms").check()
    look_at("last step")
    page.locator("[type=submit]").click()
    expect(page.locator("[data-next]")).to_be_visible()
    page.wait_for_timeout(700)  # the tick is drawn: colours in motion can't be judged
    look_at("thank-you")
    page.goto(tablet.url("/app/pair/"))
    page.locator("[data-code]").wait_for()
    look_at("pairing")
    page.goto(tablet.url("/join/nl/"))
    tablet.ready()
    look_at("Dutch")
