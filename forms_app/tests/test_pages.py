"""What a shopper's tablet is served: each shop its own, whole, at once after a change."""

import re

import pytest
from django.core.cache import cache
from django.db import transaction
from django_tenants.utils import schema_context, tenant_context
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import Page, Site

from forms_app.models import Brand, FormVersion, HomePage, SignupPage

from .shop import field, key, soup, without_issue


def brand_url(answer) -> str:
    return soup(answer).find("link", href=re.compile("^/brand/"))["href"]


# --- Each shop its own ----------------------------------------------------------------------------


def test_the_same_path_shows_each_shops_own_page_right_after_the_others(shops):
    for shop, colour in zip(shops, ("#123456", "#654321")):
        shop.save_brand(background=colour)
        shop.publish(headline=f"Welcome to {shop.retailer.name}")
    for _ in range(3):
        seen = []
        for shop, colour in zip(shops, ("#123456", "#654321")):
            answer = shop.get()
            assert soup(answer).h1.text == f"Welcome to {shop.retailer.name}"
            sheet = shop.get(brand_url(answer))
            assert f"--brand-background: {colour};" in sheet.text
            seen.append((answer.content, answer["ETag"], brand_url(answer), shop.version()))
        ours, theirs = seen
        assert not set(ours) & set(theirs)


def test_the_same_path_leads_only_one_shop_where_only_one_has_it(shops):
    acorn, birch = shops
    acorn.publish(field("email"), slug="summer")
    for _ in range(2):
        assert acorn.get("/summer/").status_code == 200
        assert birch.get("/summer/").status_code == 404


def test_a_kept_page_of_one_shop_is_forgotten_alone(shops):
    acorn, birch = shops
    before = [shop.get().content for shop in shops]
    acorn.publish(headline="Changed")
    assert acorn.get().content != before[0]
    assert birch.get().content == before[1]


# --- Seen at the next GET -------------------------------------------------------------------------


def test_a_publication_is_seen_at_the_next_get(shops):
    acorn, birch = shops
    assert "Hurry" not in acorn.get().text
    acorn.publish(headline="Hurry")
    assert "Hurry" in acorn.get().text
    acorn.publish(thank_you_title="Merci")
    assert "Merci" in acorn.get("/join/thanks/").text
    assert "Merci" not in birch.get("/join/thanks/").text


def test_a_draft_is_not_seen(shops):
    acorn, _ = shops
    before = without_issue(acorn.get().text)
    with acorn.inside():
        page = SignupPage.objects.get(slug="join")
        page.headline = "Not yet"
        page.fields = []
        page.save_revision()
    cache.clear()
    assert without_issue(acorn.get().text) == before


def test_unpublishing_and_publishing_again_are_seen_at_the_next_get(shops):
    acorn, birch = shops
    assert acorn.get().status_code == acorn.get("/join/thanks/").status_code == 200
    acorn.unpublish()
    assert acorn.get().status_code == acorn.get("/join/thanks/").status_code == 404
    assert birch.get().status_code == 200
    acorn.publish()
    assert acorn.get().status_code == 200


def test_a_new_address_is_seen_at_the_next_get(shops):
    acorn, birch = shops
    acorn.get(), acorn.get("/"), acorn.get("/club/")
    acorn_page = acorn.publish(slug="join")
    with acorn.inside():
        page = SignupPage.objects.get(pk=acorn_page.pk)
        page.slug = "club"
        page.save_revision().publish()
    assert acorn.get("/club/").status_code == 200
    assert acorn.get("/join/").status_code == 404
    assert acorn.get("/")["Location"] == "/club/"
    assert birch.get("/join/").status_code == 200


def test_a_deleted_page_is_gone_at_the_next_get(shops):
    acorn, birch = shops
    acorn.publish(field("email"), slug="gone")
    assert acorn.get("/gone/").status_code == 200
    with acorn.inside():
        FormVersion.objects.filter(page__slug="gone").delete()
        SignupPage.objects.get(slug="gone").delete()
    assert acorn.get("/gone/").status_code == 404


@pytest.mark.parametrize("colour", ["background", "surface", "text", "accent"])
def test_a_colour_of_the_brand_is_seen_at_the_next_get(shops, colour):
    acorn, birch = shops
    old, theirs = brand_url(acorn.get()), brand_url(birch.get())
    acorn.save_brand(**{colour: "#f0e8ff" if colour == "surface" else "#2a0a3f"})
    new = brand_url(acorn.get())
    assert new != old
    assert acorn.get(new)["Cache-Control"] == "public, max-age=31536000, immutable"
    assert brand_url(birch.get()) == theirs


def test_the_brands_name_is_seen_at_the_next_get(shops):
    acorn, birch = shops
    acorn.get(), acorn.get("/join/thanks/")
    acorn.save_brand(name="Oak & Sons <Ltd>")
    for path in ("/join/", "/join/thanks/"):
        assert "Oak & Sons <Ltd>" in soup(acorn.get(path)).select_one(".logo").text
    assert "Oak" not in birch.get().text


