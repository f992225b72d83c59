"""The operator's console: onboard a retailer, look at one, change its state and addresses."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_tenants.utils import tenant_context

from forms_app.dashboard import bars, signups_per_day
from integrations.leaving import leave

from . import addresses, figures, lifecycle, onboard_queue, support, trials
from .console_forms import DomainForm, OnboardForm, ReasonForm, RenameForm, SupportForm
from .console_parts import bills_of, sections_of
from .domain_view import change, shown
from .models import Onboarding, Retailer
from .operators import find, operators_only

DAYS = 30


# --- A new one ---


def onboard_view(request: HttpRequest) -> HttpResponse:
    """One form; a worker makes it, and the page that follows says how far it is."""
    operators_only(request, "tenants.add_retailer")
    form = OnboardForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        asked = Onboarding(asked_by=request.user.email, **form.values())
        asked.save()
        onboard_queue.put(asked)
        return redirect("onboarding", asked.pk)
    return render(request, "tenants/onboard.html", {"form": form})


def onboarding(request: HttpRequest, pk) -> HttpResponse:
    """How far it is; loaded anew by a script when that changes."""
    operators_only(request, "tenants.add_retailer")
    asked = get_object_or_404(Onboarding.objects.select_related("retailer"), pk=pk)
    State = Onboarding.State
    context = {
        "asked": asked,
        "is_self_service": asked.asked_by == trials.SELF_SERVICE,
        "is_over": asked.state in (State.DONE, State.FAILED),
        "is_done": asked.state == State.DONE,
        "has_failed": asked.state == State.FAILED,
        "is_unconfirmed": asked.state == State.UNCONFIRMED,
    }
    return render(request, "tenants/onboarding.html", context)


def onboarding_progress(request: HttpRequest, pk) -> JsonResponse:
    operators_only(request, "tenants.add_retailer")
    asked = get_object_or_404(Onboarding, pk=pk)
    is_over = asked.state in (Onboarding.State.DONE, Onboarding.State.FAILED)
    return JsonResponse({"is_over": is_over})


@require_POST
def onboarding_act(request: HttpRequest, pk, action: str) -> HttpResponse:
    """Try one again that failed, or forget it."""
    operators_only(request, "tenants.add_retailer")
    asked = get_object_or_404(Onboarding, pk=pk, state=Onboarding.State.FAILED)
    if action == "forget":
        asked.delete()
        messages.success(request, f"{asked.name} is forgotten.")
        return redirect("wagtailadmin_home")
    onboard_queue.put(asked)
    return redirect("onboarding", pk)


# --- One retailer ---


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    operators_only(request)
    retailer = find(pk)
    if not retailer.schema_problem:
        figures.count({retailer.schema_name: retailer.pk})  # of this moment
        retailer = find(pk)
    return render(request, "tenants/retailer.html", page_of(request, retailer))


def page_of(request: HttpRequest, retailer: Retailer) -> dict:
    may_change = request.user.has_perm("tenants.change_retailer")
    is_closed = retailer.state == Retailer.State.CLOSED
    return {
        "retailer": retailer,
        "counted": getattr(retailer, "counted", None),
        "bill": bills_of([retailer]).get(retailer.pk),
        "days": [] if retailer.schema_problem else per_day(retailer),
        "sections": sections_of(retailer),
        "addresses": shown(retailer),
        "timeline": retailer.audit_entries.all()[:100],
        "outcomes": retailer.task_outcomes.all(),
        "actions": [
            (name, action.label)
            for name, action in lifecycle.ACTIONS.items()
            if lifecycle.may(retailer, name)
        ],
        "may_change": may_change,
        "may_rename": may_change and not is_closed,
        "form": ReasonForm(),
        "support_form": SupportForm(),
        "rename_form": RenameForm(initial={"slug": retailer.slug}),
        "domain_form": DomainForm(),
    }


def per_day(retailer: Retailer) -> list:
    """The bars of the last DAYS days."""
    today = timezone.localdate()
    since = timezone.now() - timedelta(days=DAYS)
    with tenant_context(retailer):
        return bars(signups_per_day(since), today)


@require_POST
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """One of the lifecycle's actions, "delete" (of who is closed, without waiting) or "rename"."""
    operators_only(request, "tenants.change_retailer")
    retailer = find(pk)
    form = (RenameForm if action == "rename" else ReasonForm)(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why: it stands in the timeline.")
        return redirect("retailer_detail", pk)
    why, by = form.cleaned_data["why"], request.user.email
    try:
        if action == "delete":
            lifecycle.delete_soon(retailer, why=why, by=by)
        elif action == "rename":
            addresses.rename(retailer, form.cleaned_data["slug"], why=why, by=by)
        elif action in lifecycle.ACTIONS:
            lifecycle.act(retailer, action, why=why, by=by)
        else:
            raise PermissionDenied
    except lifecycle.NotNow as error:
        messages.error(request, str(error))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, told(retailer, action))
    return redirect("retailer_detail", pk)


def told(retailer: Retailer, action: str) -> str:
    if action == "rename":
        return f"{retailer} lives at {retailer.subdomain} now. The old address leads there."
    if action == "delete":
        return f"{retailer} is deleted within the hour."
    return f"{retailer} is {retailer.get_state_display().lower()} now."


@require_POST
def open_as_retailer(request: HttpRequest, pk: int) -> HttpResponse:
    """Into the retailer's admin, as support."""
    operators_only(request, "tenants.change_retailer")
    retailer = find(pk)
    form = SupportForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why: the retailer reads it.")
        return redirect("retailer_detail", pk)
    told = form.cleaned_data
    try:
        door = support.open_door(
            retailer, why=told["why"], minutes=told["minutes"], by=request.user.email
        )
    except support.NotAllowed as error:
        messages.error(request, str(error))
        return redirect("retailer_detail", pk)
    return leave(request, door)


@require_POST
def domains(request: HttpRequest, pk: int) -> HttpResponse:
    """Add, check, prefer or remove one of its addresses."""
    operators_only(request, "tenants.change_retailer")
    change(request, find(pk), by=request.user.email)
    return redirect(f"{reverse('retailer_detail', args=[pk])}#addresses")


urls = [
    path("retailers/new/", onboard_view, name="onboard_retailer"),
    path("retailers/new/<uuid:pk>/", onboarding, name="onboarding"),
    path("retailers/new/<uuid:pk>/progress/", onboarding_progress, name="onboarding_progress"),
    path("retailers/new/<uuid:pk>/<slug:action>/", onboarding_act, name="onboarding_act"),
    path("retailers/<int:pk>/", detail, name="retailer_detail"),
    path("retailers/<int:pk>/open/", open_as_retailer, name="open_as_retailer"),
    path("retailers/<int:pk>/addresses/", domains, name="retailer_domains"),
    path("retailers/<int:pk>/<slug:action>/", act, name="retailer_act"),
]
