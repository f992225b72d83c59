"""Beside the colours of brand and page: palettes out of the logo, and live contrast.

The editor's module (static/forms_app/editor/colours.js) asks here, so that what it says while a
retailer types is what saving says.
"""

import json

from django.apps import apps
from django.forms import Media, Script
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.views.decorators.http import require_safe
from wagtail.admin.panels import Panel
from wagtail.images import get_image_model
from wagtail.images.models import SourceImageIOError

from .contrast import measure
from .palettes import palettes

COLOURS = ("background", "surface", "text", "accent")


class ColourTools(Panel):
    """`prefix` is what the names of the form's fields begin with: "own_" on a page."""

    def __init__(self, prefix: str = "", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.field_prefix = prefix

    def clone_kwargs(self) -> dict:
        return {**super().clone_kwargs(), "prefix": self.field_prefix}

    class BoundPanel(Panel.BoundPanel):
        template_name = "forms_app/admin/colour_tools.html"
        media = Media(js=[Script("forms_app/editor/colours.js", type="module")])

        def get_context_data(self, parent_context=None) -> dict:
            return {
                **super().get_context_data(parent_context),
                "otherwise": json.dumps(self.otherwise()),
                "contrast_url": reverse("colour_contrast"),
                "palettes_url": reverse("colour_palettes"),
            }

        def otherwise(self) -> dict:
            """What counts where the page's own field is empty."""
            if not self.panel.field_prefix:
                return {}
            brand = apps.get_model("forms_app", "Brand").load(request_or_site=self.request)
            return {"logo": brand.logo_id, **{name: getattr(brand, name) for name in COLOURS}}


@require_safe
def contrast(request: HttpRequest) -> JsonResponse:
    """The colours as the query's parameters; those that aren't colours are left out."""
    colours = {name: request.GET.get(name, "") for name in COLOURS}
    pairs = [
        {
            "label": found.pair.label,
            "colour": found.pair.colour,
            "ratio": round(found.ratio - 0.005, 2),  # never rounded up to what would pass
            "needed": found.pair.ratio,
            "passes": found.passes,
            "nearest": found.nearest,
        }
        for found in measure(colours)
    ]
    return JsonResponse({"pairs": pairs})


@require_safe
def suggestions(request: HttpRequest) -> JsonResponse:
    """Palettes out of the picture whose id is the query's `image`."""
    pk = request.GET.get("image", "")
    if not pk.isdecimal():
        raise Http404
    image = get_object_or_404(get_image_model(), pk=pk)
    try:
        with image.open_file() as file:
            found = palettes(file)
    except SourceImageIOError:
        found = []
    return JsonResponse({"palettes": [palette._asdict() for palette in found]})


urls = [
    path("colours/contrast/", contrast, name="colour_contrast"),
    path("colours/palettes/", suggestions, name="colour_palettes"),
]
