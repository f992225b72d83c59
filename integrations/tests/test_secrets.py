"""Canaries: secrets of every kind are planted, then looked for wherever text ends up."""

import io
import logging

import pytest
from django.core import mail as outgoing, serializers
from django.core.management import call_command
from django.db import connection as database
from django_tenants.utils import tenant_context
from prometheus_client.exposition import generate_latest

from customerinfo import metrics
from integrations import mail
from integrations.admin.probe import probe
from integrations.connectors.base import (
    ConnectorError,
    CredentialsRefused,
    NeedsAttention,
    RetryLater,
)
from integrations.connectors.sandbox import SandboxConnector
from integrations.delivery import drain
from integrations.http import Http
from integrations.models import Attempt, Connection, Delivery
from integrations.tests.conftest import sign_up

CANARY = "canary-5ecret-Key!"
PERSON = ("canary.shopper@example.com", "Canarina", "+31687654321")
PLACES = (
    *("Invalid key {s} for {e}", "Contact {e} ({n}, {m}) exists, {s}", "{s}"),
    *("Authorization: Bearer {s}", "phone {m} is {n}'s"),
)


class Babbling(SandboxConnector):
    """A CRM that repeats the key and the person in everything it says."""

    says, ends = "", "retry"

    def check(self):
        raise CredentialsRefused("invalid", self.words())

    def words(self):
        email, name, mobile = PERSON
        return self.says.format(s=self.config["api_key"], e=email, n=name, m=mobile)

    def upsert(self, records):
        if self.ends == "defect":
            raise KeyError(self.words())
        if self.ends == "refused":
            raise CredentialsRefused("invalid", self.words())
        kind = NeedsAttention if self.ends == "attention" else RetryLater
        return {record.ref: kind("said", self.words()) for record in records}


@pytest.fixture
def babbling(monkeypatch):
    from integrations import connectors

    monkeypatch.setitem(connectors.CONNECTORS, "sandbox", f"{__name__}.Babbling")
    return Babbling


def everything_stored(retailer) -> str:
    """Every row of every table of the schema, as PostgreSQL prints it."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s", [retailer.schema_name]
        )
        tables = [name for (name,) in cursor.fetchall()]
        text = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{retailer.schema_name}"."{table}" t')
            text += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return "\n".join(text)


def planted(retailer, connect):
    pk = connect(retailer, "Ours")
    sign_up(retailer, PERSON[0], first_name=PERSON[1])
    with tenant_context(retailer):
        Connection.objects.filter(pk=pk).update(secrets={"api_key": CANARY})
    return pk


@pytest.mark.parametrize("ends", ["retry", "attention", "refused", "defect"])
@pytest.mark.parametrize("says", PLACES)
def test_no_secret_and_no_shopper_in_what_a_delivery_leaves_behind(
    ends, says, retailers, connect, babbling, monkeypatch, caplog, visitor
):
    monkeypatch.setattr(babbling, "says", says)
    monkeypatch.setattr(babbling, "ends", ends)
    caplog.set_level(logging.DEBUG)
    for retailer in retailers:
        pk = planted(retailer, connect)
        with tenant_context(retailer):
            drain(pk, Http(allow_private=True))
            told = [
                *Delivery.objects.values_list("error", "error_code"),
                *Attempt.objects.values_list("message", "code", "request", "response"),
                *Connection.objects.values_list("state_reason", "paused_by"),
            ]
            assert Attempt.objects.exists()
        for canary in (CANARY, *PERSON):
            assert canary not in str(told), canary
            assert canary not in caplog.text, canary
        assert CANARY not in everything_stored(retailer)
        owner = visitor(retailer)
        with tenant_context(retailer):
            mail.send_due()
        for path in ("", f"{pk}/", f"{pk}/log/", f"{pk}/change/", f"{pk}/mapping/"):
            assert CANARY not in owner.get(path).text, path
        for path in (f"{pk}/check/", f"{pk}/resume/"):
            assert CANARY not in owner.post(path, follow=True).text, path
        assert CANARY not in owner.client.get("/admin/reports/site-history/").text
        assert not any(CANARY in one.body + str(one.alternatives) for one in outgoing.outbox)


def test_no_secret_in_errors_exports_metrics_or_by_default_in_a_representation(
    retailers, connect, babbling, monkeypatch
):
    monkeypatch.setattr(babbling, "says", "no: {s}")
    for retailer in retailers:
        pk = planted(retailer, connect)
        with tenant_context(retailer):
            connection = Connection.objects.get(pk=pk)
            texts = [repr(connection), str(connection), serializers.serialize("json", [connection])]
            out = io.StringIO()
            call_command("dumpdata", "integrations", stdout=out)
            texts.append(out.getvalue())
            with pytest.raises(ConnectorError):
                probe("sandbox", {**connection.config, **connection.secrets})
        texts.append(generate_latest(metrics.fleet()).decode())
        assert not any(CANARY in text for text in texts)
