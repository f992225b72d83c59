"""Sign-ups that came from a tablet and couldn't be opened: kept as they came, so none is lost."""

import uuid

from django.db import models
from django.utils import timezone


class SealedEntry(models.Model):
    """One entry of a tablet's queue. It goes when it could be opened after all."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # What the tablet calls it: the sign-up's id, if the tablet was ours.
    entry_id = models.CharField(max_length=100, unique=True)
    envelope = models.JSONField(help_text="as it came; see forms_app.sealing")
    reason = models.CharField(max_length=200)
    tablet = models.ForeignKey(
        "forms_app.Tablet", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    origin = models.CharField(max_length=10, help_text="queue or import")
    tablet_now = models.DateTimeField(null=True, help_text="the tablet's clock as it was sent")
    received_at = models.DateTimeField(default=timezone.now)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["received_at"]
        verbose_name = "sealed sign-up"

    def __str__(self) -> str:
        return self.entry_id
