"""The brand that a retailer's sign-up pages wear."""

import hashlib

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import models
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting
from wagtail_color_panel.edit_handlers import NativeColorPanel
from wagtail_color_panel.fields import ColorField

from .brand_css import FONTS, BrandTokens, brand_css, contrast_ratio, nearest_passing

AA = 4.5  # WCAG 2.2, contrast of text
COUNTRIES = [(code, code) for code in sorted(phonenumbers.SUPPORTED_REGIONS)]


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
        choices=[(key, font.label) for key, font in FONTS.items()],
        default=next(iter(FONTS)),
    )
    radius = models.PositiveSmallIntegerField(
        "roundness of corners", default=12, choices=[(0, "Square"), (12, "Soft"), (28, "Round")]
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
        FieldRowPanel([FieldPanel("font"), FieldPanel("radius")]),
    ]

    class Meta:
        verbose_name = "brand"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Text that can't be read is refused, with the nearest colour that can."""
        super().clean()
        if contrast_ratio(self.text, self.surface) < AA:
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
        return self.logo.get_rendition("max-480x240|format-webp").url if self.logo else ""

    @property
    def picture_url(self) -> str:
        return self.picture.get_rendition("fill-1200x1200|format-webp").url if self.picture else ""

    @property
    def css(self) -> str:
        return brand_css(self.tokens())

    @property
    def css_url(self) -> str:
        """Its name changes with what it says, so browsers may keep it."""
        return f"/brand/{hashlib.sha256(self.css.encode()).hexdigest()[:16]}.css"
