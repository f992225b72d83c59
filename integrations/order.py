"""The later sign-up of a person wins, whichever of them arrives in the CRM first.

A delivery may be late: its first try failed, or somebody sent it again after weeks. Then a later
sign-up of the same person may be in the CRM already. The late one is sent as if both were delivered
now, one after the other: what the later one says stands, and what only the late one says is added.
That also mends what a call left behind that we gave up and the CRM carried out after all.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from .connectors.base import Record
from .mapping import combine, map_signup
from .models import Connection, Delivery
from .traces import places

log = logging.getLogger(__name__)

Moment = tuple[datetime, datetime, str]


def moment(signup: Any) -> Moment:
    """What orders the sign-ups of a person: when the button was pressed, not what came first."""
    return signup.submitted_at, signup.received_at, str(signup.pk)


def as_if_in_order(
    connection: Connection, deliveries: Mapping[str, Delivery], records: list[Record]
) -> list[Record]:
    """The records, each that is late combined with what was delivered after it.

    `deliveries` leads from a record's ref to its delivery. A webhook is a list of events, which
    carry their time: there each stays what it was.
    """
    if not records or not connection.connector_class.modes_apply:
        return records
    later = delivered_later(connection, [deliveries[record.ref] for record in records])
    if not later:
        return records
    rules = rules_of(connection)
    known = []
    for one in sorted(later, key=moment):
        try:
            known.append((moment(one), map_signup(one.as_data(), *rules)))
        except Exception as error:  # it is in the CRM already: no reason to hold up another one
            log.error("A delivered sign-up can't be mapped any more: %s", places(error))
    result = []
    for record in records:
        when = moment(deliveries[record.ref].signup)
        newer = [other for at, other in known if at > when and other.identity == record.identity]
        result.append(replace(combine([record, *newer]), ref=record.ref) if newer else record)
    return result


def rules_of(connection: Connection) -> tuple[Any, ...]:
    """What map_signup takes beside a sign-up. Raises MappingError."""
    return connection.rows, connection.described, connection.consent_rows


def delivered_later(connection: Connection, deliveries: Iterable[Delivery]) -> list[Any]:
    """Sign-ups that reached this connection before one of these did, and were made after it, of
    whoever has the same e-mail or phone."""
    deliveries = list(deliveries)
    oldest = min(delivery.signup.submitted_at for delivery in deliveries)
    model = Delivery._meta.get_field("signup").related_model
    found = model.objects.filter(
        deliveries__connection=connection,
        deliveries__state=Delivery.State.DELIVERED,
        submitted_at__gte=oldest,
    )
    people = [delivery.signup for delivery in deliveries]
    emails = {one.email for one in people if one.email}
    mobiles = {one.mobile for one in people if one.mobile and not one.email}
    ids: set[Any] = set()
    if emails:
        ids |= set(found.filter(email__in=emails).values_list("pk", flat=True))
    if mobiles:
        ids |= set(found.filter(mobile__in=mobiles).values_list("pk", flat=True))
    ids -= {one.pk for one in people}
    if not ids:
        return []
    whole = model.objects.filter(pk__in=ids)
    return list(whole.select_related("form_version", "store").prefetch_related("consents"))
