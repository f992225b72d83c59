"""A tablet at a till through a bad day, in a real browser, with the network really cut."""

import json
import signal
import uuid

import psycopg2
import pytest

from customerinfo.tests.stack import eventually

from .kiosk import PIN, Kiosk, log_in, rows

pytestmark = [pytest.mark.live, pytest.mark.browser]

FERN, VOLT = "fern-and-fig", "volt-cycles"


@pytest.fixture(scope="module")
def staff(stack, browser):
    """Staff's own browsers, logged in: {shop: page}."""
    contexts = {shop: browser.new_context() for shop in (FERN, VOLT)}
    yield {shop: log_in(context.new_page(), stack, shop) for shop, context in contexts.items()}
    for context in contexts.values():
        context.close()


@pytest.fixture
def kiosk_of(playwright, browser_type_launch_args, stack, staff, tmp_path):
    """kiosk_of(shop): a paired tablet of that shop."""
    made = []

    def make(shop: str) -> Kiosk:
        profile = tmp_path / shop
        kiosk = Kiosk(playwright, browser_type_launch_args, stack, shop, profile)
        made.append(kiosk)
        kiosk.pair(staff[shop])
        return kiosk

    yield make
    for kiosk in made:
        kiosk.close()


@pytest.fixture
def web(stack):
    """The web process, which the test may kill: it runs again afterwards."""
    yield stack
    if "web" not in stack.processes:
        stack.start("web")
    eventually(stack.is_ready)


def emails(number: int) -> list[str]:
    day = uuid.uuid4().hex[:8]
    return [f"{day}-{n:02}@example.com" for n in range(number)]


def arrived(stack, shop: str, wanted: list[str]) -> bool:
    return sorted(rows(stack, shop, f"{wanted[0].split('-')[0]}-%")) == sorted(wanted)


def test_fifty_sign_ups_offline_survive_a_killed_browser_and_arrive_once(stack, kiosk_of):
    kiosk, wanted = kiosk_of(FERN), emails(50)
    kiosk.close()  # it was paired yesterday: Chromium writes a new cookie to disk within 30 seconds
    kiosk.start()
    kiosk.page.goto(stack.url(FERN, "/app/"))
    kiosk.context.set_offline(True)
    for email in wanted:
        kiosk.sign_up(email, first_name="Zebedee")
        kiosk.next_customer()
    assert kiosk.queued() == 50
    kiosk.kill()

    # Whoever takes the tablet reads nothing: no answer stands anywhere in the profile.
    assert kiosk.on_disk(*wanted, "Zebedee") == []
    assert kiosk.on_disk("customerinfo"), "the files that were looked at are the browser's own"
    assert rows(stack, FERN, f"{wanted[0].split('-')[0]}-%") == []

    kiosk.start()
    kiosk.page.goto(stack.url(FERN, "/app/"))
    eventually(lambda: arrived(stack, FERN, wanted))
    eventually(lambda: kiosk.queued() == 0)
    for email in wanted:
        (contact,) = eventually(lambda: stack.contacts(FERN, email))
        assert contact["attributes"]["first_name"] == "Zebedee"
        assert stack.contacts(VOLT, email) == []
    assert rows(stack, VOLT, f"{wanted[0].split('-')[0]}-%") == []


def test_a_tablet_starts_without_a_network_and_thanks_at_once(stack, kiosk_of):
    for shop in (FERN, VOLT):
        kiosk, (email,) = kiosk_of(shop), emails(1)
        kiosk.close()
        kiosk.start()
        kiosk.context.set_offline(True)
        kiosk.page.goto(stack.url(shop, "/app/"))  # the icon on the home screen
        kiosk.sign_up(email)
        kiosk.next_customer()
        kiosk.page.locator(".app-notice:not(:empty)").wait_for()
        kiosk.context.set_offline(False)
        kiosk.page.evaluate("dispatchEvent(new Event('online'))")
        eventually(lambda: arrived(stack, shop, [email]))
        kiosk.close()


