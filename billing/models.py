"""What Stripe told us. The mirror of Stripe's own objects is dj-stripe's, in the same schema."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

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
