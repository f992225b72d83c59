"""Connections, deliveries, attempts: the outbox stands in the retailer's schema."""

from django.db import models
from django.utils import timezone

from .connectors import connector_class
from .connectors.base import Attribute, Connector
from .consent_rows import ConsentRow, consents_from_json
from .encryption import EncryptedJSONField
from .http import Http
from .mapping import MappingRow, rows_from_json


class Connection(models.Model):
    """One CRM account of a retailer."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"  # deliveries wait
        OFF = "off", "Off"  # no deliveries are made

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=30, help_text="a key of connectors.CONNECTORS")
    config = models.JSONField(default=dict, blank=True)
    secrets = EncryptedJSONField(default=dict, blank=True)
    mapping = models.JSONField(default=list, blank=True, help_text="see integrations.mapping")
    attributes = models.JSONField(
        default=list, blank=True, help_text="what the CRM said of its attributes, the last time"
    )
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    state_reason = models.CharField(max_length=500, blank=True)
    paused_by = models.CharField(
        max_length=60, blank=True, help_text="the code of what paused it; hand for a person"
    )
    # Whose account it reaches, as the CRM said when it was connected.
    account_name = models.CharField(max_length=200, blank=True)
    account_detail = models.CharField(max_length=300, blank=True)
    consents = models.JSONField(
        default=list, blank=True, help_text="which consent goes where; see integrations.mapping"
    )
    # What differs from `attributes` since the mapping was saved; found by the nightly look.
    drift = models.JSONField(default=list, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True, help_text="the last nightly look")
    # Calls in a row that failed as a whole: the circuit. While it is open, one delivery probes.
    failures = models.PositiveIntegerField(default=0)
    # The CRM asked us to wait, or didn't answer: nobody calls it before this moment.
    not_before = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def connector_class(self) -> type[Connector]:
        return connector_class(self.kind)

    def connector(self, http: Http) -> Connector:
        return self.connector_class({**self.config, **self.secrets}, http)

    @property
    def rows(self) -> tuple[MappingRow, ...]:
        return rows_from_json(self.mapping)

    @property
    def consent_rows(self) -> tuple[ConsentRow, ...]:
        return consents_from_json(self.consents)

    @property
    def described(self) -> tuple[Attribute, ...]:
        return tuple(
            Attribute(**{**item, "options": tuple(map(tuple, item.get("options", ())))})
            for item in self.attributes
        )


class Delivery(models.Model):
    """One sign-up on its way to one connection."""

    class State(models.TextChoices):
        DUE = "due", "On its way"
        SENDING = "sending", "Being sent"
        DELIVERED = "delivered", "Delivered"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"

    OPEN = (State.DUE, State.SENDING)

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="deliveries")
    signup = models.ForeignKey(
        "forms_app.Signup", on_delete=models.CASCADE, related_name="deliveries"
    )
    state = models.CharField(max_length=20, choices=State, default=State.DUE)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0, help_text="since it was last set due by hand")
    crashes = models.PositiveIntegerField(default=0, help_text="workers that died sending it")
    claim = models.UUIDField(null=True, help_text="the drain that is sending it")
    remote_id = models.CharField(max_length=200, blank=True)
    remote_url = models.URLField(max_length=500, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["signup", "connection"], name="delivery_once_per_connection"
            )
        ]
        indexes = [
            # What the sweep and the drain look for stays small however many were delivered.
            models.Index(
                fields=["connection", "due_at"],
                condition=models.Q(state__in=("due", "sending")),
                name="delivery_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.connection}"


class Attempt(models.Model):
    """One try of one delivery, for the log that the retailer sees. No personal data."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=20)  # delivered, retry, needs_attention, paused, crashed
    code = models.CharField(max_length=60, blank=True)
    message = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(default=0, help_text="of the call, for its batch")
    # Both redacted: names of attributes stay, personal data and secrets don't.
    request = models.TextField(blank=True)
    response = models.TextField(blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["-at"], name="attempt_at")]

    def __str__(self) -> str:
        return f"{self.outcome} {self.code}".strip()


class RemoteLink(models.Model):
    """A person's record in a CRM, so that the next sign-up updates it."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="links")
    identity = models.CharField(max_length=300, help_text="kind:value, normalised")
    remote_id = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "identity"], name="one_record_per_identity"
            )
        ]

    def __str__(self) -> str:
        return self.remote_id


class AbstractMail(models.Model):
    """A mail on its way; see integrations.mail."""

    kind = models.CharField(max_length=60, help_text="the name of its templates")
    to = models.EmailField(max_length=254)
    context = models.JSONField(default=dict, blank=True)
    # What must be told once only says so here: connection:3:paused:2026-11-24T08:00
    once = models.CharField(max_length=200, unique=True, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"


class Mail(AbstractMail):
    """To the retailer's people, written in the transaction of what it tells."""

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(sent_at=None), name="mail_unsent")
        ]
