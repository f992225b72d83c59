"""The brand's stylesheet: a retailer's few choices become CSS custom properties.

Pure: no Django, no model. Whatever a retailer typed passes `clean_hex` or `clean_url` here, so
nothing but a colour, a number, a stack of `FONTS` or a plain address can stand in the stylesheet.

The retailer chooses few colours; what else a page needs (lines of fields, focus rings, the accent
as text …) is derived from them, and derived colours pass WCAG AA.

The button is dressed by custom properties of its own, `--button-…` (`button_properties`), the same
names for every style: tablet.css uses them and needn't know which style it is.
"""

import re
from dataclasses import dataclass

from .colours import (
    INK,
    PAPER,
    SHAPE_RATIO,
    TEXT_RATIO,
    clean_hex,
    contrast_ratio,
    mix,
    nearest_passing,
    readable_on,
)

__all__ = [
    "BUTTONS",
    "FONTS",
    "SHAPE_RATIO",
    "TEXT_RATIO",
    "BrandTokens",
    "Font",
    "brand_css",
    "button_properties",
    "clean_hex",
    "clean_url",
    "contrast_ratio",
    "custom_properties",
    "mix",
    "nearest_passing",
    "readable_on",
]

# One slash first: an address on this host. Quotes, backslashes, brackets and spaces stay out.
_URL = re.compile(r"/(?!/)[\w/.~%@+=&?:,;-]*", re.ASCII)

BUTTONS = ("filled", "outline", "raised")


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
    button: str = "filled"  # one of BUTTONS
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
        button: str = "filled",
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
            button=button,
            hero_image_url=picture_url,
            hero_focus=picture_focus,
        )


def clean_url(url: str) -> str:
    """An address on this host that can stand inside `url("…")`; `ValueError` for any other."""
    text = str(url)
    if not _URL.fullmatch(text):
        raise ValueError(f"not a plain address on this host: {text[:80]!r}")
    return text


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
        "accent-strong": _pressed(accent, on_accent),
        "on-accent": on_accent,
        "accent-wash": accent_wash,
        "text-on-wash": nearest_passing(text, accent_wash),
        "error": error,
        "error-wash": error_wash,
        "error-on-wash": nearest_passing(error, error_wash),
        "text-on-error-wash": nearest_passing(text, error_wash),
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


def button_properties(tokens: BrandTokens) -> dict[str, str]:
    """What the form's button wears, as `--button-<name>`; it stands on the surface.

    `background`, `text`, `border` (a colour) and `shadow` are its rest; the same names with
    `-pressed` are how it looks under a finger. Text on it passes AA in both.
    """
    if tokens.button not in BUTTONS:
        raise ValueError(f"unknown button: {tokens.button!r}")
    surface, accent = clean_hex(tokens.surface), clean_hex(tokens.accent)
    on_accent = clean_hex(tokens.on_accent)
    if tokens.button == "outline":
        ink = nearest_passing(accent, surface)
        wash = mix(surface, ink, 0.1)
        return {
            "background": surface,
            "text": ink,
            "border": ink,
            "shadow": "none",
            "background-pressed": wash,
            "text-pressed": nearest_passing(ink, wash),
            "border-pressed": ink,
            "shadow-pressed": "none",
        }
    strong = _pressed(accent, on_accent)
    raised = tokens.button == "raised"
    edge = mix(accent, INK, 0.4)
    return {
        "background": accent,
        "text": on_accent,
        "border": accent,
        "shadow": f"0 0.3rem 0 {edge}" if raised else "none",
        "background-pressed": accent if raised else strong,
        "text-pressed": on_accent,
        "border-pressed": accent if raised else strong,
        "shadow-pressed": f"0 0.1rem 0 {edge}" if raised else "none",
    }


def brand_css(tokens: BrandTokens) -> str:
    """The stylesheet of one brand: `:root { --brand-…: …; --button-…: …; }`, UTF-8 text."""
    lines = [f"  --brand-{name}: {value};" for name, value in custom_properties(tokens).items()]
    lines += [f"  --button-{name}: {value};" for name, value in button_properties(tokens).items()]
    return ":root {\n" + "\n".join(lines) + "\n}\n"


def _pressed(accent: str, on_accent: str) -> str:
    """The accent under a finger moves away from the text on it: more contrast, never less."""
    end = INK if contrast_ratio(on_accent, PAPER) < contrast_ratio(on_accent, INK) else PAPER
    return mix(accent, end, 0.14)


def _within(number: int, low: int, high: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise ValueError(f"not a whole number from {low} to {high}: {number!r}")
    return number
