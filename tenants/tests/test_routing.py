"""A host leads to its own retailer and to nobody else's."""

import pytest
from django.core.cache import cache
from django.db import connection

from tenants.models import Domain


def test_each_host_shows_its_own_retailer(client, retailers):
    for retailer in retailers:
        answer = client.get("/join/", HTTP_HOST=retailer.host)
        assert answer.status_code == 200
        assert retailer.name in answer.text
        others = {other.name for other in retailers} - {retailer.name}
        assert not any(name in answer.text for name in others)


def test_an_unknown_host_gets_a_404_that_names_nobody(client, retailers):
    answer = client.get("/join/", HTTP_HOST="nobody.shops.test")
    assert answer.status_code == 404
    assert answer.text == "There is nothing here."


@pytest.mark.parametrize("host", ["", "bad host", "a..b", "retailer_template_schema.shops.test"])
def test_a_malformed_host_gets_a_404(client, retailers, host):
    assert client.get("/", HTTP_HOST=host).status_code == 404


def test_a_forwarded_host_is_not_believed(client, retailers):
    acorn, birch = retailers
    answer = client.get("/join/", HTTP_HOST=acorn.host, HTTP_X_FORWARDED_HOST=birch.host)
    assert "Acorn" in answer.text and "Birch" not in answer.text


def test_a_warm_look_up_of_a_host_needs_no_query(client, retailers, django_assert_num_queries):
    for retailer in retailers:
        client.get("/join/", HTTP_HOST=retailer.host)
    with django_assert_num_queries(0):
        for retailer in retailers:
            assert retailer.name in client.get("/join/", HTTP_HOST=retailer.host).text


def test_a_new_domain_is_found_although_its_absence_was_cached(
    client, retailers, django_capture_on_commit_callbacks
):
    acorn, birch = retailers
    assert client.get("/join/", HTTP_HOST="birch.example").status_code == 404
    with django_capture_on_commit_callbacks(execute=True):
        Domain.objects.create(tenant=birch, domain="birch.example", is_primary=False)
    assert "Birch" in client.get("/join/", HTTP_HOST="birch.example").text


def test_a_renamed_retailer_is_seen_at_once(client, retailers, django_capture_on_commit_callbacks):
    acorn, birch = retailers
    client.get("/join/", HTTP_HOST=acorn.host)
    with django_capture_on_commit_callbacks(execute=True):
        acorn.schema_problem = "Tables are missing: forms_app_signup."
        acorn.save()
    assert client.get("/join/", HTTP_HOST=acorn.host).status_code == 503
    assert client.get("/join/", HTTP_HOST=birch.host).status_code == 200


def test_the_template_of_new_retailers_has_no_address(client, retailers):
    from tenants.schemas import template_row

    Domain.objects.create(tenant=template_row(), domain="template.shops.test")
    assert client.get("/", HTTP_HOST="template.shops.test").status_code == 404


def test_the_connection_is_in_the_public_schema_after_every_request(client, retailers):
    client.get("/join/", HTTP_HOST=retailers[0].host)
    assert connection.schema_name == "public"


def test_cached_values_are_apart(retailers):
    from django_tenants.utils import tenant_context

    for retailer in retailers:
        with tenant_context(retailer):
            assert cache.get("word") is None
            cache.set("word", retailer.name)
    for retailer in retailers:
        with tenant_context(retailer):
            assert cache.get("word") == retailer.name


def test_a_deleted_retailer_is_gone_at_once(client, retailers, django_capture_on_commit_callbacks):
    acorn, birch = retailers
    for retailer in retailers:
        assert client.get("/join/", HTTP_HOST=retailer.host).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        acorn.delete()
    assert client.get("/join/", HTTP_HOST=acorn.host).status_code == 404
    assert client.get("/join/", HTTP_HOST=birch.host).status_code == 200
