"""The retailer's Billing page: what it has, what it could have, the way to Stripe's own pages."""

import logging
import re
import uuid
from dataclasses import dataclass
from datetime import datetime

import stripe
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_tenants.utils import schema_context

from forms_app.brand import Brand
from integrations.leaving import leave
from tenants.models import Retailer
from tenants.owners import owners_only

from . import checkout, customers, limits, overrides, plans, state, stripe_api
from .letters import days_of_trial, pay_until
from .models import Override
from .money import written
from .owed import in_plain_words, invoices_of, open_invoices
from .subscribed import fee_item, moment, period_of, plan_of, subscription_of

log = logging.getLogger(__name__)

NO_ANSWER = "Stripe doesn't answer at the moment. Nothing was changed; please try again later."
NOT_YET = "Subscriptions can't be bought here yet. Please write to us."
CURRENCY_OF = {"GB": "gbp", "US": "usd", "JP": "jpy"}
ATTEMPT = re.compile(r"\A[0-9a-f-]{36}\Z")


@dataclass(frozen=True)
class Invoice:
    id: str
    number: str
    at: datetime
    amount: str
    status: str
    words: str

    @property
    def is_open(self) -> bool:
        return self.status == "open"


@dataclass(frozen=True)
class Offer:
    plan: plans.Plan
    price: plans.PlanPrice
    amount: str
    beyond: str  # what a sign-up beyond the included ones costs; "" for nothing
    is_current: bool


def page(request: HttpRequest) -> HttpResponse:
    retailer = owners_only(request)
    is_down = "done" in request.GET and not look_now(retailer)
    subscription = subscription_of(retailer)
    plan = plan_of(subscription)
    currency, interval = chosen(request, subscription)
    start, end = period_of(subscription)
    offers = offered(currency, interval, subscription)
    fitting = plan or fits(retailer, start)
    context = {
        "retailer": retailer,
        "is_on": stripe_api.is_on(),
        "is_down": is_down,
        "may_buy": not retailer.hold,
        "plan": plan,
        "subscription": subscription and in_words(subscription),
        "granted": granted(retailer),
        "trial_ends": overrides.trial_ends(retailer) if retailer.state == "trial" else None,
        "trial_days": days_of_trial(retailer),
        "trial_length": plans.catalogue().trial_days,
        "pay_until": pay_until(retailer) if retailer.state == "past_due" else None,
        "owed": [invoice(data) for data in open_invoices(retailer)],
        "gauges": limits.gauges(retailer, fitting, start),
        "fitting": fitting,
        "period_start": start,
        "period_days": max(1, (end - timezone.now()).days + 1),
        "offers": offers,
        "currencies": [] if subscription else plans.catalogue().currencies,
        "currency": currency,
        "interval": interval,
        "invoices": [invoice(data) for data in invoice_data(retailer)],
        "attempt": uuid.uuid4(),
    }
    return render(request, "billing/page.html", context)


def look_now(retailer: Retailer) -> bool:
    """Back from Checkout: don't wait for the webhook. False if Stripe doesn't answer."""
    try:
        with schema_context("public"):
            checkout.fresh(retailer)
            state.refresh(retailer, why="back from Checkout")
    except (stripe.StripeError, stripe_api.BillingOff, state.UnknownStatus) as error:
        log.warning("%s came back from Checkout: %s", retailer.schema_name, type(error).__name__)
        return False
    return True


def in_words(subscription: dict) -> dict:
    """What the page says of the subscription."""
    item = fee_item(subscription)
    price, ends = item["price"], moment(item["current_period_end"])
    return {
        "status": subscription["status"],
        "amount": written(price["unit_amount"], price["currency"]),
        "interval": price["recurring"]["interval"],
        "ends": ends,
        "leaves": subscription["cancel_at_period_end"],
        "is_trial": subscription["status"] == "trialing",
    }


def granted(retailer: Retailer) -> list[Override]:
    """A free account or a longer trial, as far as it counts."""
    return list(retailer.overrides.in_force().exclude(kind=Override.Kind.CREDIT))


def fits(retailer: Retailer, start: datetime) -> plans.Plan:
    """The smallest plan with room for all that is used: a trial is shown beside it."""
    *smaller, largest = plans.catalogue().plans
    for plan in smaller:
        if all(gauge.used <= gauge.limit for gauge in limits.gauges(retailer, plan, start)):
            return plan
    return largest


def chosen(request: HttpRequest, subscription: dict | None) -> tuple[str, str]:
    """Currency and interval to show: a subscription keeps its currency for life."""
    interval = request.GET.get("interval", "")
    if subscription is not None:
        price = fee_item(subscription)["price"]
        if interval not in plans.INTERVALS:
            interval = price["recurring"]["interval"]
        return price["currency"], interval
    currency = request.GET.get("currency", "") or CURRENCY_OF.get(Brand.load().country, "")
    known = plans.catalogue().currencies
    if currency not in known:
        currency = "eur" if "eur" in known else known[0]
    return currency, interval if interval in plans.INTERVALS else "month"


