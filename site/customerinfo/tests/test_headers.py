"""What every answer tells the browser; that browsers live with it, test_policy_in_browser shows."""

import pytest
from django.core.exceptions import DisallowedRedirect
from django.test import Client
from django.urls import reverse
from django_tenants.utils import tenant_context

from customerinfo.tests.inline import inline
from forms_app.models import SignupPage
from forms_app.tests.editor import editor_form
from forms_app.tests.shop import Shop
from integrations import leaving
from tenants.tests.people import superuser

CONSOLE = "console.shops.test"


@pytest.fixture
def shops(retailers) -> tuple[Shop, Shop]:
    return tuple(Shop(retailer) for retailer in retailers)


def policy_of(answer) -> dict[str, list[str]]:
    """Directive → sources."""
    parts = answer["Content-Security-Policy"].split("; ")
    return {name: sources for name, *sources in map(str.split, parts)}


def answers(shops):
    """Of every kind, from every place that makes one: (what it is, the answer)."""
    for shop in shops:
        staff = shop.staff()
        for path in ("/join/", "/join/thanks/", "/nowhere/", "/app/", "/sw.js", "/brand/x.css"):
            yield path, shop.get(path)
            yield f"{path} once more", shop.get(path)
        yield "a file that isn't there", shop.get("/media/none.png")
        yield "a form that is refused", shop.client.post("/join/", {"a": "b"})
        yield "a way that isn't known", shop.client.put("/join/")
        yield "a log-in", shop.get("/admin/login/")
        yield "a way to the log-in", shop.get("/admin/")
        yield "the admin", staff.get("/admin/")
        yield "nothing in the admin", staff.get("/admin/nowhere/")
        yield "a form without its token", forged(shop)
    for host in ("shops.test", CONSOLE, "stranger.example"):
        visitor = Client(headers={"host": host}, raise_request_exception=False)
        for path in ("/", "/nowhere/", "/pricing/", "/start/", "/admin/login/", "/healthz"):
            yield f"{host}{path}", visitor.get(path)


def forged(shop):
    visitor = Client(headers={"host": shop.host}, enforce_csrf_checks=True)
    return visitor.post("/admin/login/", {"login": "a@b.test"})


def test_every_answer_has_a_policy_without_anything_inline_or_from_elsewhere(shops):
    statuses = set()
    for what, answer in answers(shops):
        statuses.add(answer.status_code)
        policy = policy_of(answer)
        assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == ["'self'"]
        assert policy["frame-ancestors"] == ["'none'"], what
        assert {source for sources in policy.values() for source in sources} <= {
            *("'self'", "'none'", "data:", "blob:")
        }, what
        is_admin = any(word in what for word in ("admin", "log-in", "token"))
        assert (policy["img-src"] == ["'self'"]) is not is_admin, what
        assert answer["X-Frame-Options"] == "DENY", what
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin", what
        assert "camera=()" in answer["Permissions-Policy"], what
        assert inline(answer.text) == [], what
        assert "Access-Control-Allow-Origin" not in answer, what
    assert {200, 302, 403, 404, 405, 409} <= statuses


def test_only_the_editor_of_rich_text_may_write_styles_and_no_script(retailers):
    operator = superuser("public", CONSOLE)
    page = operator.get("/admin/settings/tenants/landingpage/", follow=True)
    assert page.status_code == 200
    policy = policy_of(page)
    assert policy["style-src-elem"] == ["'self'", "'unsafe-inline'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert "style-src-elem" not in policy_of(operator.get("/admin/"))


def test_a_mishap_of_ours_has_the_same_policy(shops, monkeypatch):
    def fail(*args):
        raise RuntimeError("on purpose")

    monkeypatch.setattr("forms_app.views.page_cache.answer", fail)
    for shop in shops:
        shop.client.raise_request_exception = False
        answer = shop.get("/join/")
        assert answer.status_code == 500 and policy_of(answer)["script-src"] == ["'self'"]


def test_only_a_preview_may_be_framed_and_by_its_own_host_only(shops):
    for shop in shops:
        page, staff = shop.page(), shop.staff()
        address = reverse("wagtailadmin_pages:preview_on_edit", args=[page.pk])
        with tenant_context(shop.retailer):
            form = editor_form(SignupPage.objects.get(pk=page.pk))
        assert staff.post(address, form).json()["is_valid"]
        shown = staff.get(address, {"mode": ""})
        assert shown.status_code == 200 and "data-preview" in shown.text
        assert policy_of(shown)["frame-ancestors"] == ["'self'"]
        assert shown["X-Frame-Options"] == "SAMEORIGIN"
        # Who could frame the editor itself could have somebody press its buttons.
        assert policy_of(staff.get(f"/admin/pages/{page.pk}/edit/"))["frame-ancestors"] == [
            "'none'"
        ]


def test_a_mail_on_the_console_runs_nothing_and_is_framed_by_the_console_only(retailers):
    operator = superuser("public", CONSOLE)
    mail = operator.get("/admin/mails/invitation/")
    policy = policy_of(mail)
    assert policy["default-src"] == ["'none'"] and "script-src" not in policy
    assert "sandbox" in policy and policy["frame-ancestors"] == ["'self'"]
    assert policy_of(operator.get("/admin/mails/"))["frame-src"] == ["'self'"]


def test_a_form_that_leads_to_another_host_goes_by_a_page_of_ours(retailers):
    operator = superuser("public", CONSOLE)
    for retailer in retailers:
        told = {"why": "birthdays", "minutes": "30"}
        answer = operator.post(f"/admin/retailers/{retailer.pk}/open/", told)
        assert answer.status_code == 200 and policy_of(answer)["form-action"] == ["'self'"]
        assert answer.url.startswith(f"http://{retailer.host}/admin/support/")
        assert answer["Refresh"] == f"0; url={answer.url}"
        assert f'href="{answer.url}"' in answer.text and not inline(answer.text)


def test_no_form_leads_to_what_is_no_web_address(rf):
    for bad in ("javascript:alert(1)", "data:text/html,x"):
        with pytest.raises(DisallowedRedirect):
            leaving.leave(rf.post("/"), bad)


@pytest.mark.parametrize(
    "text",
    [
        "<p onclick='go()'>x</p>",
        "<script>go()</script>",
        '<script type="module">go()</script>',
        "<style>p {}</style>",
        '<p style="color: red">x</p>',
        '<a href="javascript:go()">x</a>',
        '{"html": "<script>go()</script>"}',
    ],
)
def test_the_walk_over_all_addresses_finds_what_a_browser_refuses(text):
    assert len(inline(text)) == 1
    assert inline('<script src="/x.js"></script><script type="application/json">{}</script>') == []
