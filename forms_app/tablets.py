"""Paired tablets: which device stands where, and when it was last heard of."""

import uuid

from django.db import models
from django.utils import timezone


class Tablet(models.Model):
    """A paired device. Its token is in an HttpOnly cookie; here stands only the token's hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    store = models.ForeignKey(
        "forms_app.Store", null=True, blank=True, on_delete=models.PROTECT, related_name="tablets"
    )
    page = models.ForeignKey(
        "forms_app.SignupPage",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="tablets",
        help_text="What it shows.",
    )
    token_hash = models.CharField(max_length=64, unique=True, null=True, editable=False)
    paired_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # What it told the last time.
    last_contact_at = models.DateTimeField(null=True, blank=True)
    app_version = models.CharField(max_length=40, blank=True)
    form_version = models.UUIDField(null=True, blank=True)
    queue_length = models.PositiveIntegerField(default=0)
    oldest_unsent_at = models.DateTimeField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["store__name", "name"]

    def __str__(self) -> str:
        return self.name


class PairingCode(models.Model):
    """A device that waits to be paired: staff type its six digits, or scan them, in the admin."""

    code = models.CharField(max_length=6, unique=True)
    # The waiting device proves with this secret that the code is its own.
    secret_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    tablet = models.ForeignKey(Tablet, null=True, on_delete=models.CASCADE, related_name="+")
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["expires_at"]

    def __str__(self) -> str:
        return self.code
