"""What Stripe's billing portal offers our retailers: made by setup_stripe, found by its mark."""

import stripe

MARK = {"managed_by": "setup_stripe"}
FEATURES = {
    "customer_update": {"enabled": True, "allowed_updates": ["address", "tax_id"]},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
    "subscription_update": {"enabled": False},  # our own page changes plans: see checkout.py
}


def find(client: stripe.StripeClient) -> str:
    """Its id; "" where there is none: then the dashboard's own settings hold."""
    listed = client.v1.billing_portal.configurations.list({"active": True, "limit": 100})
    for each in listed.auto_paging_iter():
        if each.metadata and MARK.items() <= each.metadata.to_dict().items():
            return each.id
    return ""


def ensure(client: stripe.StripeClient) -> str:
    """Make it, or bring it up to date; its id."""
    if id := find(client):
        client.v1.billing_portal.configurations.update(id, {"features": FEATURES})
        return id
    values = {"features": FEATURES, "metadata": MARK, "business_profile": {}}
    return client.v1.billing_portal.configurations.create(values).id
