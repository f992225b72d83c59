"""The brand that a retailer's sign-up pages wear."""

import phonenumbers
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting
from wagtail.models import PreviewableMixin
from wagtail_color_panel.edit_handlers import NativeColorPanel
from wagtail_color_panel.fields import ColorField

from . import presentation
from .brand_css import FONTS
from .colour_tools import ColourTools
from .contrast import measure
from .look import Look, logo_url, look_of
from .preview_sizes import PREVIEW_SIZES
from .versions import describe

FONT_CHOICES = [(key, font.label) for key, font in FONTS.items()]
RADII = [(0, "Square"), (12, "Soft"), (28, "Round")]
BUTTON_STYLES = [("filled", "Filled"), ("outline", "Outline"), ("raised", "Raised")]
COUNTRIES = [(code, code) for code in sorted(phonenumbers.SUPPORTED_REGIONS)]


@register_setting(icon="tag", order=10)
class Brand(PreviewableMixin, BaseGenericSetting):
    """One row per retailer."""

    name = models.CharField("shop's name", max_length=100)
    logo = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    picture = models.ForeignKey(
        "wagtailimages.Image",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Fills the brand's half of the page.",
    )
    background = ColorField("background of the brand's half", default="#1f3d36")
    surface = ColorField("background of the form", default="#ffffff")
    text = ColorField("text", default="#1b1f1d")
    accent = ColorField("button and highlights", default="#1f6f54")
    font = models.CharField(
        max_length=20,
        choices=FONT_CHOICES,
        default=next(iter(FONTS)),
    )
    radius = models.PositiveSmallIntegerField("roundness of corners", default=12, choices=RADII)
    button_style = models.CharField(
        max_length=10, choices=BUTTON_STYLES, default=BUTTON_STYLES[0][0]
    )
    country = models.CharField(
        max_length=2,
        choices=COUNTRIES,
        default="NL",
        help_text="Phone numbers typed without a prefix are from here.",
    )

    panels = [
        FieldRowPanel([FieldPanel("name"), FieldPanel("country")]),
        MultiFieldPanel([FieldPanel("logo"), FieldPanel("picture")], "Pictures"),
        MultiFieldPanel(
            [
                ColourTools(),
                FieldRowPanel([NativeColorPanel("background"), NativeColorPanel("surface")]),
                FieldRowPanel([NativeColorPanel("text"), NativeColorPanel("accent")]),
            ],
            "Colours",
        ),
        MultiFieldPanel(
            [FieldRowPanel([FieldPanel("font"), FieldPanel("radius"), FieldPanel("button_style")])],
            "Type and shapes",
        ),
    ]
    preview_modes = [("", "Form"), ("thanks", "Thank-you")]
    preview_sizes = PREVIEW_SIZES
    default_preview_size = "landscape"

    class Meta:
        verbose_name = "brand"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """What can't be read or seen is refused, with the nearest colour that can."""
        super().clean()
        colours = {name: getattr(self, name) for name in ("surface", "text", "accent")}
        errors = {m.pair.colour: m.message for m in measure(colours) if not m.passes}
        if errors:
            raise ValidationError(errors)

    def serve_preview(self, request, mode_name):
        """The retailer's own first page in this brand, saved or not."""
        model = apps.get_model("forms_app", "SignupPage")
        page = model.objects.order_by("-live", "path").first() or model(title=self.name)
        for name in [field.name for field in model._meta.fields if field.name.startswith("own_")]:
            setattr(page, name, None)
        render = presentation.thanks if mode_name == "thanks" else presentation.form
        return render(request, page, describe(page, self), self, preview=True)

    @property
    def look(self) -> Look:
        return look_of(None, self)

    @property
    def logo_url(self) -> str:
        return logo_url(self.logo)

    @property
    def css(self) -> str:
        return self.look.css

    @property
    def css_url(self) -> str:
        return self.look.css_url