def test_a_new_country_of_the_brand_counts_at_the_next_get(shops, robin):
    """Else shoppers' numbers are refused until somebody thinks of publishing the page again."""
    acorn, birch = shops
    acorn.save_brand(country="GB")
    signup = acorn.sign_up({**robin, "mobile": "07911 123456"})
    assert signup.mobile == "+447911123456"
    assert birch.sign_up({**robin, "mobile": "0612345678"}).mobile == "+31612345678"


def test_a_change_in_a_longer_transaction_is_seen_when_that_is_committed(real_shops):
    """Whoever commits may have left the retailer's schema by then."""
    acorn, birch = real_shops
    old = [shop.get().text for shop in real_shops]
    with transaction.atomic():
        with tenant_context(acorn.retailer):
            brand = Brand.load()
            brand.name = "Oak"
            brand.save()
    assert "Oak" in acorn.get().text and "Oak" not in old[0]
    assert without_issue(birch.get().text) == without_issue(old[1])


def test_another_default_site_is_seen_at_the_next_get(shops):
    acorn, _ = shops
    acorn.get()
    with acorn.inside():
        site = Site.objects.get()
        site.root_page = Page.objects.get(depth=1)
        site.save()
    assert acorn.get().status_code == 404
    assert acorn.get("/home/join/").status_code == 200


# --- Home -----------------------------------------------------------------------------------------


def test_home_leads_to_the_first_page_that_is_live(shops):
    acorn, birch = shops
    acorn.publish(field("email"), slug="second")
    for path in ("/", ""):
        answer = acorn.get(path)
        assert (answer.status_code, answer["Location"]) == (302, "/join/")
    acorn.unpublish("join")
    assert acorn.get("/")["Location"] == "/second/"
    acorn.unpublish("second")
    assert acorn.get("/").status_code == 404
    assert birch.get("/")["Location"] == "/join/"


def test_home_follows_a_page_that_is_moved_to_the_front(shops):
    acorn, _ = shops
    acorn.publish(field("email"), slug="second")
    assert acorn.get("/")["Location"] == "/join/"
    with acorn.inside():
        join, second = (SignupPage.objects.get(slug=slug) for slug in ("join", "second"))
        second.move(join, pos="left")
    assert acorn.get("/")["Location"] == "/second/"


def test_a_page_moved_elsewhere_is_seen_at_the_next_get(shops):
    acorn, birch = shops
    assert acorn.get("/").status_code == 302
    with acorn.inside():
        root = Page.objects.get(depth=1)
        other = root.add_child(instance=HomePage(title="Other", slug="other"))
        SignupPage.objects.get(slug="join").move(other, pos="last-child")
    assert acorn.get("/join/").status_code == 404
    assert acorn.get("/").status_code == 404
    assert birch.get("/").status_code == 302


def test_a_page_that_is_live_without_a_version_is_not_found(shops):
    acorn, birch = shops
    with acorn.inside():
        home = HomePage.objects.get()
        home.add_child(instance=SignupPage(title="By hand", slug="by-hand", live=True))
    assert acorn.get("/by-hand/").status_code == 404
    assert birch.get("/by-hand/").status_code == 404


# --- Not found ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nowhere/", "/join/more/", "/thanks/", "/wp-login.php", "/.env"])
def test_what_is_not_there_names_nobody(shops, path):
    for shop in shops:
        answer = shop.get(path)
        assert answer.status_code == 404
        assert "There is nothing here" in answer.text
        assert shop.retailer.name not in answer.text
        assert answer["Cache-Control"] == "no-store"


def test_not_found_is_not_kept(shops):
    acorn, _ = shops
    assert acorn.get("/soon/").status_code == 404
    acorn.publish(field("email"), slug="soon")
    assert acorn.get("/soon/").status_code == 200


# --- HTTP -----------------------------------------------------------------------------------------


def test_a_page_that_has_not_changed_is_not_sent_again(shops):
    acorn, birch = shops
    etag = acorn.get()["ETag"]
    for _ in range(2):
        again = acorn.get(HTTP_IF_NONE_MATCH=etag)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert birch.get(HTTP_IF_NONE_MATCH=etag).status_code == 200
    acorn.publish(headline="New")
    fresh = acorn.get(HTTP_IF_NONE_MATCH=etag)
    assert fresh.status_code == 200 and fresh["ETag"] != etag


def test_a_redirect_is_never_taken_for_unchanged(shops):
    acorn, _ = shops
    etag = acorn.get("/")["ETag"]
    assert acorn.get("/", HTTP_IF_NONE_MATCH=etag).status_code == 302


def test_head_says_what_get_would(shops):
    acorn, _ = shops
    for path in ("/join/", "/join/thanks/", "/nowhere/"):
        head, get = acorn.client.head(path), acorn.get(path)
        assert head.status_code == get.status_code
        assert head.content == b""
        assert head.headers.get("ETag") == get.headers.get("ETag")
        assert head["Content-Type"] == get["Content-Type"]


