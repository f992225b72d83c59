"""The retailer's shops, each with its tablets."""

import zoneinfo

from django.db import models

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def time_zones() -> list[tuple[str, str]]:
    """A function, so that no migration depends on the machine's time zones."""
    return [(name, name) for name in sorted(zoneinfo.available_timezones()) if "/" in name]


class Store(models.Model):
    """One shop. Tablets belong to it, and their sign-ups say so for ever."""

    name = models.CharField(max_length=100, unique=True)
    country = models.CharField(
        max_length=2,
        blank=True,
        help_text="Phone numbers typed without a prefix are from here. Empty: the brand's country.",
    )
    time_zone = models.CharField(max_length=50, choices=time_zones, default="Europe/Amsterdam")
    # weekday → [opens, closes] as "HH:MM"; a day that is missing is closed; {} is always open.
    opening_hours = models.JSONField(default=dict, blank=True)
    is_archived = models.BooleanField(default=False, help_text="Closed for good: out of the lists.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
