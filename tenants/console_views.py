"""The operator's console: onboard a retailer, look at one, change its state."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_tenants.utils import tenant_context

from forms_app.models import Signup
from forms_app.starter_texts import starter

from . import lifecycle, schemas
from .console_forms import OnboardForm, ReasonForm
from .figures import figures
from .models import Retailer
from .provisioning import onboard

DAYS = 30


def operators_only(request: HttpRequest, permission: str = "tenants.view_retailer") -> None:
    """Raises `PermissionDenied` on a retailer's host, whoever asks."""
    if connection.schema_name != "public" or not request.user.has_perm(permission):
        raise PermissionDenied


def find(pk: int) -> Retailer:
    return get_object_or_404(Retailer.objects.exclude(state=Retailer.State.TEMPLATE), pk=pk)


def onboard_view(request: HttpRequest) -> HttpResponse:
    """One form; a second later the retailer is there, or nothing is."""
    operators_only(request, "tenants.add_retailer")
    form = OnboardForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            onboarded = onboard(
                told["name"],
                told["slug"],
                told["owner_email"],
                starter(told["language"], told["country"]),
                by=request.user.email,
            )
        except ValidationError as error:
            named = error.error_dict if hasattr(error, "error_dict") else {"slug": error}
            for name, found in named.items():
                form.add_error(name if name in form.fields else None, found)
        except schemas.StaleTemplate as error:
            form.add_error(None, str(error))
        else:
            retailer = onboarded.retailer
            verb = "is ready" if onboarded.created else "was there already"
            mail = (
                f" The invitation goes to {retailer.owner_email}." if onboarded.invitation else ""
            )
            messages.success(request, f"{retailer} {verb}: {retailer.url}/admin/.{mail}")
            return redirect("retailer_detail", retailer.pk)
    return render(request, "tenants/onboard.html", {"form": form})


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    operators_only(request)
    retailer = find(pk)
    is_served = not retailer.schema_problem
    context = {
        "retailer": retailer,
        "figures": figures([retailer.schema_name]).get(retailer.schema_name) if is_served else None,
        "days": per_day(retailer) if is_served else [],
        "domains": retailer.domains.order_by("-is_primary", "domain"),
        "timeline": retailer.audit_entries.all()[:100],
        "actions": [
            (name, action.label)
            for name, action in lifecycle.ACTIONS.items()
            if lifecycle.may(retailer, name)
        ],
        "may_change": request.user.has_perm("tenants.change_retailer"),
        "form": ReasonForm(),
    }
    return render(request, "tenants/retailer.html", context)


def per_day(retailer: Retailer) -> list[dict]:
    """Sign-ups a day, the oldest first: {day, count, height: per cent of the highest}."""
    today = timezone.localdate()
    first = today - timedelta(days=DAYS - 1)
    with tenant_context(retailer):
        found = Signup.objects.filter(received_at__date__gte=first).values_list("received_at")
        days = [timezone.localtime(at).date() for (at,) in found.iterator()]
    counts = {first + timedelta(days=number): 0 for number in range(DAYS)}
    for day in days:
        counts[day] = counts.get(day, 0) + 1
    most = max(counts.values()) or 1
    return [
        {"day": day, "count": count, "height": round(100 * count / most), "x": 10 * number}
        for number, (day, count) in enumerate(sorted(counts.items()))
    ]


@require_POST
def act(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """One of the lifecycle's actions, or "delete": of who is closed, without waiting."""
    operators_only(request, "tenants.change_retailer")
    retailer = find(pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why: it stands in the timeline.")
        return redirect("retailer_detail", pk)
    why, by = form.cleaned_data["why"], request.user.email
    try:
        if action == "delete":
            lifecycle.delete_soon(retailer, why=why, by=by)
        elif action in lifecycle.ACTIONS:
            lifecycle.act(retailer, action, why=why, by=by)
        else:
            raise PermissionDenied
    except lifecycle.NotNow as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{retailer} is {retailer.get_state_display().lower()} now.")
    return redirect("retailer_detail", pk)


urls = [
    path("retailers/new/", onboard_view, name="onboard_retailer"),
    path("retailers/<int:pk>/", detail, name="retailer_detail"),
    path("retailers/<int:pk>/<slug:action>/", act, name="retailer_act"),
]


def detail_url(retailer: Retailer) -> str:
    return reverse("retailer_detail", args=[retailer.pk])
