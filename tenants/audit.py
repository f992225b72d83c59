"""Who did what to a retailer, for the console's timeline; some of it the retailer sees, too."""

import logging

from django.db import transaction

from .models import AuditEntry, Retailer

log = logging.getLogger("customerinfo.audit")


def record(
    retailer: Retailer,
    action: str,
    why: str = "",
    *,
    by: str,
    before: str = "",
    after: str = "",
    is_visible: bool = False,
) -> AuditEntry:
    """Write an entry in the caller's transaction, and a line into the log when it is committed.

    `by` is a person's e-mail, "Stripe", "system" or a command's name. `is_visible`: to the
    retailer's owners.
    """
    entry = AuditEntry.objects.create(
        retailer=retailer,
        retailer_name=retailer.name,
        schema_name=retailer.schema_name,
        action=action,
        before=before,
        after=after,
        why=why,
        by=by,
        is_visible=is_visible,
    )
    changed = f", {before or '–'} → {after}" if after else ""
    # Without the reason: a person wrote it, and it stands in the timeline.
    transaction.on_commit(lambda: log.info("Retailer %s: %s%s", entry.schema_name, action, changed))
    return entry
