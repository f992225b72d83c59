"""How a retailer's tablets behave, and how long sign-ups are kept."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from wagtail.admin.panels import FieldPanel, FieldRowPanel, ObjectList
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting

from .pin_form import TabletSettingsForm


@register_setting(icon="mobile-alt", order=20)
class TabletSettings(BaseGenericSetting):
    """One row per retailer."""

    idle_seconds = models.PositiveSmallIntegerField(
        "seconds without a touch",
        default=75,
        validators=[MinValueValidator(15), MaxValueValidator(600)],
        help_text="Then the tablet asks whether somebody is still there.",
    )
    countdown_seconds = models.PositiveSmallIntegerField(
        "seconds to answer that",
        default=20,
        validators=[MinValueValidator(5), MaxValueValidator(120)],
        help_text="Then it forgets what was typed.",
    )
    # {"salt", "iterations", "hash"}: PBKDF2-SHA256 in base64, as the tablet can check it offline.
    pin = models.JSONField(default=dict, blank=True, editable=False)

    edit_handler = ObjectList(
        [
            FieldPanel("new_pin"),
            FieldRowPanel([FieldPanel("idle_seconds"), FieldPanel("countdown_seconds")]),
        ],
        base_form_class=TabletSettingsForm,
    )

    class Meta:
        verbose_name = "tablets"


@register_setting(icon="bin", order=30)
class Retention(BaseGenericSetting):
    """One row per retailer."""

    days = models.PositiveIntegerField(
        "days that sign-ups are kept",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(36500)],
        help_text="Empty: for ever. What has been deleted can't be brought back.",
    )

    class Meta:
        verbose_name = "retention"
