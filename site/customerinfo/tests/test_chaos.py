"""The small version of bench/chaos.py: 600 sign-ups, 6 connections of three retailers."""

import urllib.parse

import pytest
from django.conf import settings

from customerinfo.demo.crm.tests.process import running
from tenants.models import Retailer
from tenants.provisioning import onboard

from .chaos import FAULTS, Chaos
from .services import ROOT

pytestmark = pytest.mark.live


def database_url() -> str:
    """The database that this test has for itself, for other processes."""
    link = settings.DATABASES["default"]
    query = urllib.parse.urlencode({"host": link["HOST"], "port": link["PORT"] or 5432})
    user, password = (urllib.parse.quote(link[name]) for name in ("USER", "PASSWORD"))
    return f"postgres://{user}{f':{password}' if password else ''}@/{link['NAME']}?{query}"


def test_each_sign_up_ends_as_one_right_contact_or_needs_attention_for_a_named_reason(
    committed_world, tmp_path
):
    retailers = list(Retailer.objects.filter(slug__in=("acorn", "birch")))
    retailers.append(onboard("Cedar", "cedar", "owner@cedar.test").retailer)
    accounts = [(one, f"key-{one.slug}-{number}") for one in retailers for number in (1, 2)]
    options = [word for _, key in accounts for word in ("--account", f"{key[4:]}={key}")]
    env = {
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "OUTBOUND_TIMEOUT": "1",
        "PYTHONPATH": f"{ROOT / 'site'}:{ROOT}",
    }
    with running(tmp_path / "crm", *options, "--rate", "off", "--latency", "0.05") as crm:
        figures = Chaos(crm, accounts, env, tmp_path).run(
            600, portions=10, kill_every=2, limit=120, say=print
        )
    print("\n".join(figures.lines()))
    assert figures.deliveries == 1200 and figures.unsettled == 0
    assert figures.unnamed == 0
    assert (figures.duplicates, figures.missing, figures.cleared, figures.wrong) == (0, 0, 0, 0)
    assert figures.children_killed + figures.workers_killed >= 2
    assert set(figures.faults) == {kind for kind, *_ in FAULTS}
    assert figures.states["delivered"] >= 1100 and figures.reasons["invalid_email"] >= 2
