"""Colours for a brand out of its logo: a few palettes, each of which passes contrast.

Pure, but for Pillow. Lightness and chroma are those of OKLCH.
"""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError

from .colours import (
    INK,
    SHAPE_RATIO,
    TEXT_RATIO,
    from_oklch,
    nearest_passing,
    to_oklab,
    to_oklch,
)

SIDE = 96  # pixels to which a logo is made smaller; its colours are in there still
GREY = 0.04  # chroma below which a colour is no colour but a grey
ALIKE = 0.1  # distance in OKLab below which two colours are one


class Palette(NamedTuple):
    """Hex colours by the names that Brand has."""

    name: str
    background: str
    surface: str
    text: str
    accent: str


def palettes(file: BinaryIO) -> list[Palette]:
    """Up to four, the nearest to the logo first; none if the file is no picture."""
    try:
        found = main_colours(file)
    except (UnidentifiedImageError, OSError):
        return []
    main, second = (found + found)[:2]
    proposed = [
        passing("Calm", deep(main), tint(main, 0.985, 0.008), tint(main, 0.24, 0.03), main),
        passing("Bold", main, "#ffffff", tint(main, 0.2, 0.02), second),
        passing(
            "Dark", tint(main, 0.2, 0.04), tint(main, 0.24, 0.02), tint(main, 0.96, 0.01), main
        ),
    ]
    if second != main:
        proposed.insert(
            2,
            passing(
                "Two colours",
                deep(second),
                tint(second, 0.985, 0.008),
                tint(main, 0.24, 0.03),
                main,
            ),
        )
    return proposed


def passing(name: str, background: str, surface: str, text: str, accent: str) -> Palette:
    return Palette(
        name,
        background,
        surface,
        nearest_passing(text, surface, TEXT_RATIO),
        nearest_passing(accent, surface, SHAPE_RATIO),
    )


def main_colours(file: BinaryIO) -> list[str]:
    """One to three colours of the picture, the most striking first; near-black if it has none."""
    weights: dict[str, float] = {}
    for colour, share in counted(file):
        _, chroma, _ = to_oklch(colour)
        if chroma < GREY:
            continue
        alike = next((known for known in weights if distance(known, colour) < ALIKE), colour)
        weights[alike] = weights.get(alike, 0) + share * chroma
    striking = sorted(weights, key=weights.get, reverse=True)[:3]
    least = weights[striking[0]] / 20 if striking else 0
    return [colour for colour in striking if weights[colour] >= least] or [INK]


def counted(file: BinaryIO) -> Iterator[tuple[str, float]]:
    """The picture's colours with their shares (0 to 1), the commonest first; not what is clear."""
    with Image.open(file) as picture:
        picture.draft("RGB", (SIDE, SIDE))
        picture.thumbnail((SIDE, SIDE))
        seen = picture.convert("RGBA")
    pixels = [pixel[:3] for pixel in seen.getdata() if pixel[3] > 127]
    if not pixels:
        return
    strip = Image.new("RGB", (len(pixels), 1))
    strip.putdata(pixels)
    few = strip.quantize(16, method=Image.Quantize.MEDIANCUT)
    table = few.getpalette()
    for count, index in sorted(few.getcolors(), reverse=True):
        red, green, blue = table[3 * index : 3 * index + 3]
        yield f"#{red:02x}{green:02x}{blue:02x}", count / len(pixels)


def deep(colour: str) -> str:
    """As dark as a ground that white text stands on well, in the colour's own hue."""
    lightness, chroma, hue = to_oklch(colour)
    return from_oklch(min(lightness, 0.36), min(chroma, 0.11), hue)


def tint(colour: str, lightness: float, chroma: float) -> str:
    return from_oklch(lightness, min(chroma, to_oklch(colour)[1]), to_oklch(colour)[2])


def distance(a: str, b: str) -> float:
    return sum((x - y) ** 2 for x, y in zip(to_oklab(a), to_oklab(b))) ** 0.5
