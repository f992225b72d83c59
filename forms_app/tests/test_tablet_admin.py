"""What retailers see and do under "Stores and tablets"."""

import datetime
import io
import json

import pytest
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import tenant_context
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file

from forms_app import page_cache, tablet_access, tablet_views
from forms_app.models import SealedEntry, Store, Tablet, TabletSettings

from .device import Device
from .shop import field, soup

TABLETS, STORES, IMPORT = "/admin/tablets/", "/admin/stores/", "/admin/tablets/import/"
COUNTS = {"name": "Zuid", "country": "NL", "time_zone": "Europe/Amsterdam"}


@pytest.fixture
def device(shops) -> Device:
    """Acorn's tablet, "Till 1"."""
    return Device(shops[0]).paired()


def hours(**days: tuple[str, str]) -> dict:
    """What the editor of opening hours sends."""
    return {
        f"opening_hours-{day}-{end}": time
        for day, times in days.items()
        for end, time in zip(("opens", "closes"), times)
    }


def update(shop, **values) -> None:
    with tenant_context(shop.retailer):
        Tablet.objects.update(**values)


def row(shop, role: str = "Viewers") -> str:
    return " ".join(soup(shop.staff(role).get(TABLETS)).select_one("tbody tr").text.split())


def test_an_empty_list_says_what_to_do_next(shops):
    for shop in shops:
        page = soup(shop.staff().get(TABLETS))
        said = page.select_one(".empty-state").text
        assert f"http://{shop.host}/app/" in said and "Pair a tablet" in said
        assert "Add a store" in soup(shop.staff().get(STORES)).select_one(".empty-state").text
        found = shop.staff().get(TABLETS, {"q": "nothing"})
        assert not soup(found).select_one(".empty-state")


def test_the_list_says_how_each_tablet_is(shops, device):
    acorn, birch = shops
    version = acorn.version()
    device.contact(length=3, oldest=1, app="abcdef123456", version=version)
    with tenant_context(acorn.retailer):
        number = device.tablet().page.versions.get(pk=version).number
    said = row(acorn)
    assert "Online" in said and "just now" in said and f"form {number}, app abcdef" in said

    acorn.open(field("email", label="New"))
    update(acorn, last_contact_at=timezone.now() - datetime.timedelta(hours=2))
    said = row(acorn)
    assert "Offline" in said and "2 hours ago" in said
    assert f"form {number} (newest: {number + 1})" in said
    assert "No tablet yet" in birch.staff("Viewers").get(TABLETS).text


def test_one_tablet_says_what_to_do_about_it(shops, device):
    acorn, birch = shops
    address = f"{TABLETS}inspect/{device.tablet().pk}/"
    staff = acorn.staff()
    assert "Online" in staff.get(address).text
    update(acorn, last_contact_at=timezone.now() - datetime.timedelta(hours=2), queue_length=4)
    update(acorn, oldest_unsent_at=timezone.now() - datetime.timedelta(hours=3))
    said = staff.get(address).text
    assert "Nothing was heard from this tablet" in said and "4, the oldest since" in said
    update(acorn, last_contact_at=None)
    assert "hasn't opened its page yet" in soup(staff.get(address)).text
    viewer = acorn.staff("Viewers").get(address).text
    assert "Unpair" not in viewer and "Pair again" not in viewer
    assert birch.staff().get(address).status_code == 404


def test_a_tablets_latest_sign_ups_stand_on_its_page_with_tests_marked(shops, device, robin):
    acorn, _ = shops
    device.results(device.entry(robin), device.sealed({"test": True}))
    page = soup(acorn.staff().get(f"{TABLETS}inspect/{device.tablet().pk}/"))
    listed = [cell.text.strip() for cell in page.select("section[aria-labelledby=recent] td.title")]
    assert sorted(listed) == ["Robin", "Test"]


def test_a_tablet_is_renamed_and_moved(shops, device):
    acorn, birch = shops
    with tenant_context(acorn.retailer):
        store = Store.objects.create(name="Zuid")
    tablet = device.tablet()
    values = {"name": "Window", "store": store.pk, "page": acorn.page().pk}
    answer = acorn.staff("Editors").post(f"{TABLETS}edit/{tablet.pk}/", values)
    assert answer.status_code == 302
    assert (device.tablet().name, device.tablet().store) == ("Window", store)
    device.contact()
    assert (device.state["tablet"], device.state["store"]) == ("Window", "Zuid")
    assert birch.staff().post(f"{TABLETS}edit/{tablet.pk}/", values).status_code == 404


