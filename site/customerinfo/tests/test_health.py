"""Probes are answered on any host, and say the truth about the database."""

from wsgiref.util import setup_testing_defaults

import pytest
from django.db import connection

from customerinfo.tests.databases import execute

HOSTS = ["10.1.2.3:8000", "acorn.shops.test", "birch.shops.test", "nobody.example", "bad host"]


@pytest.fixture
def database_away(django_db_blocker):
    """The server's address is one where nobody listens."""
    with django_db_blocker.unblock():
        connection.close()
        port = connection.settings_dict["PORT"]
        connection.settings_dict["PORT"] = "1"
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["PORT"] = port


@pytest.mark.parametrize("host", HOSTS)
def test_a_process_that_answers_is_healthy_on_any_host_without_the_database(client, host):
    # Without the `db` fixture, any query would fail.
    answer = client.get("/healthz", HTTP_HOST=host)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("host", HOSTS)
def test_a_process_with_its_database_is_ready_on_any_host(client, retailers, host):
    answer = client.get("/readyz", HTTP_HOST=host)
    assert (answer.status_code, answer.text) == (200, "ok")


def test_without_the_database_it_is_healthy_but_not_ready(client, database_away):
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "database")


def test_it_is_ready_whatever_schema_was_left_behind(client, retailers):
    connection.set_schema("r_that_is_gone")
    assert client.get("/readyz").status_code == 200
    assert connection.schema_name == "public"


def test_it_is_ready_again_after_the_server_has_ended_its_connections(
    django_db_setup, django_db_blocker
):
    from customerinfo.wsgi import application

    def ask() -> str:
        environ = {"PATH_INFO": "/readyz"}
        setup_testing_defaults(environ)
        statuses = []
        answer = application(environ, lambda status, headers: statuses.append(status))
        answer.close()
        return statuses[0]

    with django_db_blocker.unblock():
        assert ask() == "200 OK"
        name = connection.settings_dict["NAME"]
        execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        assert "200 OK" in (ask(), ask())
        connection.close()


def test_probes_come_before_everything_that_could_refuse_them(settings, client):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["customerinfo.example"]
    assert client.get("/healthz", HTTP_HOST="10.1.2.3").status_code == 200
