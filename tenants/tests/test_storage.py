"""Files of a retailer: on its own host and nowhere else, and nothing but pictures.

Each holds with files in a folder and in a bucket.
"""

import io

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tenants.utils import tenant_context
from PIL import Image as Picture
from wagtail.images import get_image_model

from tenants import files

from .people import browser, owner_of
from .places import PREFIX

OPERATOR = "console.shops.test"


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.fixture(autouse=True)
def in_each_place(place):
    """Every test here runs twice."""


@pytest.fixture
def stored(retailers, place) -> str:
    """The address of a file that Acorn has and Birch hasn't."""
    place.put("r_acorn/acorn.png", png("green"))
    with tenant_context(retailers[0]):
        return default_storage.url("acorn.png")


def test_an_uploaded_picture_is_served_on_its_own_host_only(retailers, place):
    acorn, birch = retailers
    file = SimpleUploadedFile("leaf.png", png("green"), "image/png")
    answer = owner_of(acorn).post("/admin/images/add/", {"title": "Leaf", "file": file})
    assert answer.status_code == 302
    with tenant_context(acorn):
        picture = get_image_model().objects.get()
        addresses = [picture.file.url, picture.get_rendition("width-4").url]
    for address in addresses:
        assert address.startswith("/media/")
        answer = browser(acorn.host).get(address)
        assert answer.status_code == 200
        assert Picture.open(io.BytesIO(body(answer))).format == "PNG"
        for host in (birch.host, OPERATOR, "nobody.shops.test"):
            assert browser(host).get(address).status_code == 404
    with tenant_context(birch):
        assert not get_image_model().objects.exists()
    assert len(place.files("r_acorn")) == 2 and place.files("r_birch") == {}


def test_the_same_address_on_both_hosts_is_each_ones_own_file(retailers, place):
    for retailer, colour in zip(retailers, ("green", "white"), strict=True):
        place.put(f"{retailer.schema_name}/logo.png", png(colour))
    for retailer, colour in zip(retailers, ("green", "white"), strict=True):
        assert body(browser(retailer.host).get("/media/logo.png")) == png(colour)


def test_a_name_is_never_used_twice_so_that_what_browsers_keep_stays_true(retailers):
    names = []
    for colour in ("green", "white"):
        for retailer in retailers:
            with tenant_context(retailer):
                name = default_storage.save("images/logo.png", ContentFile(png(colour)))
                assert name.startswith("images/logo_") and name.endswith(".png")
                assert default_storage.open(name).read() == png(colour)
                default_storage.delete(name)
                assert not default_storage.exists(name)
                names.append(name)
    assert len(set(names)) == 4
    with tenant_context(retailers[0]):
        long = default_storage.save(f"images/{'x' * 95}.png", ContentFile(b"x"), max_length=100)
        assert len(long) == 100 and long.endswith(".png")


def test_a_process_that_changes_the_retailer_changes_the_files(retailers):
    """One storage object serves all of them, one after the other."""
    kept = {}
    for retailer in retailers:
        with tenant_context(retailer):
            name = default_storage.save("logo.png", ContentFile(retailer.slug.encode()))
            kept[retailer] = (name, default_storage.open(name))
    for retailer, (name, opened) in kept.items():
        assert opened.read() == retailer.slug.encode()  # read in another schema, as exports are
        opened.close()
        (other,) = {*retailers} - {retailer}
        with tenant_context(other):
            assert not default_storage.exists(name)
            assert default_storage.listdir("")[1] == [kept[other][0]]
            with pytest.raises(FileNotFoundError):
                default_storage.open(name)
            default_storage.delete(name)
        with tenant_context(retailer):
            assert default_storage.exists(name)
    with pytest.raises(FileNotFoundError):
        default_storage.open(kept[retailers[0]][0])  # in no retailer's schema


def test_a_picture_may_be_kept_but_carries_no_script(retailers, stored):
    answer = browser(retailers[0].host).get(stored)
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in answer.headers and not answer.cookies
    assert body(answer) == png("green")


def test_a_picture_that_the_browser_still_has_is_not_sent_again(retailers, stored):
    acorn, birch = retailers
    first = browser(acorn.host).get(stored)
    body(first)
    known = {"HTTP_IF_MODIFIED_SINCE": first["Last-Modified"]}
    assert browser(acorn.host).get(stored, **known).status_code == 304
    assert browser(birch.host).get(stored, **known).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        *("../r_acorn/acorn.png", "..%2fr_acorn%2facorn.png", "%2e%2e/r_acorn/acorn.png"),
        *("x/../../r_acorn/acorn.png", "/../r_acorn/acorn.png", "..\\r_acorn\\acorn.png"),
        "....//r_acorn/acorn.png",
    ],
)
def test_a_path_that_leaves_the_folder_is_refused(retailers, stored, settings, path):
    acorn, birch = retailers
    assert browser(acorn.host).get("/media/acorn.png").status_code == 200
    assert browser(birch.host).get(f"/media/{path}").status_code in (400, 404)
    for absolute in (f"{settings.MEDIA_ROOT}/r_acorn/acorn.png", f"/{PREFIX}/r_acorn/acorn.png"):
        assert browser(birch.host).get(f"/media/{absolute}").status_code in (400, 404)
    with tenant_context(birch), pytest.raises((SuspiciousOperation, FileNotFoundError)):
        default_storage.open(path)


def test_a_folder_whose_name_begins_like_the_retailers_is_not_its_own(retailers, place):
    acorn, birch = retailers
    place.put("r_birch_2/secret.png", png("red"))
    place.put("r_birch/own.png", png("white"))
    place.put("r_acorn/own.png", png("green"))
    answer = browser(birch.host).get("/media/../r_birch_2/secret.png")
    assert answer.status_code in (400, 404)
    assert files.names("r_birch") == ["own.png"]
    files.delete_all("r_birch")
    assert list(place.files("r_birch_2")) == ["secret.png"]
    assert list(place.files("r_acorn")) == ["own.png"]


@pytest.mark.parametrize(
    "path", ["", "nothing.png", "folder", "a%00.png", "x" * 300 + ".png", "x" * 2000 + ".png"]
)
def test_what_is_no_file_is_a_404(retailers, place, path):
    for retailer in retailers:
        place.put(f"{retailer.schema_name}/folder/file.png", b"")
        assert browser(retailer.host).get(f"/media/{path}").status_code == 404


@pytest.mark.parametrize("name", ["page.html", "list.pdf", "data.json", "noending", "a.png.html"])
def test_what_is_no_picture_is_a_404(retailers, place, name):
    for retailer in retailers:
        place.put(f"{retailer.schema_name}/{name}", b"<script>alert(1)</script>")
        assert browser(retailer.host).get(f"/media/{name}").status_code == 404


def test_files_can_be_read_only(retailers, stored):
    acorn, birch = retailers
    assert browser(acorn.host).head(stored).status_code == 200
    for retailer in retailers:
        for method in ("post", "put", "delete"):
            assert getattr(browser(retailer.host), method)(stored).status_code == 405
    assert browser(acorn.host).get(stored).status_code == 200


def test_a_script_dressed_as_a_picture_is_not_taken(retailers):
    acorn, birch = retailers
    for name in ("leaf.png", "leaf.svg"):
        file = SimpleUploadedFile(name, b"<svg onload='alert(1)'/>", "image/png")
        answer = owner_of(acorn).post("/admin/images/add/", {"title": "Leaf", "file": file})
        assert answer.status_code == 200  # the form again, with what is wrong
    for retailer in retailers:
        with tenant_context(retailer):
            assert not get_image_model().objects.exists()
