"""A large backlog goes to the end of the queue, again and again."""

import uuid

from django_tenants.utils import tenant_context

from integrations import delivery, tasks
from integrations.models import Delivery


def test_a_backlog_lets_others_in_between_and_is_finished_all_the_same(
    retailers, connected, sign_up, monkeypatch
):
    """One worker with one slot: Birch's one sign-up waits for one of Acorn's turns at most."""
    acorn, birch = retailers
    connections = {retailer: connected(retailer) for retailer in retailers}
    for _ in range(120):
        sign_up(acorn, f"{uuid.uuid4().hex}@example.com")
    sign_up(birch, f"{uuid.uuid4().hex}@example.com")
    queue = [(acorn.schema_name, connections[acorn].pk), (birch.schema_name, connections[birch].pk)]
    monkeypatch.setattr(
        "integrations.doorbell.ring",
        lambda schema, ids: queue.extend((schema, one) for one in ids),
    )
    ends = iter(range(1000))
    # Each look at the clock is a second: a turn is two batches long.
    monkeypatch.setattr(delivery.time, "monotonic", lambda: float(next(ends)))
    turns = []
    while queue:
        schema, connection_id = queue.pop(0)
        turns.append(schema)
        tasks.drain_connection(schema=schema, connection_id=connection_id)
    assert turns.index(birch.schema_name) == 1 and turns.count(acorn.schema_name) > 1
    for retailer in retailers:
        with tenant_context(retailer):
            assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
