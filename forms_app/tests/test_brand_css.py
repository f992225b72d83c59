import re
from dataclasses import replace

import pytest

from forms_app.brand_css import (
    FONTS,
    SHAPE_RATIO,
    TEXT_RATIO,
    BrandTokens,
    brand_css,
    clean_hex,
    clean_url,
    contrast_ratio,
    custom_properties,
    mix,
    nearest_passing,
    readable_on,
)
from forms_app.ui_texts import UI_TEXTS

PLANTS = dict(background="#20382d", surface="#faf6ec", text="#22302a", accent="#2b6a4a")
BICYCLES = dict(background="#101113", surface="#191a1e", text="#f3f4ee", accent="#e4ff3a")
PASTEL = dict(background="#f2c9c0", surface="#fffdf9", text="#2a1a1f", accent="#ffb3c7")
GREY = dict(background="#777777", surface="#808080", text="#000000", accent="#7f7f7f")
# Every corner of sRGB and some middle tones: what a colour picker can give.
STEPS = ("00", "7f", "ff")
COLOURS = [f"#{red}{green}{blue}" for red in STEPS for green in STEPS for blue in STEPS]


@pytest.mark.parametrize(
    "a, b, ratio",
    [
        ("#000000", "#ffffff", 21.0),
        ("#fff", "#FFFFFF", 1.0),
        ("#767676", "#ffffff", 4.54),  # the lightest grey that passes AA on white
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_that_of_wcag(a, b, ratio):
    assert contrast_ratio(a, b) == pytest.approx(ratio, abs=0.005)
    assert contrast_ratio(b, a) == contrast_ratio(a, b)


@pytest.mark.parametrize("colour", COLOURS)
def test_text_can_be_read_on_any_colour(colour):
    assert contrast_ratio(readable_on(colour), colour) >= TEXT_RATIO


def test_the_brands_own_tone_is_taken_where_it_can_be_read():
    assert readable_on("#20382d", ("#FAF6EC",)) == "#faf6ec"
    assert readable_on("#20382d", ("#22302a",)) == "#ffffff"


@pytest.mark.parametrize("against", ["#ffffff", "#000000", "#808080", "#e4ff3a"])
@pytest.mark.parametrize("colour", COLOURS)
def test_the_nearest_colour_passes(colour, against):
    assert contrast_ratio(nearest_passing(colour, against), against) >= TEXT_RATIO


def test_a_colour_that_passes_stays():
    assert nearest_passing("#1A1A1A", "#fff") == "#1a1a1a"


def test_the_nearest_colour_is_no_darker_than_it_must_be():
    assert contrast_ratio(nearest_passing("#ff8800", "#ffffff"), "#ffffff") < TEXT_RATIO + 0.1


def test_the_nearest_colour_keeps_its_hue():
    red, green, blue = bytes.fromhex(nearest_passing("#ff9999", "#ffffff")[1:])
    assert red > 2 * green and abs(green - blue) < 40


def test_the_shorter_way_is_taken_to_lighter_or_darker():
    assert contrast_ratio(nearest_passing("#999999", "#555555"), "#000000") > contrast_ratio(
        "#999999", "#000000"
    )


def test_out_of_reach_is_the_better_of_black_and_white():
    assert nearest_passing("#888888", "#777777", 15) == "#000000"
    assert nearest_passing("#888888", "#333333", 15) == "#ffffff"


def test_mixing_starts_at_one_colour_and_ends_at_the_other():
    assert mix("#20382d", "#faf6ec", 0) == "#20382d"
    assert mix("#20382d", "#faf6ec", 1) == "#faf6ec"


@pytest.mark.parametrize("typed, clean", [("#ABC", "#aabbcc"), (" #A1b2C3 ", "#a1b2c3")])
def test_hex_colours_have_one_form(typed, clean):
    assert clean_hex(typed) == clean


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "red",
        "#12",
        "#1234",
        "#12345g",
        "#fff;}",
        "#fff\n#fff",
        "url(x)",
        "#１２３",
        None,
        "#f/*",
    ],
)
def test_nothing_but_a_hex_colour_is_a_colour(typed):
    with pytest.raises(ValueError):
        clean_hex(typed)
    for token in ("background", "surface", "text", "accent", "on_accent", "muted", "error"):
        with pytest.raises(ValueError):
            brand_css(replace(BrandTokens(), **{token: typed}))


