"""The PIN of the staff menu: set here, checked on the tablet, which may be offline.

So the tablet holds salt and hash. Whoever takes a tablet apart can try all PINs in minutes: the PIN
keeps shoppers out of the menu. What they typed is sealed, and no PIN opens that.
"""

import base64
import hashlib
import re
import secrets

ITERATIONS = 300_000  # half a second on a cheap tablet
DIGITS = re.compile(r"[0-9]{4,8}", re.ASCII)


def make(digits: str) -> dict:
    """What TabletSettings.pin holds. Raises ValueError for what isn't 4–8 digits."""
    if not DIGITS.fullmatch(digits):
        raise ValueError("not 4–8 digits")
    salt = secrets.token_bytes(16)
    derived = hashlib.pbkdf2_hmac("sha256", digits.encode(), salt, ITERATIONS)
    return {
        "salt": base64.b64encode(salt).decode(),
        "iterations": ITERATIONS,
        "hash": base64.b64encode(derived).decode(),
    }
