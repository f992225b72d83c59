"""What no browser sends, or no shopper should: a clear 4xx, never a 500, nothing half-written."""

from urllib.parse import urlencode

import pytest

from forms_app.ui_texts import UI_TEXTS

from .shop import key, soup

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"


def part(name: str, value: bytes, more: str = "") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
        name.encode(), more.encode(), value
    )  # fmt: skip


def multipart(data: dict, *more: bytes) -> bytes:
    parts = [part(name, str(value).encode()) for name, value in data.items()]
    return b"".join([*parts, *more, b"--x--\r\n"])


# name → (status, answers that are put over Robin's, system fields that are put over the page's)
ANSWERS = {
    "missing": (422, {"first_name": "", "email": "", "terms": ""}, {}),
    "blank": (422, {"first_name": " \t\n "}, {}),
    "name too long": (422, {"first_name": "a" * 101}, {}),
    "e-mail too long": (422, {"email": "a" * 250 + "@example.com"}, {}),
    "mobile too long": (422, {"mobile": "0" * 41}, {}),
    "short text too long": (422, {"short_text": "a" * 201}, {}),
    "long text too long": (422, {"long_text": "a" * 2001}, {}),
    "not an e-mail": (422, {"email": "robin"}, {}),
    "not a number": (422, {"mobile": "call me"}, {}),
    "not a date": (422, {"birthday": ("31", "2", "1990")}, {}),
    "half a date": (422, {"birthday": ("", "2", "")}, {}),
    "a year of five digits": (422, {"birthday": ("1", "1", "10000")}, {}),
    "a year beyond all machines": (422, {"birthday": ("1", "1", "9" * 30)}, {}),
    "a year of 5000 digits": (422, {"birthday": ("1", "1", "9" * 5000)}, {}),
    "not an option": (422, {"colour": "Green"}, {}),
    "required consent refused": (422, {"terms": "false"}, {}),
    "unknown field": (400, {"salary": "1"}, {}),
    "unknown system field": (400, {}, {"is_test": "1"}),
    "part of a date at another field": (400, {}, {f"{key('email')}-day": "1"}),
    "id isn't a UUID": (400, {}, {"signup_id": "42"}),
    "id is a path": (400, {}, {"signup_id": "../../../etc/passwd"}),
    "NUL in an answer": (400, {"short_text": "a\x00b"}, {}),
    "NUL in the id": (400, {}, {"signup_id": "\x00"}),
    "NUL in the time": (400, {}, {"submitted_at": "\x00"}),
    "NUL in a field's name": (400, {}, {"\x00": "1"}),
    "NUL in the version": (409, {}, {"form_version": "\x00"}),
}


@pytest.mark.parametrize("status, wrong, system", ANSWERS.values(), ids=ANSWERS)
def test_wrong_answers_are_refused(shops, robin, nothing_written, status, wrong, system):
    acorn, _ = shops
    acorn.connect()
    data = {**acorn.form({**robin, **wrong}), **system}
    with nothing_written():
        assert acorn.client.post("/join/", data).status_code == status
        answer = acorn.client.post("/join/", urlencode(data), FORM, HTTP_ACCEPT="application/json")
        assert answer.status_code == status
        assert answer.json().get("errors" if status == 422 else "error")


def encoded(form: dict, more: bytes = b"") -> bytes:
    return urlencode(form).encode() + more