def test_a_server_killed_in_the_middle_of_an_upload_loses_and_doubles_nothing(web, kiosk_of):
    kiosk, wanted = kiosk_of(FERN), emails(3)
    kiosk.context.set_offline(True)
    for email in wanted:
        kiosk.sign_up(email)
        kiosk.next_customer()
    # The second of them waits in the database, in the middle of the request: there it is killed.
    link = psycopg2.connect(web.env["DATABASE_URL"])
    with link.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM tenants_retailer WHERE slug = %s", [FERN])
        (schema,) = cursor.fetchone()
        cursor.execute(f'LOCK TABLE "{schema}".forms_app_consent IN ACCESS EXCLUSIVE MODE')
        kiosk.context.set_offline(False)
        kiosk.page.evaluate("dispatchEvent(new Event('online'))")
        eventually(lambda: waits_for_a_lock(link))
        web.stop("web", signal.SIGKILL)
    link.rollback()
    link.close()
    assert kiosk.queued() == 3
    web.start("web")
    eventually(web.is_ready)
    kiosk.page.evaluate("dispatchEvent(new Event('online'))")
    eventually(lambda: arrived(web, FERN, wanted), 90)
    eventually(lambda: kiosk.queued() == 0)
    for email in wanted:
        assert len(eventually(lambda: web.contacts(FERN, email))) == 1
    assert rows(web, VOLT, f"{wanted[0].split('-')[0]}-%") == []


def waits_for_a_lock(link) -> bool:
    with link.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def test_an_answer_that_never_comes_back_makes_no_double(stack, kiosk_of):
    kiosk, (email,) = kiosk_of(VOLT), emails(1)
    lost = []
    network = kiosk.context.new_cdp_session(kiosk.page)

    def lose(event):
        """The server has answered; the first answer with a receipt doesn't reach the tablet."""
        request = {"requestId": event["requestId"]}
        if not lost and json.loads(event["request"]["postData"])["entries"]:
            lost.append(event["responseStatusCode"])
            network.send("Fetch.failRequest", request | {"errorReason": "ConnectionReset"})
        else:
            network.send("Fetch.continueRequest", request)

    network.on("Fetch.requestPaused", lose)
    answers = {"urlPattern": "*/app/entries", "requestStage": "Response"}
    network.send("Fetch.enable", {"patterns": [answers]})
    kiosk.sign_up(email)
    eventually(lambda: waited(kiosk) and lost)
    assert lost == [200]
    kiosk.next_customer()
    eventually(lambda: kiosk.queued() == 0)
    assert arrived(stack, VOLT, [email])
    assert len(eventually(lambda: stack.contacts(VOLT, email))) == 1
    assert stack.contacts(FERN, email) == []


def waited(kiosk) -> bool:
    """Lets the browser's events reach this process; a plain wait would hold them up."""
    kiosk.page.wait_for_timeout(50)
    return True


def test_a_sign_up_that_never_gets_through_holds_up_no_other(stack, kiosk_of):
    kiosk, wanted = kiosk_of(VOLT), emails(4)
    kiosk.context.set_offline(True)
    for email in wanted:
        kiosk.sign_up(email)
        kiosk.next_customer()
    stuck, *_ = kiosk.page.evaluate("""async () => {
          const queue = await import("/static/forms_app/queue.js");
          return (await queue.all()).map((entry) => entry.id);
        }""")
    tries = []
    network = kiosk.context.new_cdp_session(kiosk.page)

    def refuse(event):
        """As if something between tablet and server choked on the oldest of them."""
        request = {"requestId": event["requestId"]}
        if stuck in event["request"]["postData"]:
            tries.append(len(json.loads(event["request"]["postData"])["entries"]))
            network.send("Fetch.failRequest", request | {"errorReason": "ConnectionReset"})
        else:
            network.send("Fetch.continueRequest", request)

    network.on("Fetch.requestPaused", refuse)
    network.send("Fetch.enable", {"patterns": [{"urlPattern": "*/app/entries"}]})
    kiosk.context.set_offline(False)
    kiosk.page.evaluate("dispatchEvent(new Event('online'))")
    eventually(lambda: waited(kiosk) and arrived(stack, VOLT, wanted[1:]))
    assert 1 in tries
    eventually(lambda: kiosk.queued() == 1)  # the last answer may still be on its way
    network.detach()
    eventually(lambda: waited(kiosk) and arrived(stack, VOLT, wanted))
    assert rows(stack, FERN, wanted[0]) == []


