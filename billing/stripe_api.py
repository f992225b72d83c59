"""The one way to Stripe: key, address and time limits from the settings.

Our own calls go through `client()`. dj-stripe calls module-level functions of the stripe library
when it follows references, so `configure()` gives those the same address and limits at start.
"""

import stripe
from django.conf import settings

STRIPE = stripe.DEFAULT_API_BASE
TIMEOUT = (5, 20)  # seconds to connect, and to answer
# Of what the library itself calls safe to repeat: no connection, 409, 429 (Stripe says so), 5xx.
# It sends one idempotency key with all repeats of a call.
RETRIES = 2


class BillingOff(Exception):
    """No key of Stripe is configured."""


def api_base() -> str:
    """Another address than Stripe's own serves the fake Stripe of tests and demo."""
    return getattr(settings, "STRIPE_API_BASE", "") or STRIPE


def secret_key() -> str:
    """Raises `BillingOff` where there is none."""
    if not settings.STRIPE_SECRET_KEY:
        raise BillingOff("STRIPE_SECRET_KEY is not set: billing is off.")
    return settings.STRIPE_SECRET_KEY


def webhook_secret() -> str:
    return getattr(settings, "STRIPE_WEBHOOK_SECRET", "")


def is_on() -> bool:
    return bool(settings.STRIPE_SECRET_KEY)


def live_mode() -> bool:
    """Whether the key moves real money."""
    return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))


def client() -> stripe.StripeClient:
    return stripe.StripeClient(
        secret_key(),
        base_addresses={"api": api_base()},
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    )


def configure() -> None:
    """For dj-stripe's own calls."""
    stripe.api_base = api_base()
    stripe.max_network_retries = RETRIES
    stripe.default_http_client = stripe.RequestsClient(timeout=TIMEOUT)
