"""Events doubled eight times in parallel, reversed, 72 hours late, dropped, or while Stripe is in
trouble: the mirror and the state are Stripe's in the end. HISTORIES=500 plays as many.
"""

import os
from collections import Counter
from dataclasses import replace

import pytest
import time_machine

from billing import plan_sync, plans, stripe_api
from billing.tests import histories

COUNT = int(os.environ.get("HISTORIES", "25"))
FIRST = int(os.environ.get("FIRST_HISTORY", "0"))  # to play one again


@pytest.mark.usefixtures("committed_world")
def test_whatever_happens_on_the_way_we_end_with_what_stripe_has(fake_stripe, capsys):
    catalogue = plans.load()
    catalogue = replace(catalogue, plans=catalogue.plans[:1])
    slim = replace(
        catalogue.plans[0],
        prices=tuple(p for p in catalogue.plans[0].prices if p.lookup_key in histories.KEYS),
    )
    catalogue = replace(catalogue, plans=(slim,))

    def sell() -> None:
        client = stripe_api.client()
        for change in plan_sync.changes(catalogue, plan_sync.look(client, catalogue)):
            change.make(client)

    told = []
    with time_machine.travel(histories.BEGIN, tick=True) as traveller:
        for seed in range(FIRST, FIRST + COUNT):
            told.append(histories.play(fake_stripe, traveller, sell, seed))
    endings = Counter(state for each in told for state in each.ending)
    assert len(told) == COUNT and (COUNT < 25 or len(endings) >= 4), endings  # they do differ
    with capsys.disabled():
        events = sum(each.events for each in told)
        print(f"\n{COUNT} histories, {events} events, no divergence; {dict(endings)}")
