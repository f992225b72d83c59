"""The page's HTML: nothing inline, nothing from elsewhere, and no text that breaks out of it."""

import re

import pytest

from .shop import choice, field, key, soup

HOSTILE = "</title></script><script>alert(1)</script><style>*{}</style>\" ' onload=x {{ ui }} &amp;"
RTL = "\u202eانضم إلى النادي\u200f \u2067x"
LONG = "abcdefghi " * 1000
TEXTS = {
    "html": HOSTILE,
    "right to left": RTL,
    "10,000 characters": LONG,
    "emoji": "👩‍👩‍👧‍👦" * 20,
}
PATHS = ("/join/", "/join/thanks/")


def answers(shop):
    """Every kind of page that a shopper can be shown."""
    yield shop.get()
    yield shop.get("/join/thanks/")
    yield shop.get("/nowhere/")
    yield shop.post({})
    yield shop.post({"unknown": "1"})
    yield shop.post({}, version="none")


def test_every_page_has_a_strict_policy(shops):
    for shop in shops:
        for answer in answers(shop):
            policy = {
                directive.split()[0]: directive.split()[1:]
                for directive in answer["Content-Security-Policy"].split("; ")
            }
            assert policy["default-src"] == ["'none'"]
            assert policy["base-uri"] == ["'none'"]
            assert policy["form-action"] == policy["script-src"] == ["'self'"]
            assert policy["style-src"] == ["'self'"]
            assert policy["frame-ancestors"] == policy["object-src"] == ["'none'"]
            assert answer["X-Frame-Options"] == "DENY"
            allowed = {source for sources in policy.values() for source in sources}
            assert allowed == {"'self'", "'none'"}
            assert answer["X-Content-Type-Options"] == "nosniff"
            assert answer["Content-Type"] == "text/html; charset=utf-8"


def test_no_page_has_anything_inline_or_from_elsewhere(shops):
    for shop in shops:
        for answer in answers(shop):
            assert_nothing_inline(soup(answer))


def assert_nothing_inline(page) -> None:
    assert not page.find_all("style")
    for tag in page.find_all(True):
        assert "style" not in tag.attrs, tag
        assert not [name for name in tag.attrs if name.startswith("on")], tag
        for name in ("src", "href", "action"):
            if name in tag.attrs:
                assert re.match(r"/(?!/)|#f-", tag[name]), tag
    for script in page.find_all("script"):
        assert script["src"] == "/static/forms_app/tablet.js" and not script.string


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_of_the_retailer_breaks_out(shops, text):
    acorn, birch = shops
    short = text[:100]
    plain = soup(acorn.get())
    tags = [tag.name for tag in plain.find_all(True)]
    acorn.save_brand(name=short)
    acorn.publish(
        field("first_name", label=text, help=text, required=True),
        field("email", label=text, required=True),
        field("mobile", label=text),
        field("birthday", label=text, year=True),
        choice("colour", text, "Blue", label=text),
        choice("list", text, "Blue", label=text, display="list"),
        field("long_text", label=text),
        field("consent", "terms", label=text, purpose="terms", required=True),
        title=short, headline=short, intro=text[:400], submit_label=text[:40],
        thank_you_title=short, thank_you_text=text[:400],
    )  # fmt: skip
    assert tags  # the plain page could be read
    wrong = acorn.post({}), acorn.post({"email": "x"})
    for answer in (acorn.get(), acorn.get("/join/thanks/"), *wrong):
        page = soup(answer)
        assert answer.status_code in (200, 422)
        assert_nothing_inline(page)
        assert len(page.find_all("script")) == 1 and len(page.find_all("title")) == 1
        assert squeezed(short) in squeezed(page.h1.text)
        assert squeezed(short) in squeezed(page.title.text)
    page = soup(acorn.get())
    label = page.find("label", {"for": f"f-{key('first_name')}"})
    assert squeezed(label.text) == squeezed(text)
    assert page.find("option", value=key(text)).text == text
    assert page.find("div", {"data-label": True})["data-label"] == text
    assert text[:10] not in birch.get().text


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_a_long_thank_you_lasts_as_long_as_the_retailer_said(shops):
    acorn, birch = shops
    acorn.publish(thank_you_seconds=20)
    assert soup(acorn.get("/join/thanks/")).select_one("[data-next]")["data-seconds"] == "20"
    assert soup(birch.get("/join/thanks/")).select_one("[data-next]")["data-seconds"] == "6"
    assert soup(acorn.get("/join/thanks/")).select_one("[data-next]")["href"] == "/join/"


def test_nothing_is_ticked_or_filled_in_advance(shops):
    for shop in shops:
        page = soup(shop.get())
        assert not page.select("[checked], [selected], form [autofocus]")
        assert not [
            input["name"]
            for input in page.select("input:not([type=radio], [type=checkbox])")
            if input.get("value") and input["name"] not in ("form_version", "language", "issued")
        ]
        assert page.find("input", {"name": "signup_id"})["value"] == ""
        assert page.form["autocomplete"] == "off"


def test_every_input_has_a_label_and_an_id_of_its_own(shops):
    page = soup(shops[0].get())
    ids = [tag["id"] for tag in page.select("[id]")]
    assert len(ids) == len(set(ids))
    for input in page.select("input:not([type=hidden]), select, textarea"):
        assert page.find("label", {"for": input["id"]}) or input.find_parent("label"), input
        for described in input.get("aria-describedby", "").split():
            assert page.find(id=described), described


@pytest.mark.parametrize("language", ["en", "nl", "de", "fr", "es"])
def test_the_page_speaks_its_language(shops, language):
    from forms_app.ui_texts import UI_TEXTS

    acorn, birch = shops
    acorn.publish(language=language)
    page = soup(acorn.get())
    assert page.html["lang"] == language
    assert UI_TEXTS[language]["day"] in page.text
    assert UI_TEXTS[language]["next_customer"] in acorn.get("/join/thanks/").text
    assert soup(birch.get()).html["lang"] == "en"
