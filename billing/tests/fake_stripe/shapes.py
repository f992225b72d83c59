"""Objects as Stripe shows them, every top-level key of its published fixtures included."""

import time

_ahead = 0  # seconds by which this Stripe's clock is ahead of the machine's


def now() -> int:
    return int(time.time()) + _ahead


def set_clock(at: int) -> None:
    """From here on the time goes on from `at`."""
    global _ahead
    _ahead = at - int(time.time())


def account() -> dict:
    return {
        "id": "acct_fake",
        "object": "account",
        "business_profile": {"name": "Fake Stripe", "url": None},
        "business_type": None,
        "capabilities": {},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "NL",
        "created": now(),
        "default_currency": "eur",
        "details_submitted": True,
        "email": "account@fake.test",
        "external_accounts": page([], "/v1/accounts/acct_fake/external_accounts"),
        "future_requirements": {},
        "metadata": {},
        "payouts_enabled": True,
        "requirements": {},
        "settings": {"branding": {"icon": None, "logo": None}, "dashboard": {}},
        "tos_acceptance": {},
        "type": "standard",
    }


def page(objects: list[dict], url: str, more: bool = False) -> dict:
    return {"object": "list", "data": objects, "has_more": more, "url": url}


def customer(id: str, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now(),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": f"FAKE{id[-4:]}".upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def product(id: str, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "product",
        "active": True,
        "created": now(),
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": livemode,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": now(),
        "url": None,
    }


def price(id: str, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": now(),
        "currency": "",
        "custom_unit_amount": None,
        "livemode": livemode,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": "",
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }


def recurring(interval: str, count: int, meter: str | None = None) -> dict:
    return {
        "interval": interval,
        "interval_count": count,
        "meter": meter,
        "trial_period_days": None,
        "usage_type": "metered" if meter else "licensed",
    }


def plan_of(price: dict) -> dict:
    """The older name of a recurring price, which subscription items still carry."""
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": price["recurring"]["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": price["recurring"]["usage_type"],
    }


def subscription_item(id: str, subscription: str, price: dict, start: int, end: int) -> dict:
    found = {
        "id": id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "quantity": 1,
        "subscription": subscription,
        "tax_rates": [],
    }
    if price["recurring"]["usage_type"] == "metered":
        del found["quantity"]
    return found


def subscription(id: str, customer: str, currency: str, livemode: bool) -> dict:
    start = now()
    return {
        "id": id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": start,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"type": "classic"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": start,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": page([], f"/v1/subscription_items?subscription={id}"),
        "latest_invoice": None,
        "livemode": livemode,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": start,
        "status": "active",
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def event(id: str, type: str, about: dict, before: dict | None, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "event",
        "api_version": None,
        "created": now(),
        "data": {"object": about} | ({"previous_attributes": before} if before else {}),
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
    }
