"""Stripe's meter for sign-ups.

It counts by days: of several reports about one day, only the last one counts. So a day may be
reported again, corrected or by mistake, and nothing is charged twice. "Pre-aggregated (daily)":
https://docs.stripe.com/billing/subscriptions/usage-based/meters/configure
"""

import stripe

EVENT = "customerinfo_signups"


def find(client: stripe.StripeClient) -> str:
    """The meter's id, or "" if there is none."""
    for meter in client.v1.billing.meters.list(
        {"status": "active", "limit": 100}
    ).auto_paging_iter():
        if meter.event_name == EVENT:
            return meter.id
    return ""


def create(client: stripe.StripeClient) -> str:
    """No idempotency key: an event's name can have one meter only."""
    return client.v1.billing.meters.create(
        {
            "display_name": "Sign-ups",
            "event_name": EVENT,
            "default_aggregation": {"formula": "sum"},
            "event_time_window": "day",
        }
    ).id
