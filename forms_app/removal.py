"""Deletes sign-ups with everything of ours that hangs on them."""

from collections.abc import Iterable
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from wagtail.models import ModelLogEntry

from .signups import Signup


def remove(ids: Iterable[UUID]) -> dict[str, int]:
    """Delete these sign-ups; returns model → number. Call it in a transaction.

    The log of what staff did names the person, so those lines go as well.
    """
    ids = list(ids)
    lines = ModelLogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Signup),
        object_id__in=[str(id) for id in ids],
    )
    counts = {"log lines": lines.delete()[0]}
    _, deleted = Signup.objects.filter(pk__in=ids).delete()
    counts["sign-ups"] = deleted.get("forms_app.Signup", 0)
    counts["consents"] = deleted.get("forms_app.Consent", 0)
    counts["deliveries"] = deleted.get("integrations.Delivery", 0)
    counts["attempts"] = deleted.get("integrations.Attempt", 0)
    return counts
