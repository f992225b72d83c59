"""Where a defect happened, for the operator's log: the places, not what was in their variables.

An exception's text may carry a shopper's address or a key (`KeyError: 'ann@example.com'`), so only
its type and the lines of code are written.
"""

import traceback


def describe(error: BaseException) -> str:
    """The error's type, and the innermost places it came through, on one line each."""
    places = traceback.extract_tb(error.__traceback__)[-8:]
    lines = [f"  {place.filename}:{place.lineno} in {place.name}" for place in places]
    return "\n".join([type(error).__name__, *lines])
