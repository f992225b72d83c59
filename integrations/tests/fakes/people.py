"""Records as the delivery hands them over, in a line each, for the tests of the connectors."""

import threading
from datetime import datetime, timezone
from typing import Any, Callable, Sequence

from integrations.connectors.base import (
    Connector,
    ConsentTargetChoice,
    Identity,
    MappedValue,
    Outcome,
    Record,
)

WHEN = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)
ANN = Identity("email", "ann@example.com")


def record(
    ref: str = "s-1", identity: Identity = ANN, *, mode: str = "overwrite", **values: Any
) -> Record:
    """One sign-up; `values` are attributes of the CRM, but for what a Record has itself. A name
    with a dot is written with two underscores."""
    own = ("is_test", "remote_id", "consent_targets", "submitted_at")
    more = {name: values.pop(name) for name in own if name in values}
    mapped = {n.replace("__", "."): MappedValue(v, mode) for n, v in values.items()}
    return Record(ref=ref, identity=identity, values=mapped, **{"submitted_at": WHEN, **more})


def person(number: int) -> Identity:
    return Identity("email", f"person-{number}@example.com")


def consent(target: str, *, double: bool = False, basis: str = "") -> ConsentTargetChoice:
    return ConsentTargetChoice(
        target=target,
        wording="Yes, send me news.",
        recorded_at=WHEN,
        legal_basis=basis,
        double_opt_in=double,
    )


def at_once(connect: Callable[[], Connector], records: Sequence[Record]) -> dict[str, Outcome]:
    """Each record by a connector of its own, all in the same moment."""
    start, outcomes = threading.Barrier(len(records)), {}

    def deliver(one: Record) -> None:
        connector = connect()
        start.wait(10)
        outcomes.update(connector.upsert([one]))

    threads = [threading.Thread(target=deliver, args=[one]) for one in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes
