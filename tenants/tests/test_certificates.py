"""A proxy may fetch certificates for the hosts that are served here, and for no other."""

import pytest
from django.db import connection

from tenants.models import Domain


def ask(client, domain: str, host: str = "127.0.0.1:8000") -> int:
    return client.get("/tls-ask", {"domain": domain}, HTTP_HOST=host).status_code


def test_every_address_of_every_retailer_may_have_a_certificate(client, retailers):
    for retailer in retailers:
        own = f"club.{retailer.slug}.example"
        Domain.objects.create(tenant=retailer, domain=own, is_primary=False)
        assert ask(client, retailer.subdomain) == 200
        assert ask(client, own) == 200
        assert ask(client, own.upper()) == 200


def test_the_platforms_own_hosts_may_have_a_certificate(client, retailers, settings):
    assert ask(client, settings.BASE_HOST) == 200
    assert ask(client, settings.OPERATOR_HOST) == 200


@pytest.mark.parametrize(
    "domain",
    [
        *("", "stranger.example", "nobody.shops.test", "acorn.shops.test.stranger.example"),
        *("localhost", "127.0.0.1", "bad host", "a\0b.example", "*.shops.test", "ü.example"),
        f"{'a' * 250}.example",
    ],
)
def test_any_other_name_may_not(client, retailers, domain):
    assert ask(client, domain) == 404


def test_the_template_of_new_retailers_may_not(client, retailers):
    from tenants.schemas import template_row

    Domain.objects.create(tenant=template_row(), domain="template.shops.test")
    assert ask(client, "template.shops.test") == 404


def test_a_domain_that_was_lost_loses_its_certificate_and_its_neighbour_keeps_one(
    client, retailers, django_capture_on_commit_callbacks
):
    acorn, birch = (
        Domain.objects.create(tenant=each, domain=f"{each.slug}.example", is_primary=False)
        for each in retailers
    )
    assert [ask(client, each.domain) for each in (acorn, birch)] == [200, 200]
    with django_capture_on_commit_callbacks(execute=True):
        acorn.delete()
    assert [ask(client, f"{each.slug}.example") for each in retailers] == [404, 200]


def test_it_answers_an_inner_address_without_https_and_leaves_no_schema(
    client, retailers, settings
):
    settings.SECURE_SSL_REDIRECT = True
    connection.set_schema("r_that_is_gone")
    for host in ("10.0.0.7:8000", "web", retailers[0].host):
        assert ask(client, retailers[1].subdomain, host) == 200
        assert connection.schema_name == "public"


def test_a_name_that_was_asked_for_before_needs_no_query(
    client, retailers, django_assert_num_queries
):
    hosts = [each.subdomain for each in retailers] + ["stranger.example"]
    for host in hosts:
        ask(client, host)
    with django_assert_num_queries(0):
        assert [ask(client, host) for host in hosts] == [200, 200, 404]