def offered(currency: str, interval: str, subscription: dict | None) -> list[Offer]:
    held = fee_item(subscription)["price"] if subscription else {}
    found = []
    for plan in plans.catalogue().plans:
        price = plan.price(currency, interval)
        metered = plan.price(currency, interval, metered=True)
        if price is not None:
            is_current = held.get("product") == plan.product_id and (
                held["recurring"]["interval"] == interval
            )
            beyond = written(metered.amount, currency) if metered else ""
            amount = written(price.amount, currency)
            found.append(Offer(plan, price, amount, beyond, is_current))
    return found


def invoice_data(retailer: Retailer) -> list[dict]:
    found = invoices_of(retailer).values_list("stripe_data", flat=True)
    return sorted(found, key=lambda data: data["created"], reverse=True)


def invoice(data: dict) -> Invoice:
    return Invoice(
        id=data["id"],
        number=data["number"] or "",
        at=moment(data["created"]),
        amount=written(data["amount_due"], data["currency"]),
        status=data["status"],
        words=in_plain_words(data["status"]),
    )


def back(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("billing_page"))


def wanted_price(request: HttpRequest) -> plans.PlanPrice:
    """Raises `PermissionDenied` for what isn't sold."""
    key = request.POST.get("price", "")
    for price in plans.catalogue().prices:
        if price.lookup_key == key and not price.is_metered:
            return price
    raise PermissionDenied


def attempt(request: HttpRequest) -> str:
    """The page's own number: two presses on one page are one."""
    told = request.POST.get("attempt", "")
    return told if ATTEMPT.match(told) else str(uuid.uuid4())


@require_POST
def subscribe(request: HttpRequest) -> HttpResponse:
    """To Stripe's Checkout, for one of our prices. Who has a subscription changes it instead."""
    retailer = owners_only(request)
    price = wanted_price(request)
    if retailer.hold:
        raise PermissionDenied
    try:
        with schema_context("public"):
            url = checkout.start(retailer, price, back(request), attempt(request))
    except checkout.Subscribed:
        messages.info(request, "You have a subscription already. You can change it here.")
        return redirect("billing_page")
    except PROBLEMS as error:
        return excuse(request, error)
    return leave(request, url)


@require_POST
def manage(request: HttpRequest) -> HttpResponse:
    """To Stripe's portal: card, invoices, cancelling."""
    retailer = owners_only(request)
    try:
        with schema_context("public"):
            url = checkout.manage(retailer, back(request))
    except PROBLEMS as error:
        return excuse(request, error)
    return leave(request, url)


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """First what it costs, then, with `sure`, the change itself."""
    retailer = owners_only(request)
    price, subscription = wanted_price(request), subscription_of(retailer)
    if subscription is None or price.currency != fee_item(subscription)["price"]["currency"]:
        raise PermissionDenied
    try:
        with schema_context("public"):
            if "sure" in request.POST:
                checkout.change(retailer, subscription, price, attempt(request))
                state.refresh(retailer, why="another plan")
                plan = plans.catalogue().plan(price.plan)
                messages.success(
                    request, f"You have {plan.name} now, paid by the {price.interval}."
                )
                return redirect("billing_page")
            cost = checkout.preview(retailer, subscription, price)
    except PROBLEMS as error:
        return excuse(request, error)
    context = {
        "price": price,
        "plan": plans.catalogue().plan(price.plan),
        "amount": written(price.amount, price.currency),
        "cost": written(abs(cost), price.currency),
        "is_credit": cost < 0,
        "is_trial": subscription["status"] == "trialing",
        "attempt": uuid.uuid4(),
    }
    return render(request, "billing/change.html", context)


def show_invoice(request: HttpRequest, id: str, what: str) -> HttpResponse:
    """On to Stripe's page or PDF of it: their links change, so they are asked for when needed."""
    retailer = owners_only(request)
    if not invoices_of(retailer).filter(id=id).exists():
        raise Http404
    try:
        fresh = stripe_api.client().v1.invoices.retrieve(id)
    except PROBLEMS as error:
        return excuse(request, error)
    url = fresh.invoice_pdf if what == "pdf" else fresh.hosted_invoice_url
    if not url:
        raise Http404
    return HttpResponseRedirect(url, status=303)


PROBLEMS = (
    stripe.StripeError,
    stripe_api.BillingOff,
    checkout.NotSold,
    customers.NotBilled,
    state.UnknownStatus,
)


def excuse(request: HttpRequest, error: Exception) -> HttpResponse:
    """Back to our page, with a word on what happened."""
    if isinstance(error, stripe_api.BillingOff | checkout.NotSold | customers.NotBilled):
        log.error("Nothing can be bought: %s: %s", type(error).__name__, error)
        messages.error(request, NOT_YET)
    elif isinstance(error, stripe.CardError):
        words = error.user_message or "The card was declined."
        messages.error(request, f"{words} Nothing was changed. Another card may help.")
    else:
        log.warning("Stripe: %s: %s", type(error).__name__, error)
        messages.error(request, NO_ANSWER)
    return redirect("billing_page")


urls: list = [
    path("billing/", page, name="billing_page"),
    path("billing/subscribe/", subscribe, name="billing_subscribe"),
    path("billing/manage/", manage, name="billing_manage"),
    path("billing/change/", change, name="billing_change"),
    path("billing/invoices/<slug:id>/", show_invoice, {"what": "page"}, name="billing_invoice"),
    path("billing/invoices/<slug:id>/pdf/", show_invoice, {"what": "pdf"}, name="billing_pdf"),
]
