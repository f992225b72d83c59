"""The brand's stylesheet: a retailer's few choices become CSS custom properties.

Pure: no Django, no model. Whatever a retailer typed passes `clean_hex` or `clean_url` here, so
nothing but a colour, a number, a stack of `FONTS` or a plain address can stand in the stylesheet.

The retailer chooses few colours; what else a page needs (lines of fields, focus rings, the accent
as text …) is derived from them, and derived colours pass WCAG AA.

Colour maths: contrast after WCAG 2.2, perceptual distance in OKLCH after Björn Ottosson
(https://bottosson.github.io/posts/oklab/).
"""

import math
import re
from dataclasses import dataclass

TEXT_RATIO = 4.5  # WCAG 1.4.3, level AA
SHAPE_RATIO = 3.0  # WCAG 1.4.11: borders of fields, focus rings, icons
INK, PAPER = "#111111", "#ffffff"

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE | re.ASCII)
# One slash first: an address on this host. Quotes, backslashes, brackets and spaces stay out.
_URL = re.compile(r"/(?!/)[\w/.~%@+=&?:,;-]*", re.ASCII)

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Font:
    """A curated pair of system font stacks: nothing is downloaded, nothing is guessed."""

    label: str
    text: str
    heading: str
    heading_weight: int = 700
    heading_tracking: str = "-0.02em"


_SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif'
_HUMANIST = 'Seravek, "Gill Sans Nova", Ubuntu, Calibri, "Liberation Sans", sans-serif'
_BOOK = 'Charter, "Iowan Old Style", "Noto Serif", Georgia, "Liberation Serif", serif'
_DISPLAY = '"Iowan Old Style", "Palatino Linotype", "Noto Serif", "Liberation Serif", serif'
_GEOMETRIC = '"Avenir Next", Avenir, Montserrat, "Century Gothic", Roboto, sans-serif'
_GROTESK = '"Helvetica Neue", Helvetica, Inter, Arial, "Liberation Sans", sans-serif'
_NARROW = '"Avenir Next Condensed", "Roboto Condensed", "Liberation Sans Narrow", sans-serif'
_ROUNDED = 'ui-rounded, "SF Pro Rounded", Quicksand, "Arial Rounded MT Bold", sans-serif'
_TYPEWRITER = 'ui-monospace, "Cascadia Code", Menlo, "Roboto Mono", monospace'

FONTS: dict[str, Font] = {
    "system": Font("Clean (the tablet's own)", _SANS, _SANS),
    "humanist": Font("Friendly sans-serif", _HUMANIST, _HUMANIST, 600, "-0.01em"),
    "geometric": Font("Geometric", _GEOMETRIC, _GEOMETRIC, 600),
    "grotesk": Font("Swiss", _GROTESK, _GROTESK, 700, "-0.035em"),
    "poster": Font("Poster: narrow headlines", _GROTESK, _NARROW, 700, "-0.01em"),
    "rounded": Font("Rounded", _ROUNDED, _ROUNDED, 700, "-0.01em"),
    "boutique": Font("Boutique: serif headlines", _HUMANIST, _DISPLAY, 400, "-0.015em"),
    "book": Font("Book", _BOOK, _BOOK, 600, "-0.01em"),
    "typewriter": Font("Typewriter headlines", _SANS, _TYPEWRITER, 600, "-0.04em"),
}


@dataclass(frozen=True)
class BrandTokens:
    """What a retailer chooses. Colours are hex; `radius` is in CSS pixels.

    `background` is the brand's half (and the thank-you), `surface` the side of the form;
    `text`, `muted`, `error` and `accent` are seen on `surface`, `on_accent` on the accent.
    """

    background: str = "#25282d"
    surface: str = "#fbfaf7"
    text: str = "#1b231f"
    accent: str = "#1f6b4a"
    on_accent: str = "#ffffff"
    muted: str = "#59635e"
    error: str = "#b3261e"
    radius: int = 10
    font: str = "system"
    hero_image_url: str = ""
    hero_focus: tuple[int, int] = (50, 50)  # the picture's centre of interest, in per cent

    @classmethod
    def from_colours(
        cls,
        *,
        background: str,
        surface: str,
        text: str,
        accent: str,
        font: str = "system",
        radius: int = 10,
        picture_url: str = "",
        picture_focus: tuple[int, int] = (50, 50),
    ) -> "BrandTokens":
        """The tokens of a retailer who chose four colours: the others follow and can be read."""
        return cls(
            background=background,
            surface=surface,
            text=text,
            accent=accent,
            on_accent=readable_on(accent, (surface, text)),
            muted=nearest_passing(mix(text, surface, 0.3), surface),
            error=nearest_passing("#c0281f", surface),
            radius=radius,
            font=font,
            hero_image_url=picture_url,
            hero_focus=picture_focus,
        )


