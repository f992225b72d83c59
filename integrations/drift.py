"""What a CRM has changed since its mapping was saved: found at night, before a shopper finds it.

A finding is {"code", "attribute", "label", "text"}:

    gone      a row goes to an attribute that is no longer there
    renamed   the same, and there is a new one of the same label
    type      it holds something else now
    options   options that can be sent to it are no longer there
    locked    it can no longer be written
    required  nothing fills it, and the CRM now refuses every contact without
    list      a list that a consent leads to is no longer there

Nothing stops because of one: rows go on as they were saved, so what can't arrive needs attention
with the CRM's own words, and nothing is dropped in silence. `Connection.attributes` stays what the
mapping was saved against, as long as there is a finding.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from zlib import crc32

from django.db import connection as database, transaction
from django.utils import timezone

from . import circuit, doorbell, mail, pauses, tokens
from .admin import states
from .attribute_values import fits, plain
from .connectors.base import Attribute, Connector, ConnectorError, ConsentTarget
from .consent_rows import ConsentRow
from .http import Http
from .mapping import MappingError, MappingRow, unmapped_required
from .models import Connection
from .sources import our_fields
from .traces import places

log = logging.getLogger(__name__)

Finding = dict[str, str]
NIGHT = 6  # hours from midnight, UTC, over which the retailers are spread
AGAIN_AFTER = timedelta(hours=20)
# Text is text, however much of it.
_SAME = {"text": "string"}

mail.declare(
    "crm_changed",
    "A CRM has changed",
    connection="HubSpot",
    connection_id=1,
    findings=["“Birthday” is no longer there.", "“Shop” is required now, and nothing fills it."],
)


def findings(
    rows: Iterable[MappingRow],
    types: Mapping[str, str],
    before: Iterable[Attribute],
    now: Sequence[Attribute],
) -> list[Finding]:
    """`types` leads from our sources to the type of their values; `before` is what the CRM said
    when the mapping was saved. Empty for a CRM that takes attributes of any name."""
    rows = tuple(rows)
    earlier = {attribute.name: attribute for attribute in before}
    today = {attribute.name: attribute for attribute in now}
    found: dict[tuple[str, str], Finding] = {}

    def add(code: str, attribute: Attribute, text: str) -> None:
        finding = {"code": code, "attribute": attribute.name, "label": attribute.label}
        found.setdefault((code, attribute.name), {**finding, "text": text})

    for row in rows:
        old = earlier.get(row.attribute) or Attribute(row.attribute, row.attribute, "")
        new = today.get(row.attribute)
        if new is None:
            other = _new_name(old, earlier, today)
            if other is not None:
                add("renamed", old, f"“{old.label}” is there under a new name, {other.name}.")
            else:
                add("gone", old, f"“{old.label}” is no longer there.")
            continue
        if old.writable and not new.writable:
            add("locked", new, f"“{new.label}” can no longer be written.")
        refused = fits(types.get(row.source, "text" if not row.source else ""), new)
        if _kind(old) != _kind(new) and old.type:
            add("type", new, f"“{new.label}” holds something else now. {refused}".strip())
        elif refused and new.writable:
            add("type", new, f"“{new.label}” can't take what is sent there. {refused}")
        lost = _lost_options(row, old, new)
        if lost:
            add("options", new, f"“{new.label}” no longer knows {', '.join(lost)}.")
    for attribute in unmapped_required(rows, now):
        if not (attribute.name in earlier and earlier[attribute.name].required):
            add(
                "required", attribute, f"“{attribute.label}” is required now, and nothing fills it."
            )
    return list(found.values())


def _kind(attribute: Attribute) -> str:
    return _SAME.get(attribute.type, attribute.type)


def _new_name(
    old: Attribute, earlier: Mapping[str, Attribute], today: Mapping[str, Attribute]
) -> Attribute | None:
    same = [a for a in today.values() if plain(a.label) == plain(old.label)]
    return next((a for a in same if a.name not in earlier and _kind(a) == _kind(old)), None)


def _lost_options(row: MappingRow, old: Attribute, new: Attribute) -> list[str]:
    """Labels of the options that went; of those that the row's table names, if it has one."""
    if not new.options:
        return []
    left = {value for value, _ in new.options} | {plain(label) for _, label in new.options}
    lost = [(v, label) for v, label in old.options if v not in left and plain(label) not in left]
    if row.transform is not None and row.transform.kind == "options":
        named = {plain(theirs) for _, theirs in row.transform.table}
        lost = [(v, label) for v, label in lost if {plain(v), plain(label)} & named]
    return [label for _, label in lost]


