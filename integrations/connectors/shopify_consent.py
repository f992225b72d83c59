"""Consents in Shopify: marketing by e-mail and by SMS, of which each customer has a state.

Only who has never been asked is subscribed. Who left, or whose address bounced, keeps that state;
so does who was asked to confirm and hasn't yet. Shopify keeps the latest word, by its date, so the
moment of the consent goes along: somebody who left since stays away.
https://shopify.dev/docs/api/admin-graphql/latest/mutations/customerEmailMarketingConsentUpdate
"""

from typing import Any, Mapping

from integrations.attribute_values import readable
from integrations.connectors.base import (
    ConsentTarget,
    ConsentTargetChoice,
    NeedsAttention,
    Outcome,
)
from integrations.connectors.json_api import Person
from integrations.connectors.shopify_graphql import Change

TARGETS = [
    ConsentTarget("email", "Marketing by e-mail", "choose"),
    ConsentTarget("sms", "Marketing by SMS", "choose"),
]
_LEFT = ("UNSUBSCRIBED", "REDACTED", "INVALID")
_ASKED = ("SUBSCRIBED", "PENDING")
_WAYS = {  # target → (its part of a customer, the mutation, its input)
    "email": ("email", "customerEmailMarketingConsentUpdate", "EmailMarketingConsent"),
    "sms": ("phone", "customerSmsMarketingConsentUpdate", "SmsMarketingConsent"),
}


def changes(person: Person, customer: Mapping[str, Any]) -> tuple[list[Change], Outcome | None]:
    """What to write of a person's consents, and why not all of it, if so."""
    found: list[Change] = []
    said: Outcome | None = None
    for choice in person.consents:
        if choice.target not in _WAYS:
            said = NeedsAttention(
                "no_list", "Shopify knows no such marketing. Look at the consents."
            )
            continue
        place = customer.get(_WAYS[choice.target][0])
        if not place:
            what = "e-mail address" if choice.target == "email" else "phone number"
            said = NeedsAttention(
                "no_address",
                f"The customer is in Shopify. The consent isn't: it needs the {what}, and the"
                " customer has none there.",
            )
        elif place["marketingState"] in _LEFT:
            said = NeedsAttention(
                "unsubscribed",
                "The customer is in Shopify, but had unsubscribed earlier. Only this person can"
                " subscribe again, in your shop or by a link in one of your messages.",
            )
        elif place["marketingState"] not in _ASKED:
            found.append(_change(person, choice, str(customer["id"])))
    return found, said


def _change(person: Person, choice: ConsentTargetChoice, customer_id: str) -> Change:
    _, mutation, name = _WAYS[choice.target]
    double = choice.double_opt_in
    consent = {
        "marketingState": "PENDING" if double else "SUBSCRIBED",
        "marketingOptInLevel": "CONFIRMED_OPT_IN" if double else "SINGLE_OPT_IN",
        "consentUpdatedAt": readable(choice.recorded_at),
    }
    given = {"customerId": customer_id, name[0].lower() + name[1:]: consent}
    return Change(mutation, {"input": f"Customer{name}UpdateInput!"}, {"input": given})
