"""What Stripe told us. The mirror of Stripe's own objects is dj-stripe's, in the same schema."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from .money import written

# Pauses between tries double up to the longest, so 20 tries reach over three days: as long as
# Stripe itself repeats an event that it couldn't deliver.
LONGEST_PAUSE = timedelta(hours=6)
MOST_ATTEMPTS = 20


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many tries: 1 minute, 2, 4 … up to LONGEST_PAUSE."""
    return min(timedelta(minutes=2 ** min(attempts - 1, 10)), LONGEST_PAUSE)


class ReceivedEventQuerySet(models.QuerySet):
    def waiting(self) -> models.QuerySet:
        """Not processed yet, and not set aside after too many tries."""
        return self.filter(processed_at=None, attempts__lt=MOST_ATTEMPTS)

    def due(self) -> models.QuerySet:
        """Waiting, and not in the pause after a failed try (or after a worker that died)."""
        return self.waiting().filter(next_try_at__lte=timezone.now())

    def about(self, event: "ReceivedEvent") -> models.QuerySet:
        """Those with the same subject: one look at Stripe answers them all."""
        if event.customer:
            return self.filter(customer=event.customer)
        if event.object_id:
            return self.filter(customer="", object_id=event.object_id)
        return self.filter(pk=event.pk)


class ReceivedEvent(models.Model):
    """One event of Stripe, kept once whatever how often it is delivered.

    Only what it is about is kept, not what it says: the object is fetched afresh when the event is
    processed, so order, repetition and age of events don't matter.
    """

    id = models.CharField("Stripe's id", max_length=255, primary_key=True)
    type = models.CharField(max_length=250)
    object_type = models.CharField(max_length=100)
    object_id = models.CharField(max_length=255, blank=True)
    customer = models.CharField("Stripe customer", max_length=255, blank=True)
    received_at = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True)

    objects = ReceivedEventQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at"]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="billing_event_waiting",
                condition=models.Q(processed_at=None),
            ),
            models.Index(fields=["-received_at"], name="billing_event_received"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    @property
    def subject(self) -> str:
        """What is locked while this event is processed: the customer, else the object itself."""
        return self.customer or self.object_id or self.id


class OverrideQuerySet(models.QuerySet):
    def in_force(self) -> models.QuerySet:
        """Free accounts and longer trials that count now. The last day counts whole."""
        today = timezone.localdate()
        return self.filter(ended_at=None).filter(models.Q(until=None) | models.Q(until__gte=today))


class Override(models.Model):
    """What the operator grants a retailer beside its plan, with the reason and until when."""

    class Kind(models.TextChoices):
        FREE = "free", "Free account"
        TRIAL = "trial", "Longer trial"
        CREDIT = "credit", "Goodwill credit"

    retailer = models.ForeignKey(
        "tenants.Retailer", on_delete=models.CASCADE, related_name="overrides"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    until = models.DateField("last day", null=True, blank=True)
    # Of a credit: in the currency's smallest unit, and when Stripe took it.
    amount = models.PositiveIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    given_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    by = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = OverrideQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.retailer}"

    @property
    def amount_in_words(self) -> str:
        return written(self.amount, self.currency) if self.amount else ""


class Drift(models.Model):
    """Where the mirror differed from Stripe although no event waited: a webhook was lost."""

    retailer = models.ForeignKey(
        "tenants.Retailer", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    retailer_name = models.CharField(max_length=100)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    what = models.CharField(max_length=100, help_text="Stripe's id, or the day of usage")
    ours = models.TextField(blank=True)
    stripes = models.TextField(blank=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.what}: {self.ours or 'nothing'} → {self.stripes or 'nothing'}"


class Checked(models.Model):
    """The last hourly look at Stripe for a retailer; `error` if it failed."""

    retailer = models.OneToOneField(
        "tenants.Retailer", on_delete=models.CASCADE, related_name="billing_checked"
    )
    at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.error or f"{self.at:%Y-%m-%d %H:%M}"


class UsageDay(models.Model):
    """How many real sign-ups a retailer had on a day (UTC), and what Stripe was told of it."""

    retailer = models.ForeignKey(
        "tenants.Retailer", on_delete=models.CASCADE, related_name="usage_days"
    )
    day = models.DateField()
    count = models.PositiveIntegerField()
    reported = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["retailer", "day"], name="one_usage_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.count}"
