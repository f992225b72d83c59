"""Which of a brand's colours must stand out from which, and by how much.

Pure. Only what a retailer chooses is measured: everything derived from it passes by itself, see
forms_app.brand_css.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .colours import SHAPE_RATIO, TEXT_RATIO, contrast_ratio, nearest_passing


@dataclass(frozen=True)
class Pair:
    """`colour` on `against`, two of the names that Brand has, needs a contrast of `ratio`."""

    colour: str
    against: str
    ratio: float
    label: str
    refusal: str


PAIRS = (
    Pair(
        "text", "surface", TEXT_RATIO, "Text on the form", "Hard to read on the form's background."
    ),
    Pair(
        "accent", "surface", SHAPE_RATIO, "Button on the form",
        "Hard to see on the form's background."
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A pair in real colours. `nearest` is the colour itself if it passes."""

    pair: Pair
    ratio: float
    nearest: str

    @property
    def passes(self) -> bool:
        return self.ratio >= self.pair.ratio

    @property
    def message(self) -> str:
        """ "" if it passes."""
        if self.passes:
            return ""
        return f"{self.pair.refusal} {self.nearest} is the nearest colour that works."


def measure(colours: Mapping[str, str]) -> Iterator[Measured]:
    """Every pair, but those in which something isn't a colour: its own field says so."""
    for pair in PAIRS:
        try:
            ratio = contrast_ratio(colours[pair.colour], colours[pair.against])
        except ValueError:
            continue
        nearest = nearest_passing(colours[pair.colour], colours[pair.against], pair.ratio)
        yield Measured(pair, ratio, nearest)
