"""A real Chromium as a tablet at a till: with a profile on disk, a network that can be cut, and a
power plug that can be pulled. Seen against the running product (customerinfo.tests.stack)."""

import os
import signal
import uuid
from pathlib import Path

import psycopg2
from playwright.sync_api import Page, TimeoutError

from customerinfo.tests.stack import eventually

PASSWORD = "twenty-seconds"
PIN = "4711"
LANDSCAPE = {"width": 1180, "height": 820}


class Kiosk:
    """`page` is what stands on the screen; `stack` and `shop` say whose it is."""

    def __init__(self, playwright, launch_args: dict, stack, shop: str, profile: Path):
        self.playwright, self.launch_args = playwright, launch_args
        self.stack, self.shop, self.profile = stack, shop, profile
        self.context = None
        self.name = f"Till {uuid.uuid4().hex[:6]}"  # what staff call it
        self.start()

    @property
    def page(self) -> Page:
        return self.context.pages[0]

    def start(self) -> None:
        self.context = self.playwright.chromium.launch_persistent_context(
            str(self.profile), viewport=LANDSCAPE, has_touch=True, **self.launch_args
        )

    def kill(self) -> None:
        """Everything of this browser ends at once, without a word."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        eventually(lambda: not self.processes(), 10)
        try:
            self.context.close()
        except Exception:  # noqa: B902  (it is dead: that is the point)
            self.context = None
        for lock in self.profile.glob("Singleton*"):
            lock.unlink()

    def processes(self) -> list[int]:
        """Of this profile only."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            except OSError:
                continue
            if str(self.profile).encode() in command:
                found.append(int(entry.name))
        return found

    def close(self) -> None:
        if self.context:
            self.context.close()

    # --- What staff do ---

    def pair(self, staff: Page) -> None:
        """Staff type the code into their own browser; the tablet goes on to its page."""
        self.page.goto(self.stack.url(self.shop, "/app/pair/"))
        code = self.page.locator("[data-code]")
        code.wait_for()
        staff.goto(self.stack.url(self.shop, "/admin/tablets/pair/"))
        staff.get_by_label("Code on the tablet").fill(code.inner_text())
        staff.get_by_label("Name", exact=False).first.fill(self.name)
        pin = staff.get_by_label("Staff PIN")
        if pin.count():
            pin.fill(PIN)
        staff.locator("select[name=page]").select_option(index=1)
        staff.get_by_role("button", name="Pair").first.click()
        staff.get_by_text("is paired").wait_for()
        self.page.locator("form[data-signup][data-ready]").wait_for()

    def open_menu(self, page: Page | None = None):
        """Five taps on the logo, and the PIN; the menu."""
        page = page or self.page
        menu = page.locator("dialog.staff")
        for _ in range(3):  # as people do when a slow machine has spread the taps too far apart
            for _ in range(5):
                page.locator(".logo").first.dispatch_event("pointerdown")
            try:
                menu.get_by_label("PIN").wait_for(timeout=5000)
                break
            except TimeoutError:
                continue
        for digit in PIN:
            menu.get_by_role("button", name=digit, exact=True).click()
        menu.get_by_role("button", name="OK").click()
        menu.get_by_text("Waiting to be sent").wait_for()
        return menu

    # --- What shoppers do ---

    def sign_up(self, email: str, page: Page | None = None, first_name: str = "Ada") -> None:
        page = page or self.page
        page.locator("form[data-signup][data-ready]").wait_for()
        page.locator("[data-kind=first_name] input").fill(first_name)
        page.locator("[data-kind=email] input").first.fill(email)
        for box in page.locator("[data-kind=consent] input").all():
            box.check()
        page.locator("form[data-signup] [type=submit]").click()
        page.locator("[data-next]").wait_for()

    def next_customer(self, page: Page | None = None) -> None:
        page = page or self.page
        page.locator("[data-next]").click()
        page.locator("form[data-signup][data-ready]").wait_for()

    # --- What is stored in the browser ---

    def queued(self, page: Page | None = None) -> int:
        return (page or self.page).evaluate(QUEUED)

    def on_disk(self, *words: str) -> list[str]:
        """Which of these words stand in the profile's files, in any of their encodings."""
        found = set()
        for file in self.profile.rglob("*"):
            if file.is_file() and not file.is_symlink():
                content = file.read_bytes()
                for word in words:
                    if word.encode() in content or word.encode("utf-16-le") in content:
                        found.add(word)
        return sorted(found)


QUEUED = """() => new Promise((resolve, reject) => {
  const request = indexedDB.open("customerinfo");
  request.onerror = reject;
  request.onsuccess = () => {
    const db = request.result;
    const count = db.transaction("entries").objectStore("entries").count();
    count.onsuccess = () => { db.close(); resolve(count.result); };
    count.onerror = reject;
  };
})"""


def rows(stack, shop: str, word: str = "%") -> list[str]:
    """The e-mail addresses of the shop's sign-ups that are like `word`, as they are stored."""
    link = psycopg2.connect(stack.env["DATABASE_URL"])
    try:
        with link.cursor() as cursor:
            cursor.execute("SELECT schema_name FROM tenants_retailer WHERE slug = %s", [shop])
            (schema,) = cursor.fetchone()
            cursor.execute(
                f'SELECT email FROM "{schema}".forms_app_signup WHERE email LIKE %s', [word]
            )
            return [email for (email,) in cursor.fetchall()]
    finally:
        link.close()


def log_in(page: Page, stack, shop: str) -> Page:
    page.goto(stack.url(shop, "/admin/"))
    page.get_by_label("E-mail").fill(f"owner@{shop}.example")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(stack.url(shop, "/admin/"))
    return page