def test_two_tabs_send_each_sign_up_once(stack, kiosk_of):
    kiosk, wanted = kiosk_of(FERN), emails(6)
    other = kiosk.context.new_page()
    other.goto(stack.url(FERN, "/join/"))
    seen = []

    def note(request):
        if request.url.endswith("/app/entries"):
            seen.extend(entry["id"] for entry in json.loads(request.post_data)["entries"])

    kiosk.context.set_offline(True)
    for number, email in enumerate(wanted):
        page = (kiosk.page, other)[number % 2]
        kiosk.sign_up(email, page)
        kiosk.next_customer(page)
    # One that fails because its tab isn't online yet is no second sending.
    kiosk.context.on("requestfinished", note)
    kiosk.context.set_offline(False)
    for page in (kiosk.page, other):
        page.evaluate("dispatchEvent(new Event('online'))")
    eventually(lambda: arrived(stack, FERN, wanted))
    eventually(lambda: kiosk.queued() == 0)
    assert len(seen) == len(set(seen)) == 6
    assert stack.contacts(VOLT, wanted[0]) == []


def test_a_republished_form_takes_the_sign_ups_that_waited_and_is_shown_to_the_next(
    stack, staff, kiosk_of
):
    kiosk, (before, after) = kiosk_of(FERN), emails(2)
    kiosk.context.set_offline(True)
    kiosk.sign_up(before)
    kiosk.next_customer()
    label = f"Your name {uuid.uuid4().hex[:6]}"
    publish(staff[FERN], label)

    # Somebody types as the network comes back: the page isn't pulled away from under the fingers.
    kiosk.page.locator("[data-kind=first_name] input").fill("Grace")
    kiosk.context.set_offline(False)
    kiosk.page.evaluate("dispatchEvent(new Event('online'))")
    eventually(lambda: arrived(stack, FERN, [before]) and kiosk.queued() == 0)
    eventually(lambda: kept_copies(kiosk) == 2)
    assert kiosk.page.locator("[data-kind=first_name] input").input_value() == "Grace"
    assert kiosk.page.get_by_label(label).count() == 0
    kiosk.sign_up(after)
    kiosk.next_customer()
    kiosk.page.get_by_label(label).wait_for()
    eventually(lambda: arrived(stack, FERN, [before, after]))


def publish(page, label: str) -> None:
    """Staff change the first field's label and publish."""
    page.get_by_role("link", name="Sign-up pages").click()
    page.get_by_role("link", name="The plant club", exact=True).click()
    page.locator("input[name='fields-0-value-label']").fill(label)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("button", name="Publish").click()
    page.get_by_text("published").first.wait_for()


def kept_copies(kiosk) -> int:
    return kiosk.page.evaluate("""async () => {
          let complete = 0;
          for (const name of await caches.keys()) {
            complete += Boolean(await (await caches.open(name)).match("/app/shell"));
          }
          return complete;
        }""")


