"""10,000 sign-ups over 20 connections of ten retailers, while everything goes wrong.

Prints the figures; fails if a sign-up is lost, if a CRM holds a duplicate or a cleared field, or if
something needs attention without a reason.
"""

import shutil
from collections.abc import Callable

from bench.rounds import Line
from bench.world import World

SIGN_UPS = 10_000
RETAILERS = 10
CONNECTIONS = 2  # each
LIMIT = 1800.0  # seconds


def chaos(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    from django.conf import settings

    from customerinfo.demo.crm.tests.process import running
    from customerinfo.tests.chaos import Chaos
    from tenants.provisioning import onboard

    folder = world.folder / "chaos"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"{RETAILERS} retailers with {CONNECTIONS} connections each …")
    retailers = [
        onboard(f"Chaos {n}", f"chaos-{n}", f"owner@chaos-{n}.test").retailer
        for n in range(RETAILERS)
    ]
    accounts = [(one, f"key-{one.slug}-{n}") for one in retailers for n in range(CONNECTIONS)]
    options = [word for _, key in accounts for word in ("--account", f"{key[4:]}={key}")]
    env = {**world.web_env(), "DEMO": "1", "OUTBOUND_TIMEOUT": "1", "REDIS_URL": settings.REDIS_URL}
    with running(folder / "crm", *options, "--rate", "off", "--latency", "0.03") as crm:
        figures = Chaos(crm, accounts, env, folder).run(
            SIGN_UPS, portions=100, kill_every=3, limit=LIMIT, say=say
        )
    for line in figures.lines():
        say(line)
    for name in ("unsettled", "unnamed", "duplicates", "missing", "cleared", "wrong"):
        if number := getattr(figures, name):
            fail(f"chaos: {number} {name}")
    return []
