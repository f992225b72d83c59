"""A proof of work (ALTCHA, https://altcha.org), asked for only when a page is being flooded.

A browser needs a second for it, in static/forms_app/proof.js. Who can't give one is kept aside for
the retailer, and thanked like everybody.
"""

import base64
import datetime
import json

import altcha
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django.utils.crypto import salted_hmac

HARDNESS = 30_000  # hashes at most
VALID = 300  # seconds


def challenge() -> dict:
    """What proof.js solves: {"algorithm", "challenge", "maxNumber", "salt", "signature"}."""
    made = altcha.create_challenge_v1(
        altcha.ChallengeOptionsV1(
            hmac_key=secret(),
            max_number=HARDNESS,
            expires=timezone.now() + datetime.timedelta(seconds=VALID),
        )
    )
    return made.to_dict()


def holds(solution: str) -> bool:
    """Whether this is a proof of ours, made in time and shown for the first time."""
    try:
        decoded = json.loads(base64.b64decode(solution, validate=True))
        ok, _ = altcha.verify_solution_v1(decoded, secret(), check_expires=True)
        signature = decoded["signature"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    return ok and cache.add(f"proof:{signature}", 1, VALID)


def secret() -> str:
    salt = f"forms_app.proof.{connection.schema_name}"
    return salted_hmac(salt, settings.SECRET_KEY, algorithm="sha256").hexdigest()
