"""The picture on the tablet's home screen: the shop's logo on its colour, else its first letter."""

import io

from PIL import Image, ImageDraw, ImageFont
from wagtail.images.models import SourceImageIOError

from .colours import readable_on

SIZES = (180, 192, 512)  # Apple's touch icon, and what installable sites need
LOGO = 0.72  # of the picture's side: round masks of home screens leave the middle four fifths
LETTER = 0.56


def draw(brand, size: int) -> bytes:
    """A PNG of `size` pixels a side."""
    picture = Image.new("RGB", (size, size), brand.background)
    logo = logo_of(brand)
    if logo is None:
        letter(picture, brand)
    else:
        logo.thumbnail((size * LOGO, size * LOGO), Image.Resampling.LANCZOS)
        picture.paste(logo, ((size - logo.width) // 2, (size - logo.height) // 2), logo)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def logo_of(brand) -> Image.Image | None:
    if brand.logo is None:
        return None
    try:
        rendition = brand.logo.get_rendition("max-512x512|format-png")
        with rendition.file.open() as file:
            return Image.open(file).convert("RGBA")
    except (SourceImageIOError, OSError):  # a lost file
        return None


def letter(picture: Image.Image, brand) -> None:
    size = picture.width
    ImageDraw.Draw(picture).text(
        (size / 2, size / 2),
        (brand.name.strip() or "?")[0].upper(),
        fill=readable_on(brand.background, (brand.surface, brand.text)),
        font=ImageFont.load_default(size * LETTER),
        anchor="mm",
    )
