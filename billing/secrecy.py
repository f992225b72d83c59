"""Keeps Stripe's secret key out of the database.

dj-stripe writes the key into djstripe_apikey, in plain text, to find out whose account an object
belongs to. There is one account here, and the key comes from the environment: so it asks us.
"""

from djstripe import models as mirror


def keep_keys_out() -> None:
    """For the start of every process."""
    mirror.Account.get_or_retrieve_for_api_key = classmethod(nobody)


def nobody(cls, api_key: str) -> None:
    """Objects of the mirror name no account."""


def forget_keys() -> int:
    """Delete what an earlier release stored; how many keys."""
    deleted, _ = mirror.APIKey.objects.all().delete()
    return deleted
