"""How the periodic work of each retailer went, the last time."""

from datetime import timedelta

from django.db import models
from django.dispatch import receiver
from django.utils import timezone
from django_tenants.utils import get_tenant_model

from integrations.tenant_task import finished


class TaskOutcome(models.Model):
    """The last run of one periodic task for one retailer."""

    retailer = models.ForeignKey(
        "tenants.Retailer", on_delete=models.CASCADE, related_name="task_outcomes"
    )
    task = models.CharField(max_length=100, help_text="its name, as Celery knows it")
    ran_at = models.DateTimeField(default=timezone.now)
    seconds = models.FloatField()
    problem = models.CharField(max_length=500, blank=True)
    failed_since = models.DateTimeField(null=True)

    class Meta:
        ordering = ["task"]
        constraints = [
            models.UniqueConstraint(fields=["retailer", "task"], name="one_outcome_each")
        ]
        indexes = [
            models.Index(
                fields=["ran_at"], condition=~models.Q(problem=""), name="task_outcome_failed"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.problem or 'done'}"

    @property
    def took(self) -> timedelta:
        return timedelta(seconds=self.seconds)


class PlatformBackup(models.Model):
    """How the last backup of the platform's own tables went; one row."""

    ran_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, help_text="when one last worked")
    problem = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return self.problem or "done"

    @classmethod
    def note(cls, problem: str) -> None:
        now = timezone.now()
        told = {"ran_at": now, "problem": problem} | ({} if problem else {"done_at": now})
        cls.objects.update_or_create(pk=1, defaults=told)


@receiver(finished)
def note(sender, schema: str, task: str, seconds: float, problem: str, **kwargs) -> None:
    """Keep it as the last outcome of this task for this retailer."""
    retailer = get_tenant_model().objects.filter(schema_name=schema).first()
    if retailer is None:
        return  # it was deleted meanwhile
    now = timezone.now()
    before = TaskOutcome.objects.filter(retailer=retailer, task=task).first()
    since = (before.failed_since if before else None) or now
    TaskOutcome.objects.update_or_create(
        retailer=retailer,
        task=task,
        defaults={
            "ran_at": now,
            "seconds": seconds,
            "problem": problem,
            "failed_since": since if problem else None,
        },
    )
