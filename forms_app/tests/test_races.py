"""Two at the same moment, on real commits: in a database of its own, from two threads."""

import threading
import uuid
from collections.abc import Callable

from django.db import connections
from django.test import Client
from django_tenants.utils import tenant_context

from forms_app.models import Brand, FormVersion, SignupPage
from forms_app.versions import write_version

from .shop import field, key, without_issue

ROUNDS = 12
PATIENCE = 60  # seconds, then a thread is stuck


def at_once(*calls: Callable) -> list:
    """Run the calls in a thread each, let go together; their results, in order."""
    barrier = threading.Barrier(len(calls), timeout=PATIENCE)
    results: list = [None] * len(calls)

    def run(number: int, call: Callable) -> None:
        try:
            connections["default"].ensure_connection()
            barrier.wait()
            results[number] = call()
        except Exception as error:  # handed to the test, which compares
            results[number] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(number, call)) for number, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


def poster(shop, data: dict) -> Callable:
    client = Client(HTTP_HOST=shop.host, HTTP_ACCEPT="application/json")

    def post():
        answer = client.post("/join/", data)
        return answer.status_code, answer.content

    return post


def test_the_same_sign_up_twice_at_the_same_moment_is_one(real_shops, robin):
    acorn, birch = real_shops
    for connection_state in ("active", "paused"):
        acorn.connect(connection_state)
    elsewhere = birch.stored()
    for number in range(1, ROUNDS + 1):
        data = acorn.form(robin, signup_id=str(uuid.uuid4()))
        first, second = at_once(poster(acorn, data), poster(acorn, data))
        assert first == second == (201, b'{"receipt": "%s"}' % data["signup_id"].encode())
        # One sign-up of two consents, waiting for two connections.
        assert acorn.stored()[:3] == (number, number * 2, number * 2)
    # Without an id, the same answers.
    data = acorn.form({**robin, "first_name": "No script"})
    first, second = at_once(poster(acorn, data), poster(acorn, data))
    assert first == second and first[0] == 201
    assert len(acorn.signups()) == ROUNDS + 1
    assert birch.stored() == elsewhere


def test_different_sign_ups_at_the_same_moment_do_not_mix(real_shops, robin):
    """Two ids in one shop are two, one id in two shops is one in each."""
    acorn, birch = real_shops
    acorn.connect()
    for number in range(1, ROUNDS // 2):
        sent = [acorn.form(robin, signup_id=str(uuid.uuid4())) for _ in range(2)]
        answers = at_once(*(poster(acorn, data) for data in sent))
        assert [status for status, _ in answers] == [201, 201]
        assert acorn.stored()[:3] == (number * 2, number * 4, number * 2)
    mine = {shop.schema: len(shop.signups()) for shop in real_shops}
    for number in range(1, ROUNDS // 2):
        one = str(uuid.uuid4())
        calls = [
            poster(shop, shop.form({**robin, "first_name": shop.retailer.name}, signup_id=one))
            for shop in real_shops
        ]
        assert [status for status, _ in at_once(*calls)] == [201, 201]
        for shop in real_shops:
            assert shop.signup(one).person == shop.retailer.name
            assert len(shop.signups()) == mine[shop.schema] + number


def test_two_publications_at_the_same_moment_take_two_numbers(real_shops):
    acorn, birch = real_shops
    untouched = birch.stored()

    def writer(label: str) -> Callable:
        def write():
            with tenant_context(acorn.retailer):
                page = SignupPage.objects.get(slug="join")
                page.headline = label
                return write_version(page, Brand.load()).number

        return write

    with tenant_context(acorn.retailer):
        latest = FormVersion.objects.order_by("-number").first().number
    for number in range(ROUNDS // 2):
        taken = at_once(writer(f"left {number}"), writer(f"right {number}"))
        assert sorted(taken) == [latest + 1, latest + 2], taken
        latest += 2
    assert birch.stored() == untouched


def test_a_page_published_while_it_is_first_read_is_not_kept_in_its_old_state(
    real_shops, monkeypatch
):
    """The answer is made before the publication, and would be kept after it."""
    from forms_app import presentation

    acorn, birch = real_shops
    show = presentation.form
    publish = [True]

    def slow(*args, **kwargs):
        answer = show(*args, **kwargs)
        if publish:
            publish.clear()
            at_once(lambda: acorn.publish(headline="The new one"))
        return answer

    acorn.publish(headline="The old one")
    monkeypatch.setattr(presentation, "form", slow)
    assert "The old one" in acorn.get().text
    assert "The new one" in acorn.get().text
    assert "The new one" not in birch.get().text


def test_what_a_retailer_publishes_in_the_editor_is_seen_at_the_next_get(real_shops):
    from django.urls import reverse

    from .editor import editor_form

    acorn, birch = real_shops
    page = acorn.page()
    before, theirs = acorn.get().text, birch.get().text
    form = editor_form(page, field("email", label="Your best e-mail", required=True))
    editor = acorn.staff("Editors")
    url = reverse("wagtailadmin_pages:edit", args=[page.pk])
    answer = editor.post(url, {**form, "action-publish": "1"})
    assert answer.status_code == 302, answer.content
    after = acorn.get().text
    assert "Your best e-mail" in after and after != before
    assert without_issue(birch.get().text) == without_issue(theirs)
    assert acorn.sign_up({"email": "robin@example.com"}).answers == {
        key("email"): "robin@example.com"
    }