def test_a_revoked_tablet_keeps_what_it_has_until_it_is_paired_again(stack, staff, kiosk_of):
    kiosk, (first, second) = kiosk_of(VOLT), emails(2)
    page = staff[VOLT]
    page.goto(stack.url(VOLT, "/admin/tablets/"))
    page.get_by_role("link", name=kiosk.name).click()
    page.get_by_role("link", name="Unpair").click()
    page.get_by_role("button", name="Yes, unpair it").click()
    page.get_by_text("is unpaired").wait_for()

    kiosk.sign_up(first)
    kiosk.next_customer()
    menu = kiosk.open_menu()
    menu.get_by_text("Not paired any more").first.wait_for()
    assert kiosk.queued() == 1 and rows(stack, VOLT, first) == []
    # Nor when the cookie itself is gone.
    kiosk.context.clear_cookies()
    menu.get_by_role("button", name="Close").click()
    kiosk.sign_up(second)
    kiosk.next_customer()
    assert kiosk.queued() == 2

    menu = kiosk.open_menu()
    menu.get_by_role("button", name="Pair it again").click()
    kiosk.page.locator("[data-code]").wait_for()
    kiosk.pair(page)
    eventually(lambda: arrived(stack, VOLT, [first, second]))
    eventually(lambda: kiosk.queued() == 0)
    assert rows(stack, FERN, first) == []


def test_a_database_closed_under_the_page_is_opened_again(stack, kiosk_of):
    kiosk, (email,) = kiosk_of(FERN), emails(1)
    kiosk.page.locator("[data-kind=email] input").first.fill("x")
    kiosk.page.evaluate("""() => new Promise((resolve) => {
          // Another tab of a newer version asks for it: ours is closed.
          const request = indexedDB.open("customerinfo", 2);
          request.onsuccess = () => { request.result.close(); resolve(); };
          request.onupgradeneeded = () => request.transaction.abort();
          request.onerror = () => resolve();
        })""")
    kiosk.sign_up(email)
    eventually(lambda: arrived(stack, FERN, [email]))
    assert stack.contacts(VOLT, email) == []


def test_where_nothing_can_be_kept_the_page_posts_as_without_an_app(stack, kiosk_of):
    kiosk, (email,) = kiosk_of(VOLT), emails(1)
    kiosk.context.add_init_script(
        "IDBObjectStore.prototype.add = IDBObjectStore.prototype.put = () => {"
        " throw new DOMException('full', 'QuotaExceededError'); };"
    )
    kiosk.page.goto(stack.url(VOLT, "/join/"))
    kiosk.sign_up(email)
    eventually(lambda: arrived(stack, VOLT, [email]))
    assert kiosk.queued() == 0
    assert rows(stack, FERN, email) == []


def test_a_browser_that_isnt_paired_keeps_nothing(stack, browser):
    for shop in (FERN, VOLT):
        context = browser.new_context()
        page, (email,) = context.new_page(), emails(1)
        page.goto(stack.url(shop, "/join/"))
        page.locator("[data-kind=first_name] input").fill("Ada")
        page.locator("[data-kind=email] input").first.fill(email)
        for box in page.locator("[data-kind=consent] input").all():
            box.check()
        page.locator("form[data-signup] [type=submit]").click()
        page.locator("[data-next]").wait_for()
        kept = page.evaluate("""async () => [
              (await navigator.serviceWorker.getRegistrations()).length,
              (await indexedDB.databases()).length,
              (await caches.keys()).length,
            ]""")
        assert kept == [0, 0, 0]
        assert arrived(stack, shop, [email])
        context.close()


# --- The staff menu ---


def test_wrong_pins_are_held_up_longer_and_longer_and_reloading_gains_nothing(stack, kiosk_of):
    kiosk = kiosk_of(FERN)
    kiosk.context.set_offline(True)

    def attempt(pin: str) -> str:
        for _ in range(5):
            kiosk.page.locator(".logo").first.dispatch_event("pointerdown")
        menu = kiosk.page.locator("dialog.staff")
        menu.get_by_label("PIN").wait_for()
        for digit in pin:
            menu.get_by_role("button", name=digit, exact=True).click()
        menu.get_by_role("button", name="OK").click()
        said = menu.locator("[role=status]")
        eventually(lambda: said.inner_text() not in ("", "One moment …"))
        words = said.inner_text()
        menu.get_by_role("button", name="Back").click()
        return words

    assert attempt("0000") == attempt("1111") == "That isn’t the PIN."
    assert "Wait 30 seconds" in attempt("2222")
    kiosk.page.reload()
    kiosk.page.locator("form[data-signup][data-ready]").wait_for()
    assert "Wait" in attempt(PIN), "even the right one has to wait"
    # Half a minute later, by the tablet's clock.
    kiosk.page.clock.install()
    kiosk.page.clock.fast_forward(31_000)
    assert "Wait 60 seconds" in attempt("3333")
    kiosk.page.clock.fast_forward(61_000)
    kiosk.open_menu()