def test_revoking_asks_first_and_keeps_the_row(shops, device):
    acorn, birch = shops
    update(acorn, queue_length=2)
    tablet = device.tablet()
    address = reverse("tablets:revoke", args=[tablet.pk])
    staff = acorn.staff("Editors")
    assert "2 sign-ups wait" in staff.get(address).text
    assert device.contact().status_code == 200
    assert "is unpaired" in staff.post(address, follow=True).text
    assert device.contact().status_code == 401
    assert "Unpaired" in staff.get(f"{TABLETS}inspect/{tablet.pk}/").text
    assert acorn.staff("Viewers").post(address).status_code in (302, 403)
    assert birch.staff().post(address).status_code == 404


def test_neither_tablets_nor_stores_can_be_deleted(shops, device):
    acorn, _ = shops
    with tenant_context(acorn.retailer):
        store = Store.objects.create(name="Zuid")
    owner = acorn.staff()
    for address in (f"{TABLETS}delete/{device.tablet().pk}/", f"{STORES}delete/{store.pk}/"):
        assert owner.post(address).status_code in (302, 403)
    with tenant_context(acorn.retailer):
        assert Tablet.objects.count() == Store.objects.count() == 1


def test_a_store_with_hours_is_made_in_one_form(shops):
    acorn, birch = shops
    values = COUNTS | hours(mon=("9:00", "18:30"), sat=("20:00", "02:00"))
    answer = acorn.staff("Editors").post(f"{STORES}new/", values)
    assert answer.status_code == 302, soup(answer).select(".error-message")
    with tenant_context(acorn.retailer):
        store = Store.objects.get()
        assert store.opening_hours == {"mon": ["09:00", "18:30"], "sat": ["20:00", "02:00"]}
        assert (store.country, store.time_zone) == ("NL", "Europe/Amsterdam")
    listed = acorn.staff("Viewers").get(STORES).text
    assert "2 days a week" in listed and "Zuid" not in birch.staff().get(STORES).text
    form = soup(acorn.staff("Editors").get(f"{STORES}edit/{store.pk}/"))
    assert form.find("input", {"name": "opening_hours-sat-closes"})["value"] == "02:00"
    assert not form.find("input", {"name": "opening_hours-sun-opens"})["value"]


def test_a_store_is_always_open_or_closed_for_good(shops):
    acorn, _ = shops
    staff = acorn.staff()
    staff.post(f"{STORES}new/", COUNTS)
    assert "Always open" in staff.get(STORES).text
    with tenant_context(acorn.retailer):
        store = Store.objects.get()
    staff.post(f"{STORES}edit/{store.pk}/", COUNTS | {"is_archived": "on"})
    assert "Closed for good" in staff.get(STORES).text
    assert "Zuid" not in staff.get("/admin/tablets/pair/").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("09:00", ""), "Monday: say when it opens and when it closes."),
        (("nine", "five"), "Monday: times look like 09:00 and 18:30."),
        (("09:00", "09:00"), "Monday: it opens and closes at the same time."),
    ],
)
def test_hours_that_cant_be_are_said_so(acorn, birch, typed, said):
    answer = acorn.staff().post(f"{STORES}new/", COUNTS | hours(mon=typed))
    assert said in soup(answer).text
    with tenant_context(acorn.retailer):
        assert not Store.objects.exists()


def test_the_pin_is_set_and_kept_as_a_hash(shops):
    acorn, birch = shops
    owner = acorn.staff()
    with tenant_context(acorn.retailer):
        settings = TabletSettings.load()
    address = reverse("wagtailsettings:edit", args=["forms_app", "tabletsettings", settings.pk])
    values = {"idle_seconds": 60, "countdown_seconds": 10}
    for wrong in ("123", "123456789", "12a4", "１２３４"):
        assert "4 to 8 digits" in owner.post(address, values | {"new_pin": wrong}).text
    assert owner.post(address, values | {"new_pin": "482913"}).status_code == 302
    with tenant_context(acorn.retailer):
        first = TabletSettings.load().pin
        assert first["iterations"] >= 100_000 and "482913" not in json.dumps(first)
    assert owner.post(address, values | {"new_pin": ""}).status_code == 302
    with tenant_context(acorn.retailer):
        assert TabletSettings.load().pin == first
    with tenant_context(birch.retailer):
        assert TabletSettings.load().pin == {}
    assert acorn.staff("Editors").get(address).status_code in (302, 403)


# --- The last way out ---


def file_of(*entries, **changes) -> io.BytesIO:
    content = {"format": tablet_views.FORMAT, "host": "x", "now": 0, "entries": list(entries)}
    file = io.BytesIO(json.dumps(content | changes).encode())
    file.name = "sign-ups.json"
    return file


def imported(shop, file, role: str = "Editors") -> str:
    return shop.staff(role).post(IMPORT, {"file": file}, follow=True).text


