"""What was erased at a person's request: the proof, without the person."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Erasure(models.Model):
    """One request carried out. After a restore it is carried out again, found by the hash."""

    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    identity_hash = models.CharField(max_length=64, db_index=True)  # HMAC of the e-mail or phone
    counts = models.JSONField(default=dict, help_text="what was erased → how many")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
