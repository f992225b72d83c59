"""Colour maths: WCAG contrast, and the nearest colour that passes.

Pure. Contrast after WCAG 2.2, perceptual distance in OKLCH after Björn Ottosson
(https://bottosson.github.io/posts/oklab/).
"""

import math
import re

TEXT_RATIO = 4.5  # WCAG 1.4.3, level AA
SHAPE_RATIO = 3.0  # WCAG 1.4.11: borders of fields, buttons, focus rings, icons
INK, PAPER = "#111111", "#ffffff"

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)

RGB = tuple[float, float, float]


def clean_hex(colour: str) -> str:
    """`#rrggbb` in lower case; `ValueError` for anything that isn't a hex colour."""
    text = str(colour).strip()
    if not _HEX.fullmatch(text):
        raise ValueError(f"not a hex colour: {text[:40]!r}")
    digits = text[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def contrast_ratio(a: str, b: str) -> float:
    """WCAG contrast of two hex colours, 1.0 to 21.0."""
    light, dark = sorted((_luminance(_linear(a)), _luminance(_linear(b))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable_on(colour: str, preferred: tuple[str, ...] = ()) -> str:
    """The first of `preferred` that can be read on `colour`, else near-black or white."""
    for candidate in preferred:
        if contrast_ratio(candidate, colour) >= TEXT_RATIO:
            return clean_hex(candidate)
    # "#111111" leaves a gap around mid-grey where neither it nor white passes: there, pure black.
    best = max((INK, PAPER), key=lambda ink: contrast_ratio(ink, colour))
    return best if contrast_ratio(best, colour) >= TEXT_RATIO else "#000000"


def nearest_passing(colour: str, against: str, ratio: float = TEXT_RATIO) -> str:
    """The colour nearest to `colour` that has `ratio` against `against`.

    Only the lightness changes (OKLCH); chroma gives way where sRGB has no such colour. A ratio
    above 4.58 may be out of reach for a middle tone: then the better of black and white.
    """
    colour, against = clean_hex(colour), clean_hex(against)
    if contrast_ratio(colour, against) >= ratio:
        return colour
    lightness, chroma, hue = to_oklch(colour)
    steps = 500
    for step in range(1, steps + 1):
        for moved in (lightness - step / steps, lightness + step / steps):
            if 0 <= moved <= 1:
                candidate = from_oklch(moved, chroma, hue)
                if contrast_ratio(candidate, against) >= ratio:
                    return candidate
    return max(("#000000", "#ffffff"), key=lambda end: contrast_ratio(end, against))


def mix(a: str, b: str, share: float) -> str:
    """`a` with `share` (0 to 1) of `b` in it, mixed in OKLab so that no muddy grey comes out."""
    one, two = to_oklab(a), to_oklab(b)
    return _hex(_oklab_to_linear(tuple(x + (y - x) * share for x, y in zip(one, two))))


def _linear(colour: str) -> RGB:
    channels = (channel / 255 for channel in bytes.fromhex(clean_hex(colour)[1:]))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)


def _luminance(linear: RGB) -> float:
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(linear: RGB) -> str:
    encoded = []
    for channel in linear:
        c = min(max(channel, 0.0), 1.0)
        c = 12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055
        encoded.append(f"{round(c * 255):02x}")
    return "#" + "".join(encoded)


def to_oklab(colour: str) -> RGB:
    r, g, b = _linear(colour)
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    medium = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _oklab_to_linear(lab: RGB) -> RGB:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def to_oklch(colour: str) -> RGB:
    lightness, a, b = to_oklab(colour)
    return lightness, math.hypot(a, b), math.atan2(b, a)


def from_oklch(lightness: float, chroma: float, hue: float) -> str:
    """Hex of an OKLCH colour; chroma is reduced until the colour exists in sRGB."""
    if _in_gamut(_at(lightness, chroma, hue)):
        return _hex(_at(lightness, chroma, hue))
    low, high = 0.0, chroma
    for _ in range(12):  # 1/4096 of the chroma: below what 8 bits can show
        middle = (low + high) / 2
        if _in_gamut(_at(lightness, middle, hue)):
            low = middle
        else:
            high = middle
    return _hex(_at(lightness, low, hue))


def _at(lightness: float, chroma: float, hue: float) -> RGB:
    return _oklab_to_linear((lightness, chroma * math.cos(hue), chroma * math.sin(hue)))


def _in_gamut(linear: RGB) -> bool:
    return all(-0.0005 <= channel <= 1.0005 for channel in linear)
