"""When a store is open, by its own clock. The other side of static/forms_app/hours.js."""

import datetime
import zoneinfo

from django.utils import timezone

from .stores import WEEKDAYS, Store

SILENT_FOR = datetime.timedelta(minutes=5)  # a tablet says something each minute


def is_open(store: Store | None, at: datetime.datetime | None = None) -> bool:
    """Whether `store` is open at this moment; always, where no hours are set.

    Hours that end at or before their start go on past midnight: 18:00–02:00.
    """
    if store is None or not store.opening_hours:
        return True
    local = (at or timezone.now()).astimezone(zoneinfo.ZoneInfo(store.time_zone))
    clock = local.strftime("%H:%M")
    opens, closes = hours_on(store, local.weekday())
    if opens and opens <= clock and (clock < closes or closes <= opens):
        return True
    opened, closed = hours_on(store, local.weekday() - 1)
    return bool(opened) and closed <= opened and clock < closed


def hours_on(store: Store, weekday: int) -> tuple[str, str]:
    """("09:00", "18:00"), or ("", "") where the store is closed. Monday is 0."""
    opens, closes = store.opening_hours.get(WEEKDAYS[weekday % 7]) or ("", "")
    return opens, closes


def presence(tablet, at: datetime.datetime | None = None) -> str:
    """ "online", "offline", "closed" (silent, but so is the store), "never" or "revoked"."""
    now = at or timezone.now()
    if tablet.revoked_at:
        return "revoked"
    if tablet.last_contact_at is None:
        return "never"
    if now - tablet.last_contact_at <= SILENT_FOR:
        return "online"
    return "offline" if is_open(tablet.store, now) else "closed"
