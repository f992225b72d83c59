"""The brand: unreadable text is refused, and everything else makes a stylesheet."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django_tenants.utils import tenant_context

from forms_app.brand import Brand
from forms_app.brand_css import contrast_ratio

AA = 4.5  # WCAG 2.2, contrast of text


def form_data(brand: Brand, **changes) -> dict:
    names = (
        "name",
        "country",
        "background",
        "surface",
        "text",
        "accent",
        "font",
        "radius",
        "button_style",
    )
    return {name: getattr(brand, name) for name in names} | {"logo": "", "picture": ""} | changes


@pytest.mark.parametrize(
    "text, surface", [("#ffffff", "#ffffff"), ("#999999", "#ffffff"), ("#333333", "#222222")]
)
def test_text_that_cannot_be_read_is_refused_with_the_nearest_colour_that_can(shops, text, surface):
    acorn, birch = shops
    with pytest.raises(ValidationError) as refused:
        acorn.save_brand(text=text, surface=surface)
    (message,) = refused.value.message_dict["text"]
    offered = message.split("background. ")[1].split()[0]
    assert contrast_ratio(offered, surface) >= AA
    acorn.save_brand(text=offered, surface=surface, accent=offered)
    with tenant_context(birch.retailer):
        assert Brand.load().text != offered


def test_the_editor_refuses_what_cannot_be_read_and_keeps_what_was(shops):
    acorn, birch = shops
    url = reverse("wagtailsettings:edit", args=["forms_app", "brand"])
    with tenant_context(acorn.retailer):
        before = Brand.load()
    owner = acorn.staff()
    page = owner.get(url, follow=True)
    assert page.status_code == 200
    url = page.redirect_chain[-1][0] if page.redirect_chain else url
    answer = owner.post(url, form_data(before, text="#f0f0f0"))
    assert answer.status_code == 200 and "Hard to read" in answer.text
    with tenant_context(acorn.retailer):
        assert Brand.load().text == before.text
    answer = owner.post(url, form_data(before, text="#000000", name="Oak"))
    assert answer.status_code == 302
    for shop, name in ((acorn, "Oak"), (birch, "Birch")):
        with tenant_context(shop.retailer):
            assert (Brand.load().name, str(Brand.load())) == (name, name)


@pytest.mark.parametrize("colour", ["red", "", "#12345", "#12345g", "#fff;}", "url(x)", "#1234567"])
@pytest.mark.parametrize("name", ["text", "surface", "background", "accent"])
def test_what_is_no_colour_is_refused(shops, name, colour):
    acorn, _ = shops
    with tenant_context(acorn.retailer):
        brand = Brand.load()
        setattr(brand, name, colour)
        with pytest.raises(ValidationError) as refused:
            brand.full_clean()
        assert name in refused.value.message_dict


@pytest.mark.parametrize("name, value", [("font", "Comic Sans"), ("radius", 13), ("country", "XX")])
def test_what_is_not_offered_is_refused(shops, name, value):
    with pytest.raises(ValidationError):
        shops[0].save_brand(**{name: value})


@pytest.mark.parametrize(
    "name, value",
    [("background", "#000000"), ("accent", "#004488"), ("font", "book"), ("radius", 0)],
)
def test_the_stylesheets_address_changes_with_what_it_says(shops, name, value):
    acorn, birch = shops
    with tenant_context(acorn.retailer):
        brand = Brand.load()
        before = brand.css_url, brand.css
        setattr(brand, name, value)
        assert brand.css_url != before[0] and brand.css != before[1]
        setattr(brand, name, getattr(Brand.load(), name))
        assert (brand.css_url, brand.css) == before
    with tenant_context(birch.retailer):
        assert Brand.load().css_url.startswith("/brand/")


def test_a_name_is_not_part_of_the_stylesheet(shops):
    with tenant_context(shops[0].retailer):
        brand = Brand.load()
        before = brand.css_url
        brand.name = "}</style>*{display:none}"
        assert brand.css_url == before