def lost_lists(rows: Iterable[ConsentRow], now: Iterable[ConsentTarget]) -> list[Finding]:
    there = {target.id for target in now}
    lost = dict.fromkeys(row.target for row in rows if row.target not in there)
    text = "A list that a consent leads to is no longer there ({})."
    return [{"code": "list", "attribute": id, "label": id, "text": text.format(id)} for id in lost]


def source_types() -> dict[str, str]:
    return {source.key: source.type for source in our_fields()}


def look(connection: Connection, http: Http) -> list[Finding]:
    """Ask the CRM, and write down what it changed; its owners are told of what is new.

    Raises ConnectorError, and MappingError where the mapping can't be read. No transaction may
    be open.
    """
    rows, consents = connection.rows, connection.consent_rows
    config = {**connection.config, **tokens.fresh(connection, http)}
    connector = connection.connector_class(config, http)
    if states.refused(connection):
        connector.check()  # describe() may need fewer rights than a delivery, or ask nothing
    now = connector.describe()
    found = []
    if not connector.any_attribute:
        found = findings(rows, source_types(), connection.described, now)
    if consents and type(connector).consent_targets is not Connector.consent_targets:
        found += lost_lists(consents, connector.consent_targets())
    _write(connection, found, now)
    return found


def _write(connection: Connection, found: list[Finding], now: Sequence[Attribute]) -> None:
    moment = timezone.now()
    with transaction.atomic():
        stored = Connection.objects.select_for_update().get(pk=connection.pk)
        if (stored.mapping, stored.consents) != (connection.mapping, connection.consents):
            return  # saved while we were asking: the next night looks at that
        known = {(one["code"], one["attribute"]) for one in stored.drift}
        new = [one for one in found if (one["code"], one["attribute"]) not in known]
        stored.drift, stored.looked_at = found, moment
        if not found:
            # Nothing that matters: new attributes and labels are there for the next mapping.
            stored.attributes = [asdict(attribute) for attribute in now]
        stored.save(update_fields=["drift", "looked_at", "attributes"])
        if new:
            mail.mail_owners(
                "crm_changed",
                {
                    "connection": stored.name,
                    "connection_id": stored.pk,
                    "findings": [one["text"] for one in new],
                },
                once=f"connection:{stored.pk}:drift:{moment.isoformat()}",
            )


def look_at_all(http: Http) -> int:
    """Every connection of this retailer whose turn it is; how many answered.

    What the CRM had stopped goes on where it lets us in again; else its owners are reminded.
    Called each hour of the night. A retailer's turn is an hour of its own and all after it, so a
    CRM that doesn't answer is asked again within the night.
    """
    now = timezone.now()
    if now.hour < first_hour(database.schema_name):
        return 0
    looked = 0
    due = Connection.objects.exclude(state=Connection.State.OFF)
    for connection in due:
        if not _is_due(connection, now):
            continue
        try:
            look(connection, http)
            looked += 1
            if states.refused(connection):  # then, so check() has been asked
                states.let_in_again(connection)
            elif connection.state == Connection.State.ACTIVE and circuit.revive(connection):
                doorbell.ring(database.schema_name, [connection.pk])
        except (ConnectorError, MappingError) as error:
            # The delivery meets the same trouble, and says so where it can be mended.
            log.info("Connection %s couldn't be looked at: %s", connection.pk, type(error).__name__)
            connection.refresh_from_db(fields=["state", "state_reason", "paused_by"])
            if states.stopped_by_the_crm(connection):
                pauses.remind(connection)
        except Exception as error:
            # A defect in one connector must not stop the look at the others, nor hide.
            log.error("The look at a %s failed: %s", connection.kind, places(error))
    return looked


def _is_due(connection: Connection, now: datetime) -> bool:
    return connection.looked_at is None or connection.looked_at < now - AGAIN_AFTER


def first_hour(schema: str) -> int:
    """The hour of the night (UTC) at which this retailer's turn begins."""
    return crc32(schema.encode()) % NIGHT


def take_over(connection: Connection, now: Sequence[Attribute]) -> None:
    """`now` is what the CRM knows from here on: somebody looks at it, or it is another account.
    What doesn't go with the mapping any more stays a finding until it is mended. Saves nothing."""
    try:
        rows = connection.rows if not connection.connector_class.any_attribute else ()
    except MappingError:
        rows = ()  # the delivery has paused the connection and says why
    connection.drift = findings(rows, source_types(), connection.described, now) if rows else []
    connection.attributes = [asdict(attribute) for attribute in now]


def after_saving(connection: Connection) -> list[Finding]:
    """What still holds once the mapping is saved against the attributes as they are known."""
    if connection.connector_class.any_attribute:
        return []
    known = connection.described
    return findings(connection.rows, source_types(), known, known)
