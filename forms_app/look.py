"""What a page wears, ready to be shown: the brand's tokens, its logo, its stylesheet's address."""

import hashlib
import logging
from dataclasses import asdict, dataclass
from functools import cached_property

from django.core import signing
from wagtail.images.models import SourceImageIOError

from .brand_css import BrandTokens, brand_css
from .contrast import measure

log = logging.getLogger(__name__)

SALT = "forms_app.look"


def rendition_url(image, filters: str) -> str:
    """Where the picture is; "" if there is none. A lost file must not take the page with it."""
    if image is None:
        return ""
    try:
        return image.get_rendition(filters).url
    except SourceImageIOError:
        log.exception("The file of image %s is lost", image.pk)
        return ""


def logo_url(image) -> str:
    return rendition_url(image, "max-480x240|format-webp")


def picture_url(image) -> str:
    return rendition_url(image, "fill-1200x1200|format-webp")


@dataclass(frozen=True)
class Look:
    tokens: BrandTokens
    logo_url: str = ""

    @cached_property
    def css(self) -> str:
        return brand_css(self.tokens)

    @property
    def css_url(self) -> str:
        """Its name changes with what it says, so browsers may keep it."""
        return f"/brand/{hashlib.sha256(self.css.encode()).hexdigest()[:16]}.css"

    @property
    def preview_css_url(self) -> str:
        """For a look that isn't stored yet: the address itself says everything, signed."""
        return f"/brand/preview.css?look={signing.dumps(asdict(self.tokens), salt=SALT)}"


def from_preview(signed: str) -> Look:
    """The look of a `preview_css_url`. Raises signing.BadSignature."""
    tokens = signing.loads(signed, salt=SALT)
    return Look(BrandTokens(**tokens | {"hero_focus": tuple(tokens["hero_focus"])}))


CHOICES = ("background", "surface", "text", "accent", "font", "radius", "button_style")
COLOURS = CHOICES[:4]


def look_of(page, brand) -> Look:
    """`brand`, but for what `page` (None: no page) has chosen for itself.

    The two are saved at different times, so a brand's new ground may meet a page's own colours:
    where they can't be told apart, the nearest that can be is shown.
    """
    choices = {name: own(page, name, getattr(brand, name)) for name in CHOICES}
    if any(own(page, colour, "") for colour in COLOURS):
        for measured in measure(choices):
            choices[measured.pair.colour] = measured.nearest
    button = choices.pop("button_style")
    picture = own(page, "picture", brand.picture)
    tokens = BrandTokens.from_colours(**choices, button=button, picture_url=picture_url(picture))
    return Look(tokens, logo_url(own(page, "logo", brand.logo)))


def own(page, name: str, otherwise):
    """What `page` says about `name` itself, else `otherwise`."""
    value = getattr(page, f"own_{name}", None)
    return otherwise if value in (None, "") else value


def contrast_errors(page, brand) -> dict[str, str]:
    """Field of `page` → why its own colours can't be published; {} if they can."""
    colours = {name: own(page, name, getattr(brand, name)) for name in COLOURS}
    errors = {}
    for measured in measure(colours):
        for name in (measured.pair.colour, measured.pair.against):
            if measured.message and own(page, name, ""):
                errors[f"own_{name}"] = measured.message
                break
    return errors