STREET = key("short_text").encode()
# name → (status, content type, body made of a good form)
BODIES = {
    "empty": (409, FORM, lambda form: b""),
    "empty multipart": (409, MULTIPART, lambda form: b""),
    "10 MB": (413, FORM, lambda form: encoded(form, b"&x=" + b"a" * 10_000_000)),
    "10 MB multipart": (413, MULTIPART, lambda form: multipart(form, part("x", b"a" * 10**7))),
    "10 MB in a file": (
        413, MULTIPART, lambda form: multipart(form, part("x", b"a" * 10**7, '; filename="a"')),
    ),
    "6,000 fields": (
        413, FORM, lambda form: encoded(form, b"".join(b"&f%d=" % n for n in range(6000))),
    ),
    "6,000 tiny parts": (
        413, MULTIPART, lambda form: multipart(form, *(part(f"{n}", b"") for n in range(6000))),
    ),
    "invalid UTF-8, escaped": (
        400, FORM, lambda form: encoded(form, b"&" + STREET + b"=%ff%fe"),
    ),
    "invalid UTF-8, raw": (
        400, FORM, lambda form: encoded(form, b"&" + STREET + b"=\xff"),
    ),
    "half a surrogate pair": (
        400, FORM, lambda form: encoded(form, b"&" + STREET + b"=%ed%a0%80"),
    ),
    "invalid UTF-8 in a name": (400, FORM, lambda form: encoded(form, b"&%ff=1")),
    "invalid UTF-8 in a part": (
        400, MULTIPART, lambda form: multipart(form, part(key("short_text"), b"\xff\xfe")),
    ),
    "a semicolon for an ampersand": (409, FORM, lambda form: encoded(form).replace(b"&", b";")),
    "no boundary": (400, "multipart/form-data", lambda form: multipart(form)),
    "a strange boundary": (
        400, "multipart/form-data; boundary=\u00e9", lambda form: multipart(form),
    ),
    "another boundary": (409, "multipart/form-data; boundary=y", lambda form: multipart(form)),
    "cut off": (409, MULTIPART, lambda form: multipart(form)[:60]),
    "bad base64 in a file": (
        400, MULTIPART, lambda form: multipart(
            form, b'--x\r\nContent-Disposition: form-data; name="x"; filename="a"\r\n'
            b"Content-Transfer-Encoding: base64\r\n\r\n!!!!!\r\n"),
    ),
    "many files": (
        400, MULTIPART, lambda form: multipart(
            form, *(part(f"f{n}", b"a", '; filename="a"') for n in range(200))),
    ),
    "JSON": (409, "application/json", lambda form: b'{"form_version": 1}'),
    "XML": (409, "text/xml", lambda form: b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    "plain text": (409, "text/plain", lambda form: encoded(form)),
    "no content type": (409, "", lambda form: encoded(form)),
    "a content type that isn't one": (409, ";;;/=", lambda form: encoded(form)),
}  # fmt: skip


@pytest.mark.parametrize("status, content_type, make", BODIES.values(), ids=BODIES)
def test_what_no_browser_sends_is_refused(
    shops, robin, nothing_written, status, content_type, make
):
    acorn, _ = shops
    body = make(acorn.form(robin))
    with nothing_written():
        answer = acorn.client.generic("POST", "/join/", body, content_type)
        assert answer.status_code == status


@pytest.mark.parametrize(
    "charset", ["utf-16", "utf-7", "hex", "zlib", "unicode_escape", "idna", "rot13", "nonsense"]
)
@pytest.mark.parametrize("kind", [FORM, MULTIPART])
def test_no_charset_that_is_claimed_makes_an_error(shops, robin, nothing_written, charset, kind):
    """Python knows codecs that don't decode text, and some that decode to half characters."""
    acorn, birch = shops
    form = acorn.form({**robin, "short_text": "\\ud800 +2AA-"})
    body = multipart(form) if kind == MULTIPART else urlencode(form).encode()
    before = birch.stored()
    answer = acorn.client.generic("POST", "/join/", body, f"{kind}; charset={charset}")
    assert answer.status_code in (303, 400, 409, 415, 422)
    # What was taken can be read.
    assert len(acorn.signups()) == (answer.status_code == 303)
    assert birch.stored() == before


@pytest.mark.parametrize(
    "length, status", [("a lot", 400), ("1e3", 400), ("-5", 409), ("0", 409), ("", 409)]
)
def test_a_length_that_is_not_a_number_is_refused(shops, robin, nothing_written, length, status):
    acorn, _ = shops
    body = urlencode(acorn.form(robin))
    with nothing_written():
        answer = acorn.client.generic("POST", "/join/", body, FORM, CONTENT_LENGTH=length)
        assert answer.status_code == status


def test_a_negative_length_of_a_multipart_form_is_refused(shops, robin, nothing_written):
    acorn, _ = shops
    body = multipart(acorn.form(robin))
    with nothing_written():
        answer = acorn.client.generic("POST", "/join/", body, MULTIPART, CONTENT_LENGTH="-5")
        assert answer.status_code == 400


def test_a_body_that_is_longer_than_it_said_is_cut_there(shops, robin, nothing_written):
    acorn, _ = shops
    body = urlencode(acorn.form(robin))
    with nothing_written():
        answer = acorn.client.generic("POST", "/join/", body, FORM, CONTENT_LENGTH="20")
        assert answer.status_code == 409


def test_a_get_with_a_body_shows_the_page(shops, robin, nothing_written):
    acorn, _ = shops
    body = urlencode(acorn.form(robin))
    with nothing_written():
        answer = acorn.client.generic("GET", "/join/", body, FORM)
        assert answer.status_code == 200
        assert soup(answer).find("input", {"name": key("first_name")})["value"] == ""


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", ["/join/", "/join/thanks/", "/nowhere/", "/"])
def test_other_methods_are_not_allowed(shops, robin, nothing_written, method, path):
    acorn, _ = shops
    with nothing_written():
        answer = acorn.client.generic(method, path, urlencode(acorn.form(robin)), FORM)
        assert answer.status_code == 405
        assert answer["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "path",
    [
        "/\x00/",
        "/join/\x00/",
        "/join\x00",
        "/\xff\xfe/",  # not UTF-8: WSGI hands bytes over as Latin-1
        "/" + "a" * 20_000 + "/",
        "/" + "a/" * 2_000,
        "/join/../../etc/passwd",
        "/join/thanks/more/",
        "/thanks/",
        "//",
        "/%",
        "/join/'; DROP TABLE forms_app_signup; --/",
    ],
    ids=lambda path: ascii(path)[:30],
)
def test_no_address_makes_an_error(shops, path):
    for shop in shops:
        answer = shop.client.get("/", PATH_INFO=path)
        assert answer.status_code in (302, 404)


# --- What a shopper reads -------------------------------------------------------------------------


def test_errors_come_back_with_what_was_typed_and_what_to_do(shops):
    acorn, birch = shops
    answer = acorn.post(
        {
            "first_name": "",
            "email": "robin at example",
            "mobile": "12",
            "birthday": ("31", "2", "90"),
            "colour": key("Blue"),
            "long_text": "Some\nlines",
            "news": "yes",
        }
    )
    assert answer.status_code == 422
    page = soup(answer)
    typed = {
        input.get("name"): input.get("value")
        for input in page.select(
            "form input[type=text], form input[type=email], form input[type=tel]"
        )
    }
    assert typed[key("email")] == "robin at example"
    assert typed[key("mobile")] == "12"
    assert [typed[f"{key('birthday')}-{part}"] for part in ("day", "month", "year")] == [
        "31", "2", "90",
    ]  # fmt: skip
    assert page.find("textarea", {"name": key("long_text")}).text.strip() == "Some\nlines"
    ticked = {(input.get("name"), input["value"]) for input in page.select("input[checked]")}
    assert ticked == {(key("colour"), key("Blue")), (key("news"), "yes")}
    assert page.title.text.startswith("Please check")
    shown = [error.text for error in page.select(".error:not([hidden])")]
    assert shown == [
        "Please enter your first name.",
        "An e-mail address looks like name@example.com.",
        "Please check the number. Abroad? Start with + and the country code.",
        "Please enter a date that exists, in numbers.",
        "Please tick this box to continue.",
    ]
    summary = [li.get_text(" ", strip=True) for li in page.select(".summary li")]
    assert summary == [
        f"{label} {message}"
        for label, message in zip(
            ("First name", "E-mail", "Mobile", "Birthday", "I accept the terms."), shown
        )
    ]
    # Every line of the summary leads to a field that is on the page, and the first has the focus.
    for link in page.select(".summary a"):
        assert page.find(id=link["href"][1:])
    assert [input.get("name") for input in page.select("form [autofocus]")] == [key("first_name")]
    assert "Birch" not in answer.text and not birch.signups()


def test_each_error_can_have_the_focus(shops, robin):
    """The first error's field, whatever its kind, and no other."""
    acorn, _ = shops
    wrong = {
        "first_name": "", "email": "x", "mobile": "1", "birthday": ("x", "", ""), "colour": "x",
        "short_text": "a" * 300, "long_text": "a" * 3000, "terms": "",
    }  # fmt: skip
    for name, value in wrong.items():
        page = soup(acorn.post({**robin, name: value}))
        (focused,) = page.select("form [autofocus]")
        assert focused["name"].startswith(key(name))
        described = [id for id in (focused.get("aria-describedby") or "").split()]
        assert all(page.find(id=id) for id in described)


@pytest.mark.parametrize("language", ["nl", "de", "fr", "es"])
def test_errors_are_in_the_language_of_the_page(shops, language):
    acorn, birch = shops
    acorn.publish(language=language)
    page = soup(acorn.post({}))
    assert page.html["lang"] == language
    assert page.select_one(".summary h2").text == UI_TEXTS[language]["errors_title"]
    assert "Please" not in page.select_one(".summary").text
    assert soup(birch.post({})).html["lang"] == "en"


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\'`{{7*7}}{% now "Y" %}&lt;'


def test_html_in_answers_is_shown_as_text(shops, robin):
    acorn, _ = shops
    answer = acorn.post({"first_name": HOSTILE * 2, "email": HOSTILE, "long_text": HOSTILE})
    assert answer.status_code == 422
    page = soup(answer)
    assert [script["src"] for script in page.find_all("script")] == ["/static/forms_app/tablet.js"]
    assert not page.find_all("img") and "49" not in page.get_text()
    assert page.find("input", {"name": key("email")})["value"] == HOSTILE
    assert page.find("textarea").text.strip() == HOSTILE
    taken = acorn.sign_up({**robin, "short_text": HOSTILE})
    assert taken.answers[key("short_text")] == HOSTILE
