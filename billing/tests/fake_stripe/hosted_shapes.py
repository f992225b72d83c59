"""What Stripe shows of invoices, its pages, meters and endpoints; see shapes.py for the rest."""

from .shapes import now, page


def line_item(
    id: str, invoice: str, subscription: str, item: str, price: str, values: dict
) -> dict:
    """`values`: amount, currency, description, quantity, start, end, proration."""
    return {
        "id": id,
        "object": "line_item",
        "amount": values["amount"],
        "currency": values["currency"],
        "description": values["description"],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": values.get("proration", False),
                "proration_details": {"credited_items": None},
                "subscription": subscription,
                "subscription_item": item,
            },
            "type": "subscription_item_details",
        },
        "period": {"end": values["end"], "start": values["start"]},
        "pretax_credit_amounts": [],
        "pricing": {"price_details": {"price": price}, "type": "price_details"},
        "quantity": values.get("quantity", 1),
        "quantity_decimal": str(values.get("quantity", 1)),
        "subscription": subscription,
        "subtotal": values["amount"],
        "taxes": [],
    }


def invoice(id: str, customer: dict, subscription: dict, reason: str) -> dict:
    return {
        "id": id,
        "object": "invoice",
        "account_country": "NL",
        "account_name": "Fake Stripe",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": subscription["automatic_tax"]["enabled"],
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": now(),
        "currency": subscription["currency"],
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": None,
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": None,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": page([], f"/v1/invoices/{id}/lines"),
        "livemode": subscription["livemode"],
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": subscription["id"]},
            "type": "subscription_details",
        },
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": now(),
        "period_start": now(),
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subscription": subscription["id"],
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": None,
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": now(),
    }


def checkout_session(id: str, livemode: bool) -> dict:
    nothing = (
        *("after_expiration", "allow_promotion_codes", "amount_subtotal", "amount_total"),
        *("billing_address_collection", "cancel_url", "client_reference_id", "client_secret"),
        *("collected_information", "consent", "consent_collection", "currency"),
        *("currency_conversion", "customer", "customer_account", "customer_creation"),
        *("customer_details", "customer_email", "integration_identifier", "invoice"),
        *("invoice_creation", "locale", "origin_context", "payment_intent", "payment_link"),
        *("payment_method_configuration_details", "payment_method_options", "permissions"),
        *("recovered_from", "saved_payment_method_options", "setup_intent"),
        *("shipping_address_collection", "shipping_cost", "submit_type", "subscription"),
        *("success_url", "total_details", "wallet_options"),
    )
    return dict.fromkeys(nothing) | {
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "created": now(),
        "custom_fields": [],
        "custom_text": {},
        "discounts": [],
        "expires_at": now() + 24 * 3600,
        "livemode": livemode,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "mode": "subscription",
        "payment_method_collection": "always",
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted",
        "url": None,
    }


def portal_session(id: str, customer: str, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "billing_portal.session",
        "configuration": None,
        "created": now(),
        "customer": customer,
        "customer_account": None,
        "flow": None,
        "livemode": livemode,
        "locale": None,
        "on_behalf_of": None,
        "return_url": None,
        "url": None,
    }


def portal_configuration(id: str, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {},
        "created": now(),
        "default_return_url": None,
        "features": {},
        "is_default": False,
        "livemode": livemode,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": now(),
    }


def meter(id: str, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "billing.meter",
        "created": now(),
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": "sum"},
        "display_name": "",
        "event_name": "",
        "event_time_window": None,
        "livemode": livemode,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": now(),
        "value_settings": {"event_payload_key": "value"},
    }


def meter_event(identifier: str, livemode: bool) -> dict:
    return {
        "object": "billing.meter_event",
        "created": now(),
        "event_name": "",
        "identifier": identifier,
        "livemode": livemode,
        "payload": {},
        "timestamp": now(),
    }


def meter_summary(id: str, meter: str, value: int, start: int, end: int, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "billing.meter_event_summary",
        "aggregated_value": value,
        "end_time": end,
        "livemode": livemode,
        "meter": meter,
        "start_time": start,
    }


def webhook_endpoint(id: str, livemode: bool) -> dict:
    return {
        "id": id,
        "object": "webhook_endpoint",
        "api_version": None,
        "application": None,
        "created": now(),
        "description": None,
        "enabled_events": [],
        "livemode": livemode,
        "metadata": {},
        "status": "enabled",
        "url": "",
    }


def balance_transaction(id: str, customer: dict, values: dict) -> dict:
    return {
        "id": id,
        "object": "customer_balance_transaction",
        "amount": int(values["amount"]),
        "checkout_session": None,
        "created": now(),
        "credit_note": None,
        "currency": values["currency"],
        "customer": customer["id"],
        "customer_account": None,
        "description": values.get("description"),
        "ending_balance": customer["balance"],
        "invoice": None,
        "livemode": customer["livemode"],
        "metadata": values.get("metadata", {}),
        "type": "adjustment",
    }
