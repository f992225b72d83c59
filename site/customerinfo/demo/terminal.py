"""What the demo says to the person who started it."""

import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

COLOURS = (36, 33, 35, 32, 34)  # cyan, yellow, magenta, green, blue
NAME_WIDTH = 7


class Terminal:
    """Numbered steps with the time gone by, lines of programs by name, and a box at the end.

    Goes on silently when nobody listens any more: the terminal was closed, or the pipe.
    """

    def __init__(self, steps: int, out: TextIO | None = None):
        self.steps = steps
        self._out = out or sys.stdout
        self._coloured = self._out.isatty() and not os.environ.get("NO_COLOR")
        self._started = time.monotonic()
        self._step = 0
        self._colour_of: dict[str, int] = {}

    def step(self, text: str) -> None:
        self._step += 1
        elapsed = time.monotonic() - self._started
        self._write(self._paint(f"[{self._step}/{self.steps}] {elapsed:5.1f} s  {text}", 1))

    def say(self, text: str) -> None:
        self._write(text)

    def line(self, name: str, text: str) -> None:
        """One line that the program `name` wrote."""
        colour = self._colour_of.setdefault(name, COLOURS[len(self._colour_of) % len(COLOURS)])
        self._write(f"{self._paint(f'{name:<{NAME_WIDTH}}|', colour)} {text}")

    def box(self, rows: Sequence[str]) -> None:
        width = max(len(row) for row in rows)
        edge = "─" * (width + 2)
        self._write("\n".join([f"┌{edge}┐", *(f"│ {row:<{width}} │" for row in rows), f"└{edge}┘"]))

    def _paint(self, text: str, code: int) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except UnicodeEncodeError:
            self._out.write(text.encode("ascii", "replace").decode() + "\n")
            self._out.flush()
        except OSError:
            # The descriptor, not the object: what is still in its buffer must go somewhere too.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)
