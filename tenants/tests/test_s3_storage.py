"""A bucket that is shut or gone: pages are shown without pictures, and nothing is forgotten."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django_tenants.utils import tenant_context
from wagtail.images import get_image_model

from customerinfo.demo.ports import unused_port
from forms_app.look import logo_url
from forms_app.models import Brand
from tenants import farewell, files, lifecycle
from tenants.models import Retailer

from .people import browser, owner_of
from .test_storage import png


@pytest.fixture
def shut(bucket, settings):
    """shut() → nobody answers at the bucket's address any more."""

    def act() -> None:
        nowhere = bucket.settings(f"http://127.0.0.1:{unused_port()}")
        settings.STORAGES = {**settings.STORAGES, "default": nowhere}

    return act


@pytest.fixture
def branded(retailers, bucket):
    """Both have a logo that no page has shown yet."""
    for retailer in retailers:
        file = SimpleUploadedFile("leaf.png", png("green"), "image/png")
        owner_of(retailer).post("/admin/images/add/", {"title": "Leaf", "file": file})
        with tenant_context(retailer):
            brand = Brand.load()
            brand.logo = get_image_model().objects.get()
            brand.save()
    return retailers


def test_keys_stand_below_the_prefix_and_the_schema(bucket, branded):
    for retailer in branded:
        browser(retailer.host).get("/join/")  # makes the sizes that it shows
    owned = {key.rpartition("/")[0].removesuffix("original_images") for key in bucket.keys()}
    assert owned == {
        f"customer/info/{schema}/{folder}"
        for schema in ("r_acorn", "r_birch")
        for folder in ("", "images")
    }


def test_the_bucket_is_never_named_to_a_browser(bucket, branded):
    for retailer in branded:
        with tenant_context(retailer):
            address = logo_url(Brand.load().logo)
        assert address.startswith("/media/images/")
        answer = browser(retailer.host).get(address)
        assert answer.status_code == 200
        assert bucket.name not in str(answer.headers) and bucket.server not in str(answer.headers)
        assert int(answer["Content-Length"]) == len(b"".join(answer.streaming_content))


def test_a_shoppers_page_is_shown_without_its_pictures_while_the_bucket_is_away(branded, shut):
    shut()
    for retailer in branded:
        answer = browser(retailer.host).get("/join/")
        assert answer.status_code == 200
        assert "/media/" not in answer.content.decode()


def test_a_picture_that_cannot_be_read_now_is_not_called_missing(branded, bucket, shut):
    places = {retailer: list(bucket.files(retailer.schema_name))[0] for retailer in branded}
    shut()
    for retailer, name in places.items():
        answer = browser(retailer.host).get(f"/media/{name}")
        assert (answer.status_code, answer["Cache-Control"]) == (503, "no-store")


def test_a_bucket_that_is_gone_is_not_an_empty_one(retailers, bucket, settings):
    away = bucket.settings()
    away["OPTIONS"]["bucket_name"] = "nowhere"
    settings.STORAGES = {**settings.STORAGES, "default": away}
    for retailer in retailers:
        assert browser(retailer.host).get("/media/logo.png").status_code == 503
        with pytest.raises(OSError):
            files.names(retailer.schema_name)


def test_a_retailer_is_not_deleted_while_its_files_cannot_be(retailers, bucket, shut, settings):
    acorn, birch = retailers
    for retailer in retailers:
        bucket.put(f"{retailer.schema_name}/images/logo.png", png("green"))
    reachable = settings.STORAGES
    lifecycle.act(acorn, "close", why="farewell", by="owner@acorn.test")
    lifecycle.delete_soon(acorn, why="at once", by="owner@acorn.test")
    shut()
    with pytest.raises(OSError):
        farewell.delete(acorn)
    assert Retailer.objects.filter(slug="acorn").exists()
    settings.STORAGES = reachable
    theirs = bucket.files("r_birch")
    farewell.delete(acorn)
    assert farewell.what_is_left("r_acorn") == []
    assert bucket.files("r_acorn") == {} and bucket.files("r_birch") == theirs != {}


def test_more_files_than_one_list_holds_are_all_found_and_all_deleted(
    retailers, bucket, monkeypatch
):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")  # 1,000 on real servers
    for number in range(12):
        bucket.put(f"r_acorn/images/{number}.png", b"x")
    bucket.put("r_birch/images/0.png", b"x")
    assert len(bucket.keys()) == 5
    assert len(files.names("r_acorn")) == 12
    files.delete_all("r_acorn")
    assert files.names("r_acorn") == []
    assert files.names("r_birch") == ["images/0.png"]


def test_files_are_written_whole_and_never_in_place(retailers, bucket):
    for retailer in retailers:
        with tenant_context(retailer), pytest.raises(ValueError):
            default_storage.open("logo.png", "wb")


def test_a_file_that_is_there_is_not_written_over_by_a_restore(retailers, place):
    for retailer in retailers:
        files.put(retailer.schema_name, "a/logo.png", ContentFile(b"first"))
    with pytest.raises(FileExistsError):
        files.put("r_acorn", "a/logo.png", ContentFile(b"second"))
    assert place.files("r_acorn")["a/logo.png"] == b"first"
    assert place.files("r_birch") == {"a/logo.png": b"first"}