def clean_hex(colour: str) -> str:
    """`#rrggbb` in lower case; `ValueError` for anything that isn't a hex colour."""
    text = str(colour).strip()
    if not _HEX.fullmatch(text):
        raise ValueError(f"not a hex colour: {text[:40]!r}")
    digits = text[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def clean_url(url: str) -> str:
    """An address on this host that can stand inside `url("…")`; `ValueError` for any other."""
    text = str(url)
    if not _URL.fullmatch(text):
        raise ValueError(f"not a plain address on this host: {text[:80]!r}")
    return text


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
    lightness, chroma, hue = _to_oklch(colour)
    steps = 500
    for step in range(1, steps + 1):
        for moved in (lightness - step / steps, lightness + step / steps):
            if 0 <= moved <= 1:
                candidate = _from_oklch(moved, chroma, hue)
                if contrast_ratio(candidate, against) >= ratio:
                    return candidate
    return max(("#000000", "#ffffff"), key=lambda end: contrast_ratio(end, against))


def mix(a: str, b: str, share: float) -> str:
    """`a` with `share` (0 to 1) of `b` in it, mixed in OKLab so that no muddy grey comes out."""
    one, two = _to_oklab(a), _to_oklab(b)
    return _hex(_oklab_to_linear(tuple(x + (y - x) * share for x, y in zip(one, two))))


def custom_properties(tokens: BrandTokens) -> dict[str, str]:
    """Name → value of every custom property, all values safe to write into a stylesheet.

    Raises `ValueError` for a colour, font, radius, focus or address that isn't one.
    """
    if tokens.font not in FONTS:
        raise ValueError(f"unknown font: {tokens.font!r}")
    font = FONTS[tokens.font]
    background, surface = clean_hex(tokens.background), clean_hex(tokens.surface)
    text, accent = clean_hex(tokens.text), clean_hex(tokens.accent)
    error, on_accent = clean_hex(tokens.error), clean_hex(tokens.on_accent)
    dark = contrast_ratio(surface, PAPER) > contrast_ratio(surface, INK)
    # Fields lie a little above the form's ground: lighter on light brands and on dark ones.
    field = mix(surface, PAPER, 0.06 if dark else 0.75)
    accent_wash, error_wash = mix(field, accent, 0.12), mix(surface, error, 0.1)
    # Pressed, the accent moves away from the text on it: more contrast, never less.
    pressed = INK if contrast_ratio(on_accent, PAPER) < contrast_ratio(on_accent, INK) else PAPER
    on_background = readable_on(background, (surface, text))
    picture = f'url("{clean_url(tokens.hero_image_url)}")' if tokens.hero_image_url else "none"
    focus_x, focus_y = (_within(part, 0, 100) for part in tokens.hero_focus)
    return {
        "background": background,
        "on-background": on_background,
        "on-background-muted": nearest_passing(mix(on_background, background, 0.22), background),
        "accent-on-background": nearest_passing(accent, background),
        "surface": surface,
        "text": text,
        "muted": clean_hex(tokens.muted),
        "accent": accent,
        "accent-strong": mix(accent, pressed, 0.14),
        "on-accent": on_accent,
        "accent-wash": accent_wash,
        "text-on-wash": nearest_passing(text, accent_wash),
        "error": error,
        "error-wash": error_wash,
        "error-on-wash": nearest_passing(error, error_wash),
        "field": field,
        "text-on-field": nearest_passing(text, field),
        "line": nearest_passing(mix(text, surface, 0.5), surface, SHAPE_RATIO),
        "focus": nearest_passing(accent, surface, SHAPE_RATIO),
        "radius": f"{_within(tokens.radius, 0, 32)}px",
        "font": font.text,
        "heading-font": font.heading,
        "heading-weight": str(font.heading_weight),
        "heading-tracking": font.heading_tracking,
        "hero-image": picture,
        "hero-focus": f"{focus_x}% {focus_y}%",
        "scheme": "dark" if dark else "light",
    }


def brand_css(tokens: BrandTokens) -> str:
    """The stylesheet of one brand: `:root { --brand-…: …; }`, UTF-8 text."""
    lines = [f"  --brand-{name}: {value};" for name, value in custom_properties(tokens).items()]
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _within(number: int, low: int, high: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise ValueError(f"not a whole number from {low} to {high}: {number!r}")
    return number


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


def _to_oklab(colour: str) -> RGB:
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


def _to_oklch(colour: str) -> RGB:
    lightness, a, b = _to_oklab(colour)
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _from_oklch(lightness: float, chroma: float, hue: float) -> str:
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
