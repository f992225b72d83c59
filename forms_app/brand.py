"""The brand that a retailer's sign-up pages wear."""

import hashlib
import logging

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import models
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting
from wagtail.images.models import SourceImageIOError
from wagtail_color_panel.edit_handlers import NativeColorPanel
from wagtail_color_panel.fields import ColorField

from .brand_css import FONTS, BrandTokens, brand_css, contrast_ratio, nearest_passing

log = logging.getLogger(__name__)

FONT_CHOICES = [(key, font.label) for key, font in FONTS.items()]
RADII = [(0, "Square"), (12, "Soft"), (28, "Round")]
BUTTON_STYLES = [("filled", "Filled"), ("outline", "Outline"), ("raised", "Raised")]
AA = 4.5  # WCAG 2.2, contrast of text
COUNTRIES = [(code, code) for code in sorted(phonenumbers.SUPPORTED_REGIONS)]


def rendition_url(image, filters: str) -> str:
    """Where the picture is; "" if there is none. A lost file must not take the page with it."""
    if image is None:
        return ""
    try:
        return image.get_rendition(filters).url
    except SourceImageIOError:
        log.exception("The file of image %s is lost", image.pk)
        return ""


@register_setting(icon="tag", order=10)
class Brand(BaseGenericSetting):
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
                FieldRowPanel([NativeColorPanel("background"), NativeColorPanel("surface")]),
                FieldRowPanel([NativeColorPanel("text"), NativeColorPanel("accent")]),
            ],
            "Colours",
        ),
        FieldRowPanel([FieldPanel("font"), FieldPanel("radius"), FieldPanel("button_style")]),
    ]

    class Meta:
        verbose_name = "brand"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Text that can't be read is refused, with the nearest colour that can."""
        super().clean()
        try:
            contrast = contrast_ratio(self.text, self.surface)
        except ValueError:
            return  # the fields themselves say that one isn't a colour
        if contrast < AA:
            better = nearest_passing(self.text, self.surface)
            raise ValidationError(
                {"text": f"Hard to read on the form's background. {better} can be read."}
            )

    def tokens(self) -> BrandTokens:
        return BrandTokens.from_colours(
            background=self.background,
            surface=self.surface,
            text=self.text,
            accent=self.accent,
            font=self.font,
            radius=self.radius,
            picture_url=self.picture_url,
        )

    @property
    def logo_url(self) -> str:
        return rendition_url(self.logo, "max-480x240|format-webp")

    @property
    def picture_url(self) -> str:
        return rendition_url(self.picture, "fill-1200x1200|format-webp")

    @property
    def css(self) -> str:
        return brand_css(self.tokens())

    @property
    def css_url(self) -> str:
        """Its name changes with what it says, so browsers may keep it."""
        return f"/brand/{hashlib.sha256(self.css.encode()).hexdigest()[:16]}.css"
