"""Onboarding at the same moment, and onboarding that is killed: one retailer, or none."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from tenants.models import Retailer
from tenants.provisioning import onboard

from .worlds import assert_absent, assert_complete, database_url, sql, until

ROOT = Path(__file__).parents[2]


def test_onboardings_at_the_same_moment_make_one_retailer_for_each_slug(committed_world):
    slugs = ["cedar", "cedar", "dogwood"]
    together = threading.Barrier(len(slugs), timeout=30)

    def one(slug):
        try:
            together.wait()
            return onboard(slug.title(), slug, f"owner@{slug}.test")
        finally:
            connection.close()

    with ThreadPoolExecutor(len(slugs)) as pool:
        first, second, other = pool.map(one, slugs)
    assert {first.created, second.created} == {False, True}
    assert first.retailer.pk == second.retailer.pk
    assert first.invitation and second.invitation
    assert other.created
    for slug in ("cedar", "dogwood"):
        retailer = assert_complete(slug, f"owner@{slug}.test")
        assert retailer.schema_name == f"r_{slug}"
    assert sql("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'r\\_%%'") == [(4,)]
    assert Retailer.objects.filter(slug__isnull=False).count() == 4


def command(slug: str) -> list[str]:
    return [
        *(sys.executable, str(ROOT / "manage.py"), "onboard_retailer"),
        *("--name", slug.title(), "--slug", slug, "--owner-email", f"owner@{slug}.test"),
    ]


def locks_of(slug: str) -> int:
    """How far the transaction has come: it locks every table and index that it makes."""
    return sql(
        "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE a.application_name = %s AND l.mode = 'AccessExclusiveLock'",
        slug,
    )[0][0]


@pytest.mark.live
def test_whoever_is_killed_while_onboarding_leaves_all_or_nothing(committed_world):
    # Killed when this many tables and indexes stand.
    moments = {"ash": 1, "beech": 150, "cedar": 300}
    environment = {**os.environ, "DATABASE_URL": database_url()}
    processes = {
        slug: subprocess.Popen(
            command(slug),
            env={**environment, "PGAPPNAME": slug},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for slug in moments
    }
    try:
        waiting = dict(moments)

        def kill_those_far_enough():
            for slug, tables in list(waiting.items()):
                if locks_of(slug) >= tables or processes[slug].poll() is not None:
                    processes[slug].kill()
                    del waiting[slug]
            return not waiting

        assert until(kill_those_far_enough, 120)
    finally:
        for process in processes.values():
            process.kill()
        statuses = {slug: process.wait() for slug, process in processes.items()}
    # The server notices a while later that nobody is there any more.
    assert until(
        lambda: not sql(
            "SELECT pid FROM pg_stat_activity WHERE application_name = ANY(%s)", list(moments)
        ),
        30,
    )
    there = set(Retailer.objects.filter(slug__in=list(moments)).values_list("slug", flat=True))
    for slug in moments:
        if slug in there:
            assert_complete(slug, f"owner@{slug}.test")
        else:
            assert_absent(slug)
    killed = {slug for slug, status in statuses.items() if status == -9}
    assert killed - there, "nobody was killed in the middle, so this showed nothing"
    assert there >= set(moments) - killed

    for slug in moments:
        call_command(
            *("onboard_retailer", "--name", slug.title(), "--slug", slug),
            *("--owner-email", f"owner@{slug}.test"),
            stdout=open(os.devnull, "w"),
        )
        assert_complete(slug, f"owner@{slug}.test")
    for slug in ("acorn", "birch"):
        assert_complete(slug, f"owner@{slug}.test")