def test_a_tablets_file_is_imported_once_however_often_it_is_tried(shops, device, robin):
    acorn, birch = shops
    entries = [device.entry(robin | {"email": f"p{n}@example.com"}) for n in range(5)]
    entries.append(device.entry({"first_name": "Kim", "email": "nowhere", "terms": "yes"}))
    entries.append(device.entry(robin) | {"box": "AAAA"})
    for _ in range(2):
        said = imported(acorn, file_of(*entries))
        assert "5 taken in" in said and "1 kept aside" in said and "1 couldn" in said
    signups = acorn.signups()
    assert len(signups) == 6 and {signup.origin for signup in signups} == {"import"}
    assert birch.signups() == []


def test_a_tablet_that_comes_back_after_its_file_was_imported_makes_no_doubles(
    shops, device, robin
):
    entry = device.entry(robin)
    assert "1 taken in" in imported(shops[0], file_of(entry))
    assert device.results(entry) == {entry["id"]: "receipt"}
    assert [len(shop.signups()) for shop in shops] == [1, 0]


def test_another_shops_file_is_kept_sealed_and_nobody_reads_it(shops, device, robin):
    acorn, birch = shops
    assert "kept as they came" in imported(birch, file_of(device.entry(robin)))
    assert birch.signups() == acorn.signups() == []
    page = birch.staff("Editors").get(IMPORT).text
    assert "Kept sealed" in page and "From a file" in page
    assert (
        "0 opened, 1 still sealed"
        in birch.staff().post("/admin/tablets/open-kept/", follow=True).text
    )
    with tenant_context(birch.retailer):
        assert SealedEntry.objects.count() == 1


@pytest.mark.parametrize("content", [b"", b"text", b"[]", b"{}", b'{"format": "other"}', b"\xff"])
def test_what_isnt_a_tablets_file_is_said_so(shops, content):
    file = io.BytesIO(content)
    file.name = "file.json"
    for shop in shops:
        file.seek(0)
        said = imported(shop, file)
        assert "isn't a file" in soup_text(said) or "empty" in said


def soup_text(html: str) -> str:
    return html.replace("&#x27;", "'")


def test_a_file_that_is_too_large_is_said_so(shops, device, robin, monkeypatch):
    monkeypatch.setattr(tablet_views, "MOST_BYTES", 10)
    assert "isn't a file" in soup_text(imported(shops[0], file_of(device.entry(robin))))
    assert shops[0].signups() == shops[1].signups() == []


def test_an_empty_file_and_one_that_failed_are_said_in_words(shops, device, robin, monkeypatch):
    assert "in order, and empty" in imported(shops[0], file_of())
    monkeypatch.setattr(tablet_views.receiving, "take_one", lambda *args: 1 / 0)  # a defect of ours
    assert "import the file again" in imported(shops[0], file_of(device.entry(robin)))
    assert shops[0].signups() == shops[1].signups() == []


def test_viewers_import_nothing(shops, device, robin):
    acorn, _ = shops
    viewer = acorn.staff("Viewers")
    for answer in (
        viewer.get(IMPORT),
        viewer.post(IMPORT, {"file": file_of(device.entry(robin))}),
        viewer.post("/admin/tablets/open-kept/"),
    ):
        assert answer.status_code in (302, 403)
    assert acorn.signups() == []
    assert tablet_access.COOKIE not in viewer.cookies


# --- The home screen ---


def test_the_manifest_carries_the_shops_own_name_colours_and_mark(shops, png=b"\x89PNG"):
    acorn, birch = shops
    acorn.save_brand(background="#112233")
    for shop, name in ((acorn, "Acorn"), (birch, "Birch")):
        manifest = shop.get("/app/manifest.webmanifest").json()
        assert manifest["name"] == name and manifest["start_url"] == "/app/"
        for icon in manifest["icons"]:
            assert shop.get(icon["src"]).content.startswith(png)
    assert acorn.get("/app/manifest.webmanifest").json()["theme_color"] == "#112233"
    assert acorn.get("/app/icon-192.png").content != birch.get("/app/icon-192.png").content
    assert acorn.get("/app/icon-193.png").status_code == 404


def test_the_mark_is_the_logo_and_a_lost_file_takes_nothing_with_it(shops, png=b"\x89PNG"):
    acorn, birch = shops
    letter = acorn.get("/app/icon-192.png").content
    others = birch.get("/app/icon-192.png").content
    with acorn.inside():
        file = get_test_image_file("logo.png", size=(300, 100))
        logo = get_image_model().objects.create(title="Logo", file=file)
    acorn.save_brand(logo=logo)
    drawn = acorn.get("/app/icon-192.png").content
    assert drawn.startswith(png) and drawn != letter
    with acorn.inside():
        logo.renditions.all().delete()
        logo.file.storage.delete(logo.file.name)
        page_cache.forget()
    assert acorn.get("/app/icon-192.png").content == letter
    assert birch.get("/app/icon-192.png").content == others
