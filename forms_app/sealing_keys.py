"""Key pairs with which tablets seal what they have queued: only this server can open it."""

import uuid

from django.db import models
from django.utils import timezone

from integrations.encryption import EncryptedJSONField


class SealingKey(models.Model):
    """ECDH on P-256. The newest that isn't retired seals; all of them open."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_key = models.JSONField(help_text="JWK")
    private_key = EncryptedJSONField(help_text="JWK, encrypted at rest")
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.id)
