"""The retailer's Billing page: what it has, what it could have, the way to Stripe's own pages."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import stripe
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_tenants.utils import schema_context, tenant_context
from djstripe import models as mirror

from forms_app.models import Signup
from forms_app.starter import OWNERS
from tenants.models import Retailer

from . import customers, plans, stripe_api
from .money import written

log = logging.getLogger(__name__)

LIVING = ("trialing", "active", "past_due", "unpaid", "paused")
NO_ANSWER = "Stripe doesn't answer at the moment. Nothing was changed; please try again later."


@dataclass(frozen=True)
class Usage:
    """Real sign-ups of this month, and how many the plan includes (0: nothing is known of one)."""

    count: int
    included: int

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.count / self.included)) if self.included else 0


@dataclass(frozen=True)
class Invoice:
    number: str
    at: datetime
    amount: str
    status: str
    url: str
    pdf: str


def owners_only(request: HttpRequest) -> Retailer:
    """The retailer, as its row says now. Raises `PermissionDenied`."""
    retailer = getattr(request, "retailer", None)
    user = request.user
    if retailer is None or not (user.is_superuser or user.groups.filter(name=OWNERS).exists()):
        raise PermissionDenied
    return Retailer.objects.get(pk=retailer.pk)


def page(request: HttpRequest) -> HttpResponse:
    retailer = owners_only(request)
    subscription = subscription_of(retailer)
    plan = plan_of(subscription)
    context = {
        "retailer": retailer,
        "is_on": bool(settings.STRIPE_SECRET_KEY),
        "plan": plan,
        "subscription": subscription,
        "trial_ends": plans.trial_ends(retailer) if retailer.state == "trial" else None,
        "usage": usage(retailer, plan),
        "offers": offers(request.GET.get("currency", "eur")),
        "currencies": currencies(),
        "currency": request.GET.get("currency", "eur"),
        **invoices(retailer),
    }
    return render(request, "billing/page.html", context)


def subscription_of(retailer: Retailer) -> dict | None:
    """What the mirror says of the subscription that counts: the newest that isn't over."""
    found = mirror.Subscription.objects.filter(
        customer__subscriber=retailer, livemode=stripe_api.live_mode()
    ).values_list("stripe_data", flat=True)
    living = [each for each in found if each["status"] in LIVING]
    return max(living, key=lambda each: each["created"], default=None)


def plan_of(subscription: dict | None) -> plans.Plan | None:
    """By the price's lookup key, or the product that we named ourselves."""
    if subscription is None:
        return None
    prices = [item["price"] for item in subscription["items"]["data"]]
    products = {price["product"] for price in prices}
    return next((one for one in plans.catalogue().plans if one.product_id in products), None)


def usage(retailer: Retailer, plan: plans.Plan | None) -> Usage:
    first = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with tenant_context(retailer):
        count = Signup.objects.filter(received_at__gte=first, is_test=False).count()
    return Usage(count, plan.included_signups if plan else 0)


def currencies() -> list[str]:
    return sorted({price.currency for price in plans.catalogue().prices})


def offers(currency: str) -> list[dict]:
    """Plans with their prices in this currency: [{plan, prices: [{key, interval, amount}]}]."""
    return [
        {
            "plan": plan,
            "prices": [
                {
                    "key": price.lookup_key,
                    "interval": price.interval,
                    "amount": written(price.amount, price.currency),
                }
                for price in plan.prices
                if price.currency == currency
            ],
        }
        for plan in plans.catalogue().plans
    ]


def invoices(retailer: Retailer) -> dict:
    """The newest two dozen, from Stripe itself; `stripe_is_down` if it doesn't answer."""
    customer = customers.known_customer(retailer)
    if customer is None or not settings.STRIPE_SECRET_KEY:
        return {"invoices": [], "stripe_is_down": False}
    try:
        listed = stripe_api.client().v1.invoices.list({"customer": customer.id, "limit": 24})
    except stripe.StripeError as error:
        log.warning("No invoices of %s: %s", retailer.schema_name, type(error).__name__)
        return {"invoices": [], "stripe_is_down": True}
    found = [
        Invoice(
            number=each.number or "",
            at=datetime.fromtimestamp(each.created, UTC),
            amount=written(each.total, each.currency),
            status=each.status or "",
            url=each.hosted_invoice_url or "",
            pdf=each.invoice_pdf or "",
        )
        for each in listed.data
        if each.status != "draft"
    ]
    return {"invoices": found, "stripe_is_down": False}


def back(request: HttpRequest, how: str = "") -> str:
    return request.build_absolute_uri(reverse("billing_page")) + how


@require_POST
def subscribe(request: HttpRequest) -> HttpResponse:
    """To Stripe's Checkout, for one of our prices. Who has a subscription changes it there."""
    retailer = owners_only(request)
    price = next(
        (
            each
            for each in plans.catalogue().prices
            if each.lookup_key == request.POST.get("price", "")
        ),
        None,
    )
    if price is None:
        raise PermissionDenied
    if subscription_of(retailer) is not None:
        return manage(request)
    return to_stripe(request, lambda client: checkout(client, request, retailer, price))


def checkout(client, request: HttpRequest, retailer: Retailer, price: plans.PlanPrice) -> str:
    with schema_context("public"):
        customer = customers.ensure_customer(retailer)
    (found,) = client.v1.prices.list({"lookup_keys": [price.lookup_key], "active": True}).data
    values = {
        "mode": "subscription",
        "customer": customer.id,
        "line_items": [{"price": found.id, "quantity": 1}],
        "success_url": back(request, "?done=1"),
        "cancel_url": back(request),
        "client_reference_id": str(retailer.pk),
        "allow_promotion_codes": True,
    }
    if settings.STRIPE_TAX:
        values |= {
            "automatic_tax": {"enabled": True},
            "customer_update": {"address": "auto", "name": "auto"},
            "tax_id_collection": {"enabled": True},
        }
    return client.v1.checkout.sessions.create(values).url


@require_POST
def manage(request: HttpRequest) -> HttpResponse:
    """To Stripe's portal: card, plan, cancelling, invoices."""
    retailer = owners_only(request)

    def portal(client) -> str:
        with schema_context("public"):
            customer = customers.ensure_customer(retailer)
        values = {"customer": customer.id, "return_url": back(request)}
        return client.v1.billing_portal.sessions.create(values).url

    return to_stripe(request, portal)


def to_stripe(request: HttpRequest, address) -> HttpResponse:
    """Redirects to `address(client)`; back to our page with a word if there is no answer."""
    try:
        return HttpResponseRedirect(address(stripe_api.client()), status=303)
    except stripe_api.BillingOff:
        messages.error(request, "Subscriptions can't be bought here yet. Please write to us.")
    except (stripe.StripeError, ValueError) as error:  # ValueError: the price isn't there (yet)
        log.exception("Stripe couldn't be reached: %s", type(error).__name__)
        messages.error(request, NO_ANSWER)
    return redirect("billing_page")


urls = [
    path("billing/", page, name="billing_page"),
    path("billing/subscribe/", subscribe, name="billing_subscribe"),
    path("billing/manage/", manage, name="billing_manage"),
]