def test_a_page_sets_no_cookie_and_is_asked_about_each_time(shops):
    for shop in shops:
        for path in ("/", "/join/", "/join/thanks/", "/nowhere/"):
            for _ in range(2):
                answer = shop.get(path)
                assert not answer.cookies and "Set-Cookie" not in answer
                assert "Cookie" not in answer.get("Vary", "")
        assert shop.get()["Cache-Control"] == "no-cache"


def test_a_page_is_the_same_for_staff_and_shoppers(shops):
    acorn, _ = shops
    assert acorn.staff().get("/join/").content == acorn.get().content


def test_a_page_answers_from_the_cache_without_the_database(shops, django_assert_num_queries):
    for shop in shops:
        shop.get()
    with django_assert_num_queries(0):
        for shop in shops:
            assert shop.retailer.name in shop.get().text


def test_a_page_is_made_again_when_another_process_had_the_first_word(shops, monkeypatch):
    """Both find no generation; the one that was faster decides, and nothing stale is kept."""
    from forms_app import page_cache

    acorn, birch = shops
    cache.clear()
    add = cache.add

    def late(key, value, timeout=None):
        with schema_context(acorn.schema):
            add(key, "the other's word", timeout)
        return add(key, value, timeout)

    monkeypatch.setattr(page_cache.cache, "add", late, raising=False)
    first = acorn.get().content
    with tenant_context(acorn.retailer):
        assert cache.get(page_cache.GENERATION) == "the other's word"
    assert acorn.get().content == first
    acorn.publish(headline="Changed")
    assert "Changed" in acorn.get().text and "Changed" not in birch.get().text


# --- The brand's stylesheet -----------------------------------------------------------------------


def test_the_brand_stylesheet_may_be_kept_for_ever_under_its_digest(shops):
    for shop in shops:
        sheet = shop.get(brand_url(shop.get()))
        assert sheet.status_code == 200
        assert sheet["Content-Type"] == "text/css; charset=utf-8"
        assert sheet["Cache-Control"] == "public, max-age=31536000, immutable"
        assert sheet.text.startswith(":root {")
        again = shop.get(brand_url(shop.get()), HTTP_IF_NONE_MATCH=sheet["ETag"])
        assert again.status_code == 304


def test_an_old_brand_stylesheet_is_the_present_one_not_for_long(shops):
    acorn, birch = shops
    old = brand_url(acorn.get())
    acorn.save_brand(accent="#7a1f2b")
    sheet = acorn.get(old)
    assert "--brand-accent: #7a1f2b;" in sheet.text
    assert sheet["Cache-Control"] == "public, max-age=60"
    # Nor does one shop's address bring the other's colours.
    assert "#7a1f2b" not in birch.get(brand_url(acorn.get())).text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_brand_stylesheet_is_only_read(shops, method):
    acorn, _ = shops
    assert acorn.client.generic(method, brand_url(acorn.get())).status_code in (403, 405)


# --- Pictures -------------------------------------------------------------------------------------


def add_picture(shop, **uses) -> object:
    with shop.inside():
        image = get_image_model().objects.create(
            title="Logo", file=get_test_image_file("logo.png", size=(600, 300))
        )
        brand = Brand.load()
        brand.logo = brand.picture = image
        brand.save()
    return image


def test_the_brands_pictures_are_shown_to_their_own_shop_only(shops):
    acorn, birch = shops
    add_picture(acorn)
    page = soup(acorn.get())
    logo = page.select_one("img.logo")
    assert logo["alt"] == "Acorn"
    assert acorn.get(logo["src"]).status_code == 200
    assert birch.get(logo["src"]).status_code == 404
    sheet = acorn.get(brand_url(acorn.get())).text
    picture = re.search(r'--brand-hero-image: url\("([^"]+)"\)', sheet)[1]
    assert acorn.get(picture)["Content-Type"] == "image/webp"
    assert page.select_one(".brand--picture") and not soup(birch.get()).select(".brand--picture")


def test_a_picture_that_is_cut_anew_is_seen_at_the_next_get(shops):
    acorn, birch = shops
    image = add_picture(acorn)
    old, theirs = brand_url(acorn.get()), birch.get().content
    with acorn.inside():
        image.focal_point_x, image.focal_point_y = 10, 10
        image.focal_point_width = image.focal_point_height = 50
        image.save()
    assert brand_url(acorn.get()) != old
    assert birch.get().content == theirs


def test_a_deleted_picture_leaves_the_page(shops):
    acorn, _ = shops
    image = add_picture(acorn)
    assert soup(acorn.get()).select("img.logo")
    with acorn.inside():
        image.delete()
    assert acorn.get().status_code == 200
    assert not soup(acorn.get()).select("img.logo")


def test_a_picture_whose_file_is_lost_does_not_take_the_page_away(shops, robin):
    acorn, _ = shops
    image = add_picture(acorn)
    with acorn.inside():
        image.renditions.all().delete()
        image.file.storage.delete(image.file.name)
    assert acorn.get().status_code == 200
    assert acorn.post({}).status_code == 422
    assert acorn.sign_up(robin).answers[key("first_name")] == "Robin"
