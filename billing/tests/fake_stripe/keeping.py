"""The state in a file, so that the demo's Stripe still knows everybody after a restart."""

import itertools
import json
from pathlib import Path

from . import shapes
from .hosted import Hosted


def keep(store: Hosted, file: Path) -> None:
    """Never half a file."""
    state = {
        "now": shapes.now(),
        "next": next(store.numbers),
        "objects": store.objects,
        "reports": store.reports,
        "cards": store.cards,
        "pending": store.pending,
    }
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(state))
    unfinished.rename(file)


def kept(file: Path) -> Hosted:
    state = json.loads(file.read_text())
    store = Hosted()
    store.numbers = itertools.count(state["next"])
    store.objects = {kind: {} for kind in store.objects} | state["objects"]
    store.reports, store.cards = state["reports"], state["cards"]
    store.pending = state["pending"]
    shapes.set_clock(max(state["now"], shapes.now()))
    return store
