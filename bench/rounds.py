"""Rounds that alternate, medians, and the table."""

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ROUNDS = 5

Figures = Mapping[str, float]  # what one program did in one round, by the name of the figure


def alternate(programs: Mapping[str, Callable[[], Figures]]) -> dict[str, list[Figures]]:
    """Each program in turn, so that what else the machine does meets all of them alike.

    The first round warms up and isn't counted.
    """
    rounds: dict[str, list[Figures]] = {name: [] for name in programs}
    for number in range(ROUNDS + 1):
        for name, program in programs.items():
            figures = program()
            if number:
                rounds[name].append(figures)
    return rounds


@dataclass(frozen=True)
class Line:
    """One figure of ours beside the limit's, round by round. `aim` is the design's, in words."""

    work: str
    unit: str
    ours: Sequence[float]
    limit: Sequence[float]
    aim: str = ""

    @property
    def ratio(self) -> float:
        """The median of the rounds' own ratios: both sides of one had the same machine."""
        return statistics.median(our / limit for our, limit in zip(self.ours, self.limit))

    def cells(self) -> list[str]:
        return [
            self.work,
            f"{number(statistics.median(self.ours))} {self.unit}",
            f"{number(statistics.median(self.limit))} {self.unit}",
            f"{self.ratio:.2f}",
            self.aim,
        ]

    def raw(self) -> str:
        ours, limit = (" ".join(map(number, side)) for side in (self.ours, self.limit))
        return f"{self.work}, {self.unit}: ours {ours}; limit {limit}"


def compare(
    work: str,
    figure: str,
    unit: str,
    rounds: Mapping[str, Sequence[Figures]],
    *,
    limit: str = "limit",
    aim: str = "",
) -> Line:
    """The line for one figure of what `alternate` returned."""
    ours, other = ([each[figure] for each in rounds[name]] for name in ("ours", limit))
    return Line(work, unit, ours, other, aim)


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(lines: Sequence[Line]) -> str:
    rows = [["work", "ours", "limit", "ours/limit", "aim"], *(line.cells() for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )


def machine() -> str:
    """How much this machine could give, and what else it was doing."""
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{os.cpu_count()} CPUs, load {load} (1, 5 and 15 minutes)"
