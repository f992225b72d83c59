"""What billing knows of retailers, as the console shows it."""

from collections.abc import Sequence

from django.urls import reverse
from django.utils.timezone import localtime
from djstripe import models as mirror

from tenants.console_parts import Bill, Section
from tenants.models import Retailer

from . import overrides, plans, stripe_api
from .models import Override
from .money import written
from .owed import in_plain_words, invoices_of
from .subscribed import LIVING, moment, plan_of

LONGEST = 12  # invoices


def bills(retailers: Sequence[Retailer]) -> dict[int, Bill]:
    """In two queries, however many they are."""
    held: dict[int, dict] = {}
    for number, data in mirror.Subscription.objects.filter(
        customer__subscriber__in=retailers, livemode=stripe_api.live_mode()
    ).values_list("customer__subscriber", "stripe_data"):
        other = held.get(number)
        if data["status"] in LIVING and (other is None or data["created"] > other["created"]):
            held[number] = data
    longer: dict[int, list] = {}
    granted = Override.objects.in_force().filter(
        kind=Override.Kind.TRIAL, retailer__in=retailers, until__isnull=False
    )
    for number, until in granted.values_list("retailer", "until"):
        longer.setdefault(number, []).append(overrides.end_of(until))
    return {
        retailer.pk: Bill(
            plan_words(retailer, held.get(retailer.pk)),
            (
                max([plans.trial_ends(retailer), *longer.get(retailer.pk, [])])
                if retailer.billed_state == Retailer.State.TRIAL
                else None
            ),
        )
        for retailer in retailers
    }


def plan_words(retailer: Retailer, subscription: dict | None) -> str:
    if plan := plan_of(subscription):
        return plan.name
    wished = plans.catalogue().plan(retailer.plan) if retailer.plan else None
    return f"wants {wished.name}" if wished else ""


def sections(retailer: Retailer) -> list[Section]:
    found = invoices_of(retailer).values_list("stripe_data", flat=True)
    newest = sorted(found, key=lambda data: data["created"], reverse=True)[:LONGEST]
    return [
        Section(
            "Invoices",
            ("Day", "Number", "Amount", "State"),
            tuple(
                (
                    f"{localtime(moment(data['created'])):%-d %B %Y}",
                    data["number"] or "–",
                    written(data["amount_due"], data["currency"]),
                    in_plain_words(data["status"]),
                )
                for data in newest
            ),
            "No invoice was written yet.",
            reverse("retailer_billing", args=[retailer.pk]),
            "Plan, overrides, credit",
        )
    ]