@pytest.mark.parametrize(
    "address",
    ["https://a.example/x.png", "//a.example/x", "x.png", '/a"b', "/a)b", "/a\\b", "/a b", "/a\n"],
)
def test_only_a_picture_of_this_host_gets_into_the_stylesheet(address):
    with pytest.raises(ValueError):
        brand_css(BrandTokens(hero_image_url=address))


def test_a_picture_is_shown_around_its_centre_of_interest():
    css = brand_css(BrandTokens(hero_image_url="/media/a/b.2e16d0ba.webp?v=1", hero_focus=(20, 80)))
    assert '--brand-hero-image: url("/media/a/b.2e16d0ba.webp?v=1");' in css
    assert "--brand-hero-focus: 20% 80%;" in css
    assert clean_url("/media/x.png") == "/media/x.png"


@pytest.mark.parametrize(
    "wrong",
    [
        {"radius": -1},
        {"radius": 33},
        {"radius": "4px;}"},
        {"radius": True},
        {"hero_focus": (50, 101)},
        {"font": "Comic Sans"},
    ],
)
def test_other_values_outside_their_range_are_refused(wrong):
    with pytest.raises(ValueError):
        brand_css(BrandTokens(**wrong))


@pytest.mark.parametrize("font", FONTS)
def test_the_stylesheet_is_a_list_of_custom_properties(font):
    css = brand_css(BrandTokens.from_colours(**PLANTS, font=font, radius=28))
    body = re.fullmatch(r":root \{\n(.*)\}\n", css, re.DOTALL)[1]
    for line in body.splitlines():
        assert re.fullmatch(r"  --(?:brand|button)-[a-z-]+: [^;{}<>\\]+;", line), line
    assert "--brand-radius: 28px;" in css and "--brand-hero-image: none;" in css


@pytest.mark.parametrize("colours", [PLANTS, BICYCLES, PASTEL, GREY])
def test_what_is_derived_from_four_colours_can_be_read(colours):
    css = custom_properties(BrandTokens.from_colours(**colours))
    pairs = [
        ("on-background", "background", TEXT_RATIO),
        ("on-background-muted", "background", TEXT_RATIO),
        ("accent-on-background", "background", TEXT_RATIO),
        ("muted", "surface", TEXT_RATIO),
        ("error", "surface", TEXT_RATIO),
        ("error-on-wash", "error-wash", TEXT_RATIO),
        ("text-on-error-wash", "error-wash", TEXT_RATIO),
        ("on-accent", "accent", TEXT_RATIO),
        ("on-accent", "accent-strong", TEXT_RATIO),
        ("text-on-wash", "accent-wash", TEXT_RATIO),
        ("text-on-field", "field", TEXT_RATIO),
        ("line", "surface", SHAPE_RATIO),
        ("focus", "surface", SHAPE_RATIO),
    ]
    too_low = {
        (one, other): contrast_ratio(css[one], css[other])
        for one, other, needed in pairs
        if contrast_ratio(css[one], css[other]) < needed
    }
    assert too_low == {}


def test_a_dark_form_gets_dark_controls():
    assert custom_properties(BrandTokens.from_colours(**BICYCLES))["scheme"] == "dark"
    assert custom_properties(BrandTokens.from_colours(**PLANTS))["scheme"] == "light"


def test_every_language_says_the_same_things():
    assert set(UI_TEXTS) == {"en", "nl", "de", "fr", "es"}
    for language, texts in UI_TEXTS.items():
        assert texts.keys() == UI_TEXTS["en"].keys(), language
        assert all(text.strip() == text and text for text in texts.values()), language
