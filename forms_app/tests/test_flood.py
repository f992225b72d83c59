"""A page that is flooded asks for a proof of work, and loses nobody."""

import base64
import json
import uuid
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs

import altcha
import pytest
from django.test import RequestFactory

from forms_app import pace, proof
from forms_app.models import Tablet
from forms_app.tablet_access import COOKIE, issue_token

from .shop import key, soup


@pytest.fixture
def flooded(shops, monkeypatch):
    """Every address has had its share already."""
    monkeypatch.setattr(pace, "MOST", 0)
    return shops


def hidden(page) -> dict:
    inputs = page.select("input[type=hidden]")
    return {given["name"]: given["value"] for given in inputs}


def solved(challenge: dict) -> str:
    found = altcha.solve_challenge_v1(
        challenge["challenge"], challenge["salt"], challenge["algorithm"], proof.HARDNESS
    )
    names = ("algorithm", "challenge", "salt", "signature")
    answer = {name: challenge[name] for name in names} | {"number": found.number}
    return base64.b64encode(json.dumps(answer).encode()).decode()


def test_who_takes_the_trouble_is_taken_in_once_per_proof(flooded, robin):
    acorn, birch = flooded
    acorn.connect()
    asked = acorn.post(robin)
    assert asked.status_code == 429 and acorn.signups() == []
    page = soup(asked)
    data = hidden(page)
    assert data[key("email")] == robin["email"] and data["form_version"] == acorn.version()
    data["altcha"] = solved(json.loads(page.select_one("[data-proof]")["data-proof"]))
    assert acorn.client.post("/join/", data).status_code == 303
    (signup,) = acorn.signups()
    assert (signup.problem, signup.deliveries.count()) == ("", 1)
    # The same proof again, and at another shop.
    for shop in flooded:
        again = {**data, "signup_id": str(uuid.uuid4()), "form_version": shop.version()}
        assert shop.client.post("/join/", again).status_code == 303
        assert shop.signup(again["signup_id"]).problem == "robot"


@pytest.mark.parametrize("given", ["", "x", "e30=", base64.b64encode(b"[1]").decode(), "é"])
def test_who_cannot_is_thanked_and_kept_aside(flooded, robin, given):
    acorn, birch = flooded
    acorn.connect()
    answer = acorn.client.post("/join/", acorn.form(robin, altcha=given))
    assert answer.status_code == 303
    (signup,) = acorn.signups()
    assert (signup.problem, signup.deliveries.count()) == ("robot", 0)
    assert birch.signups() == []


def test_the_pages_own_script_is_asked_and_taken_in_with_its_proof(flooded, robin):
    acorn, birch = flooded
    sent = str(uuid.uuid4())
    asked = acorn.send(robin, signup_id=sent)
    assert asked.status_code == 429 and acorn.signups() == []
    found = solved(asked.json()["proof"])
    assert acorn.sign_up(robin, signup_id=sent, altcha=found).problem == ""
    assert acorn.sign_up(robin, altcha="").problem == "robot"
    assert birch.signups() == []


STATIC = Path(pace.__file__).parent / "static" / "forms_app"


@pytest.mark.browser
def test_a_browser_gives_the_proof_by_itself(page):
    """The modules as they are, on an address where browsers have crypto.subtle."""
    challenge, posted = proof.challenge(), []

    def answer(route):
        name = route.request.url.rsplit("/", 1)[1]
        if route.request.method == "POST":
            posted.append(parse_qs(route.request.post_data))
            given = {"receipt": "x"} if "altcha" in posted[-1] else {"proof": challenge}
            route.fulfill(status=201 if "receipt" in given else 429, json=given)
        elif name:
            body = (STATIC / name).read_text()
            route.fulfill(body=body, content_type="text/javascript")
        else:
            route.fulfill(body="<title>x</title>", content_type="text/html")

    page.route("http://localhost/**", answer)
    page.goto("http://localhost/")
    said = page.evaluate("""async () => {
        const { post } = await import("http://localhost/posting.js");
        const data = new FormData();
        data.set("email", "robin@example.com");
        return post("http://localhost/join", data);
    }""")
    assert said == {} and [one["email"] for one in posted] == [["robin@example.com"]] * 2
    (given,) = posted[1]["altcha"]
    assert proof.holds(given) and not proof.holds(given)


def test_a_paired_tablet_is_counted_for_itself_and_never_asked(shops, robin, monkeypatch):
    acorn, birch = shops
    monkeypatch.setattr(pace, "MOST", 1)
    for shop in shops:  # the address has had its share
        shop.sign_up(robin)
        assert shop.send(robin, signup_id=str(uuid.uuid4())).status_code == 429
    with acorn.inside():
        token = issue_token(Tablet.objects.create(name="Till"))
    for shop in shops:
        shop.client.cookies[COOKIE] = token
    assert birch.send(robin).status_code == 429
    for email, problem in (("a@example.com", ""), ("b@example.com", "robot")):
        assert acorn.sign_up({**robin, "email": email}).problem == problem


def test_a_busy_shop_is_no_flood(shops, robin):
    acorn, _ = shops
    for number in range(20):
        signup = acorn.sign_up({**robin, "email": f"robin{number}@example.com"})
        assert signup.problem == ""
    assert pace.MOST >= 100  # in ten minutes, all tablets of a shop together


@pytest.mark.parametrize(
    "proxies, header, seen",
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),
        (1, "", ""),
    ],
)
def test_only_our_own_proxies_are_believed(settings, proxies, header, seen):
    settings.PROXIES = proxies
    request = RequestFactory().post("/join/", headers={"X-Forwarded-For": header})
    assert pace.address(request) == seen


def test_without_redis_nobody_is_held_up(flooded, robin, monkeypatch):
    monkeypatch.setattr(pace, "cache", mock.Mock(incr=mock.Mock(side_effect=ValueError)))
    assert not pace.too_many(RequestFactory().post("/join/"))
