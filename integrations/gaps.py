"""How long to wait before the next try."""

import random

FIRST = 10.0  # seconds; doubled with each try
LONGEST = 3600.0
LONGEST_ASKED = 24 * 3600.0  # a Retry-After beyond this is taken for a mistake


def growing(tries: int, longest: float = LONGEST) -> float:
    """Seconds until the next try: growing, and jittered, so that a crowd spreads out."""
    gap = min(FIRST * 2 ** min(max(0, tries - 1), 30), longest)
    return random.uniform(gap / 2, gap)


def asked(seconds: float) -> float:
    """What the other side wished."""
    return min(seconds, LONGEST_ASKED)
