"""Who sees the CRM's admin: each retailer its own, each role its part, the console nothing."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django_tenants.utils import schema_context, tenant_context

from integrations.models import Connection

PAGES = ["", "{pk}/", "{pk}/mapping/", "{pk}/change/", "{pk}/switch-off/"]


def refused(answer) -> bool:
    """As Wagtail does it: back to where everybody may be, with a message."""
    return answer.status_code == 302 and answer["Location"] == "/admin/"


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk)


def test_a_retailers_connections_are_never_seen_on_anothers_host(retailers, visitor, connect):
    acorn, birch = retailers
    pk = connect(acorn, "The oak's CRM")
    assert "The oak's CRM" in visitor(acorn).read()
    stranger = visitor(birch)
    assert "No CRM is connected yet" in stranger.read()
    for page in PAGES[1:]:
        assert stranger.get(page.format(pk=pk)).status_code == 404
    for action in ("pause", "resume", "resend", "check", "switch-off", "change", "mapping"):
        assert stranger.post(f"{pk}/{action}/").status_code == 404
    assert stored(acorn, pk).state == "active"
    other = connect(birch, "The birch's CRM")
    for owner, own, others in ((acorn, pk, "birch's CRM"), (birch, other, "oak's CRM")):
        for page in PAGES:
            assert others not in visitor(owner).read(page.format(pk=own))


def test_a_session_of_one_retailer_opens_nothing_on_anothers_host(retailers, visitor, connect):
    acorn, birch = retailers
    connect(birch, "The birch's CRM")
    client = visitor(acorn).client
    answer = client.get("/admin/crm/", headers={"host": birch.host})
    assert answer.status_code == 302 and "/admin/login/" in answer["Location"]


def test_nobody_gets_in_without_logging_in(client, retailers, connect):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        for page in [*PAGES, "connect/", "connect/sandbox/"]:
            answer = client.get(f"/admin/crm/{page.format(pk=pk)}", HTTP_HOST=retailer.host)
            assert answer.status_code == 302 and "/admin/login/" in answer["Location"]


def test_the_owner_sees_the_menu_item_and_every_page(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        assert '"/admin/crm/"' in owner.client.get("/admin/").text
        for page in [*PAGES, "connect/", "connect/sandbox/", "connect/webhook/"]:
            assert owner.get(page.format(pk=pk)).status_code == 200


@pytest.mark.parametrize("group", ["Editors", "Viewers"])
def test_who_may_look_changes_nothing(retailers, visitor, connect, group):
    for retailer in retailers:
        pk, reader = connect(retailer, "Ours"), visitor(retailer, group)
        words = reader.read()
        assert "Ours" in words and "Connect a CRM" not in words
        page = reader.read(f"{pk}/")
        for words in ("Pause", "Check it now", "Switch off", "What goes where", "Address and key"):
            assert words not in page
        for path in ("mapping/", "change/", "switch-off/"):
            assert refused(reader.get(f"{pk}/{path}"))
        for path in ("connect/", "connect/sandbox/"):
            assert refused(reader.get(path))
        for path in ("pause", "resume", "resend", "check", "switch-off", "change", "mapping"):
            assert refused(reader.post(f"{pk}/{path}/"))
        assert stored(retailer, pk).state == "active"


def test_an_empty_list_tells_readers_who_can_connect(retailers, visitor):
    for retailer in retailers:
        assert "Once an owner has connected one" in visitor(retailer, "Viewers").read()
        assert "Connect your CRM: two minutes" in visitor(retailer).read()


def test_staff_without_any_permission_see_neither_menu_item_nor_list(retailers, visitor, connect):
    for retailer in retailers:
        connect(retailer, "Ours")
        outsider = visitor(retailer, "Viewers")
        with tenant_context(retailer):
            viewers = Group.objects.get(name="Viewers")
            viewers.permissions.remove(viewers.permissions.get(codename="view_connection"))
        assert '"/admin/crm/"' not in outsider.client.get("/admin/").text
        assert refused(outsider.get())


def test_the_console_has_no_crm(retailers, settings, connect):
    for retailer in retailers:
        connect(retailer, "Ours")
    client = Client(headers={"host": settings.OPERATOR_HOST})
    with schema_context("public"):
        operator = get_user_model().objects.create_superuser(email="operator@console.test")
        client.force_login(operator)
    assert '"/admin/crm/"' not in client.get("/admin/").text
    for page in [*PAGES, "connect/", "connect/sandbox/"]:
        assert client.get(f"/admin/crm/{page.format(pk=1)}").status_code == 404
    assert client.post("/admin/crm/1/pause/").status_code == 404


def test_every_post_needs_its_token(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.client.handler.enforce_csrf_checks = True
        for path in ("pause", "resume", "resend", "check", "switch-off", "change", "mapping"):
            assert owner.post(f"{pk}/{path}/").status_code == 403
        assert owner.post("connect/sandbox/").status_code == 403
        assert stored(retailer, pk).state == "active"


def test_nothing_is_done_by_looking_at_an_address(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        for action in ("pause", "resume", "resend", "check"):
            assert owner.get(f"{pk}/{action}/").status_code == 405
