"""Plans and keys that can't work are refused at start, not at the first customer."""

import re

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from . import plans, stripe_api

SECRET_KEY = re.compile(r"\A(sk|rk)_(test|live)_[A-Za-z0-9]{24,}\Z")  # dj-stripe takes no other
HINT = "Mend billing/plans.toml; its head says how amounts are written."


@register("billing")
def plans_are_right(app_configs, **kwargs) -> list[CheckMessage]:
    try:
        plans.load()
    except plans.PlansError as error:
        return [Error(mistake.text, hint=HINT, id=mistake.id) for mistake in error.mistakes]
    return []


@register("billing")
def keys_are_right(app_configs, **kwargs) -> list[CheckMessage]:
    key = settings.STRIPE_SECRET_KEY
    if not key:
        return []  # billing is off
    found: list[CheckMessage] = []
    if not SECRET_KEY.match(key):
        found.append(
            Error(
                "STRIPE_SECRET_KEY doesn't look like a secret key of Stripe.",
                hint="It begins with sk_test_ or sk_live_: Dashboard → Developers → API keys.",
                id="billing.E005",
            )
        )
    if not stripe_api.webhook_secret():
        found.append(
            Error(
                "STRIPE_SECRET_KEY is set, but STRIPE_WEBHOOK_SECRET isn't.",
                hint="Without it no event of Stripe can be believed: Dashboard → Webhooks.",
                id="billing.E006",
            )
        )
    if stripe_api.live_mode() and stripe_api.api_base() != stripe_api.STRIPE:
        found.append(
            Error(
                "STRIPE_API_BASE is set beside a live key: the key would go to another server.",
                hint="Unset STRIPE_API_BASE, or use a test key.",
                id="billing.E007",
            )
        )
    return found
