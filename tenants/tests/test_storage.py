"""Files of a retailer: on its own host and nowhere else, and nothing but pictures."""

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tenants.utils import tenant_context
from PIL import Image as Picture
from wagtail.images import get_image_model

from .people import browser, owner_of

OPERATOR = "console.shops.test"


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.fixture(autouse=True)
def folder_of_this_test(empty_cache):
    """django-tenants 4.0.1 keeps the first MEDIA_ROOT that it saw, across tests."""
    default_storage._wrapped.__dict__.pop("relative_media_root", None)
    yield
    default_storage._wrapped.__dict__.pop("relative_media_root", None)


@pytest.fixture
def stored(retailers) -> str:
    """The address of a file that Acorn has and Birch hasn't."""
    with tenant_context(retailers[0]):
        return default_storage.url(default_storage.save("acorn.png", ContentFile(png("green"))))


def test_an_uploaded_picture_is_served_on_its_own_host_only(retailers):
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
    assert not (Path(settings.MEDIA_ROOT) / birch.schema_name).exists()


def test_the_same_address_on_both_hosts_is_each_ones_own_file(retailers):
    for retailer, colour in zip(retailers, ("green", "white"), strict=True):
        with tenant_context(retailer):
            assert default_storage.save("logo.png", ContentFile(png(colour))) == "logo.png"
    for retailer, colour in zip(retailers, ("green", "white"), strict=True):
        assert body(browser(retailer.host).get("/media/logo.png")) == png(colour)


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
def test_a_path_that_leaves_the_folder_is_refused(retailers, stored, path):
    acorn, birch = retailers
    assert browser(acorn.host).get("/media/acorn.png").status_code == 200
    assert browser(birch.host).get(f"/media/{path}").status_code in (400, 404)
    absolute = f"{settings.MEDIA_ROOT}/r_acorn/acorn.png"
    assert browser(birch.host).get(f"/media/{absolute}").status_code in (400, 404)


def test_a_folder_whose_name_begins_like_the_retailers_is_not_its_own(retailers, stored):
    acorn, birch = retailers
    sibling = Path(settings.MEDIA_ROOT) / f"{birch.schema_name}_2"
    sibling.mkdir(parents=True)
    (sibling / "secret.png").write_bytes(png("red"))
    with tenant_context(birch):
        default_storage.save("own.png", ContentFile(png("white")))
    answer = browser(birch.host).get(f"/media/../{sibling.name}/secret.png")
    assert answer.status_code in (400, 404)


@pytest.mark.parametrize("path", ["", "nothing.png", "folder", "a%00.png", "x" * 300 + ".png"])
def test_what_is_no_file_is_a_404(retailers, stored, path):
    for retailer in retailers:
        (Path(settings.MEDIA_ROOT) / retailer.schema_name / "folder").mkdir(parents=True)
        assert browser(retailer.host).get(f"/media/{path}").status_code == 404


@pytest.mark.parametrize("name", ["page.html", "list.pdf", "data.json", "noending", "a.png.html"])
def test_what_is_no_picture_is_a_404(retailers, name):
    acorn, birch = retailers
    for retailer in retailers:
        with tenant_context(retailer):
            default_storage.save(name, ContentFile(b"<script>alert(1)</script>"))
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
