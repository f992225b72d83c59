"""The owner's pages “Team” and “Access”: people, support, second factors, and what was done."""

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST
from django_tenants.utils import get_public_schema_name, schema_context
from wagtail.admin.menu import MenuItem

from . import support, team
from .audit import record
from .models import AuditEntry, Retailer
from .owners import OwnersMenuItem, is_owner

ENTRIES = 100


class InviteForm(forms.Form):
    email = forms.EmailField(label="E-mail", max_length=254)
    role = forms.ChoiceField(
        choices=[(role, label) for role, (label, _) in team.ROLES.items()],
        initial=list(team.ROLES)[1],
    )


def owners_only(request: HttpRequest) -> None:
    """Support has no business among people and their keys. Raises `PermissionDenied`."""
    if not is_owner(request) or support.visit_of(request):
        raise PermissionDenied


def team_page(request: HttpRequest) -> HttpResponse:
    owners_only(request)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            team.invite(told["email"], told["role"], by=request.user.email)
        except ValidationError as error:
            form.add_error("email", error)
        else:
            noted(request, "invited", told["email"].lower())
            messages.success(request, f"{told['email']} gets a mail with a link to come in.")
            return redirect("team")
    context = {
        "form": form,
        "members": team.members(),
        "roles": [(role, label, words) for role, (label, words) in team.ROLES.items()],
        "required": request.retailer.two_factor_required,
    }
    return render(request, "tenants/team.html", context)


@require_POST
def change_person(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """role, remove, invite (once more) or factors (forget them)."""
    owners_only(request)
    try:
        user = team.find(pk)
        words = do(request, user, action)
    except get_user_model().DoesNotExist:
        messages.error(request, "This person isn’t in the team any more.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, words)
    return redirect("team")


def do(request: HttpRequest, user, action: str) -> str:
    """What happened, in words. Raises `ValidationError`."""
    if action == "role":
        role = request.POST.get("role", "")
        team.change_role(user, role)
        noted(request, "role changed", f"{user.email}: {team.ROLES[role][0]}")
        return f"{user.email} is {team.ROLES[role][0].lower()} now."
    if action == "invite":
        team.invite(user.email, team.role_of(user), by=request.user.email)
        return f"{user.email} gets another mail."
    if action == "factors":
        team.forget_factors(user)
        noted(request, "second factor forgotten", user.email)
        return f"{user.email} logs in with the password alone until a new second factor is set up."
    if action == "remove":
        gone = user.email
        team.remove(user)
        noted(request, "removed", gone)
        return f"{gone} can’t come in any more."
    raise PermissionDenied


def noted(request: HttpRequest, action: str, why: str) -> None:
    with schema_context(get_public_schema_name()):
        record(request.retailer, action, why, by=request.user.email, is_visible=True)


def access_page(request: HttpRequest) -> HttpResponse:
    """Who can come in from outside, what everybody needs, and what was done."""
    owners_only(request)
    with schema_context(get_public_schema_name()):
        retailer = Retailer.objects.get(pk=request.retailer.pk)
        if request.method == "POST":
            switch(request, retailer)
            return redirect("access")
        context = {
            "retailer": retailer,
            "visits": list(support.running(retailer)),
            "entries": list(
                AuditEntry.objects.filter(retailer=retailer, is_visible=True)[:ENTRIES]
            ),
        }
    return render(request, "tenants/access.html", context)


def switch(request: HttpRequest, retailer: Retailer) -> None:
    """What one of the page's buttons asks for."""
    action, by = request.POST.get("action", ""), request.user.email
    if action in ("allow", "forbid"):
        support.allow(retailer, action == "allow", by=by)
    elif action in ("require", "relax"):
        required = action == "require"
        if retailer.two_factor_required != required:
            retailer.two_factor_required = required
            retailer.save(update_fields=["two_factor_required"])
            words = "second factor required" if required else "second factor not required"
            record(retailer, words, by=by, is_visible=True)
    elif action == "end":
        for visit in support.running(retailer):
            support.end(visit, by=by)
    else:
        raise PermissionDenied
    messages.success(request, "Saved.")


def team_item() -> MenuItem:
    return OwnersMenuItem("Team", reverse("team"), name="team", icon_name="group", order=140)


def access_item() -> MenuItem:
    return OwnersMenuItem(
        "Access and history", reverse("access"), name="access", icon_name="key", order=600
    )


urls = [
    path("team/", team_page, name="team"),
    path("team/<int:pk>/<slug:action>/", change_person, name="team_change"),
    path("access/", access_page, name="access"),
]
# Behind /admin/, but not behind Wagtail's own door: who comes by a link isn't logged in yet.
doors = [
    path("admin/support/leave/", support.leave, name="support_leave"),
    path("admin/support/<str:token>/", support.enter, name="support_enter"),
]
