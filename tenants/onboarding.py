"""An onboarding that was asked for, by the operator or by a retailer alone, and how far it is."""

import uuid

from django.db import models
from django.utils import timezone


class Onboarding(models.Model):
    """What was filled in, until a worker has made a retailer of it."""

    class State(models.TextChoices):
        UNCONFIRMED = "unconfirmed", "Waiting for the e-mail to be confirmed"
        WAITING = "waiting", "Waiting for its turn"
        BUILDING = "building", "Being made"
        DONE = "done", "Ready"
        FAILED = "failed", "Not made"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=20, choices=State, default=State.WAITING)
    name = models.CharField(max_length=100)
    slug = models.CharField("address", max_length=40)
    owner_email = models.EmailField("owner's e-mail")
    country = models.CharField(max_length=2)
    language = models.CharField(max_length=10, default="en")
    plan = models.CharField(max_length=30, blank=True)
    template = models.CharField(max_length=40, blank=True)
    # In the row, so that it is there for whichever worker takes it, and gone with it.
    logo = models.BinaryField(null=True)
    logo_name = models.CharField(max_length=100, blank=True)
    asked_by = models.CharField(max_length=254, help_text="a person's e-mail, or self-service")
    asked_from = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="keyed hash of the visitor's address"
    )
    asked_at = models.DateTimeField(default=timezone.now, db_index=True)
    confirmed_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, blank=True)
    retailer = models.ForeignKey(
        "tenants.Retailer", null=True, on_delete=models.SET_NULL, related_name="onboardings"
    )

    class Meta:
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.slug})"
