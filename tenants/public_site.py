"""The public pages on BASE_HOST: landing, pricing, and a trial that a retailer starts alone."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache

from forms_app.pace import address

from . import names, offers, trials
from .onboarding import Onboarding
from .provisioning import invitation
from .public_forms import TrialForm
from .public_pages import LandingPage, PricingPage, PublicPage

State = Onboarding.State


def show(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200):
    landing = context.get("page")
    if not isinstance(landing, LandingPage):
        landing = LandingPage.load()
    context = {"site_name": settings.WAGTAIL_SITE_NAME, "footer": landing.footer, **context}
    return render(request, f"tenants/public/{template}", context, status=status)


def context_of(page: PublicPage, currency: str = "") -> dict[str, Any]:
    """What the templates of landing and pricing page need; of the editor's preview, too."""
    return {
        "page": page,
        "site_name": settings.WAGTAIL_SITE_NAME,
        "offers": offers.on_offer(currency),
    }


def landing(request: HttpRequest) -> HttpResponse:
    return show(request, "landing.html", context_of(LandingPage.load()))


def pricing(request: HttpRequest) -> HttpResponse:
    currency = request.GET.get("currency", "")
    return show(request, "pricing.html", context_of(PricingPage.load(), currency))


@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """The form. Whoever fills it in gets a mail, whether or not we know the e-mail."""
    first = {"plan": request.GET.get("plan", "")}
    form = TrialForm(request.POST or None, initial=first)
    status = 200
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["website"]:
            return redirect("trial_sent")  # a program: it learns nothing
        try:
            trials.ask(form.cleaned_data, address(request))
        except trials.TooMany:
            form.add_error(None, "That was often, for one hour. Please try again later.")
            status = 429
        else:
            return redirect("trial_sent")
    context = {"form": form, "host": settings.BASE_HOST, "trial_days": offers.on_offer().trial_days}
    return show(request, "start.html", context, status)


@never_cache
def is_free(request: HttpRequest) -> JsonResponse:
    """Whether an address can be had, while somebody types: {"problem": words, or ""}."""
    try:
        names.check_address(request.GET.get("slug", "").strip().lower()[:60])
    except ValidationError as error:
        return JsonResponse({"problem": " ".join(error.messages)})
    return JsonResponse({"problem": ""})


def sent(request: HttpRequest) -> HttpResponse:
    return show(request, "sent.html", {})


@never_cache
def confirm(request: HttpRequest, signed: str) -> HttpResponse:
    """The mail's link. A button makes the page, since mail programs open links by themselves."""
    asked = trials.find(signed)
    if asked is None:
        return show(request, "too_late.html", {}, 404)
    if request.method == "POST":
        trials.confirm(asked)
        return redirect("trial", signed)
    context = {
        "asked": asked,
        "signed": signed,
        "is_open": asked.state == State.UNCONFIRMED,
        **progress_of(asked),
    }
    return show(request, "trial.html", context)


@never_cache
def progress(request: HttpRequest, signed: str) -> JsonResponse:
    """For the page that waits."""
    asked = trials.find(signed)
    if asked is None:
        return JsonResponse({"is_over": True}, status=404)
    return JsonResponse({"is_over": progress_of(asked)["is_over"]})


def progress_of(asked: Onboarding) -> dict[str, Any]:
    """`door` is where to go on: a password first, while there is none."""
    is_done = asked.state == State.DONE and asked.retailer is not None
    door = ""
    if is_done:
        door = invitation(asked.retailer) or f"{asked.retailer.url}/admin/"
    return {
        "is_done": is_done,
        "has_failed": asked.state == State.FAILED,
        "is_over": asked.state in (State.DONE, State.FAILED),
        "door": door,
    }


urls = [
    path("", landing, name="landing"),
    path("pricing/", pricing, name="pricing"),
    path("start/", start, name="start_trial"),
    path("start/address/", is_free, name="is_free"),
    path("start/sent/", sent, name="trial_sent"),
    path("start/<str:signed>/", confirm, name="trial"),
    path("start/<str:signed>/progress/", progress, name="trial_progress"),
]