def test_unpairing_refuses_while_something_is_unsent_and_forgets_everything_after(
    stack, staff, kiosk_of, tmp_path
):
    kiosk, (email,) = kiosk_of(VOLT), emails(1)
    kiosk.context.set_offline(True)
    kiosk.sign_up(email)
    kiosk.next_customer()
    menu = kiosk.open_menu()

    def unpair() -> None:
        menu.get_by_role("button", name="Unpair this tablet").click()
        menu.get_by_role("button", name="Yes, unpair").click()

    unpair()
    menu.get_by_text("1 sign-up hasn’t been sent").wait_for()
    with kiosk.page.expect_download() as downloading:
        menu.get_by_role("button", name="Save the queue as a file").click()
    file = tmp_path / "queue.json"
    downloading.value.save_as(file)
    assert email not in file.read_text()
    unpair()
    menu.get_by_text("unpairing needs a connection").wait_for()

    # The file is the last way out: the retailer imports it.
    page = staff[VOLT]
    page.goto(stack.url(VOLT, "/admin/tablets/import/"))
    page.get_by_label("The tablet's file").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("1 taken in").wait_for()
    assert arrived(stack, VOLT, [email])

    kiosk.context.set_offline(False)
    unpair()
    kiosk.page.locator("[data-code]").wait_for()
    kept = kiosk.page.evaluate("""async () => [
          (await navigator.serviceWorker.getRegistrations()).length,
          (await caches.keys()).length,
        ]""")
    assert kept == [0, 0]
    assert rows(stack, VOLT, email) == [email], "the tablet's own copy made no double"
    assert rows(stack, FERN, email) == []


def test_staff_try_the_way_with_a_test_that_no_crm_hears_of(stack, staff, kiosk_of):
    kiosk = kiosk_of(FERN)
    menu = kiosk.open_menu()
    menu.get_by_role("button", name="Send a test sign-up").click()
    menu.get_by_text("The test arrived").wait_for()
    menu.get_by_text("Connected").wait_for()
    page = staff[FERN]
    page.goto(stack.url(FERN, "/admin/tablets/"))
    page.locator("tr", has_text=kiosk.name).get_by_text("Online").wait_for()


def test_outside_opening_hours_the_tablet_is_closed_until_staff_open_it(stack, kiosk_of):
    kiosk = kiosk_of(VOLT)
    kiosk.page.evaluate("""async () => {
          const queue = await import("/static/forms_app/queue.js");
          const state = await queue.get("state");
          const tomorrow = new Date(Date.now() + 86_400_000).getUTCDay();
          const day = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][tomorrow];
          state.hours = { zone: "Etc/UTC", days: { [day]: ["09:00", "18:00"] } };
          await queue.set("state", state);
        }""")
    kiosk.context.set_offline(True)
    kiosk.page.clock.install()
    kiosk.page.reload()
    form = kiosk.page.locator("form[data-signup][data-ready]")
    form.wait_for()
    kiosk.page.locator("[data-kind=email] input").first.fill("typing")
    kiosk.page.clock.fast_forward(40_000)
    closed = kiosk.page.locator(".closed")
    assert closed.count() == 0, "nobody is sent away in mid-entry"
    kiosk.page.locator("[data-kind=email] input").first.fill("")
    kiosk.page.clock.fast_forward(40_000)
    closed.get_by_text("09:00").wait_for()
    menu = kiosk.open_menu()
    menu.get_by_role("button", name="Keep open for two hours").click()
    menu.get_by_text("Open. Close this menu.").wait_for()
    assert closed.count() == 0
