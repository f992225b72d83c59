"""The retailer's list of sign-ups, each with what became of it."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.admin.widgets.button import Button
from wagtail.permission_policies import ModelPermissionPolicy

from integrations import doorbell, outbox

from . import export
from .erase_view import EraseView
from .mend_view import MendView
from .removal import remove
from .signup_filters import SignupFilterSet
from .signups import Signup

STATES = {
    "delivered": "Delivered",
    "due": "On its way",
    "sending": "Being sent",
    "needs_attention": "Needs attention",
    "kept_aside": "Kept aside",
    "none": "No CRM connected",
}
CHUNK = 500  # sign-ups in memory at once while a spreadsheet is written


class ReadOnly(ModelPermissionPolicy):
    """Sign-ups come from shoppers: nobody adds one here, and what is deleted is deleted by the
    retention setting, or because a person asked."""

    def user_has_permission(self, user, action):
        return action == "view" and super().user_has_permission(user, action)


class DeliveryColumn(Column):
    def get_value(self, signup):
        state = signup.delivery_state
        return format_html('<span class="delivery delivery--{}">{}</span>', state, STATES[state])


class SignupIndexView(generic.IndexView):
    default_ordering = "-received_at"
    results_template_name = "forms_app/admin/signups_results.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.is_export:
            # Wagtail would count the list in its context, which loads all of it at once: two
            # gigabytes for the sign-ups of five years.
            return self.as_spreadsheet(self.get_queryset(), request.GET["export"])
        return super().get(request, *args, **kwargs)

    def get_base_queryset(self):
        # Not by joins: each row would carry its form version, a JSON of many fields, and the last
        # pages would join all of the rows that they skip.
        related = ("form_version", "page", "store", "tablet", "deliveries")
        return super().get_base_queryset().prefetch_related(*related)

    def search_queryset(self, queryset: QuerySet[Signup]) -> QuerySet[Signup]:
        """An address is looked for among addresses first: all answers of years take a while."""
        if self.is_searching and "@" in self.search_query:
            by_address = queryset.filter(email__contains=self.search_query.strip().lower())
            if by_address.exists():
                return by_address
        return super().search_queryset(queryset)

    @property
    def header_more_buttons(self):
        buttons = list(super().header_more_buttons)
        if self.request.user.has_perm("forms_app.delete_signup"):
            url = reverse("signups:erase")
            buttons.append(Button("Erase a person", url=url, icon_name="bin", priority=80))
        return buttons

    @property
    def list_export(self):
        if not hasattr(self, "_columns"):
            self._columns = export.columns()
        return list(self._columns)

    def get_heading(self, queryset, field):
        return self._columns[field]

    def to_row_dict(self, item):
        return export.row(item, self.list_export)

    def stream_csv(self, queryset: QuerySet[Signup]) -> Iterator[bytes]:
        return super().stream_csv(queryset.iterator(CHUNK))

    def write_xlsx(self, queryset: QuerySet[Signup], output) -> None:
        super().write_xlsx(queryset.iterator(CHUNK), output)


class SignupInspectView(generic.InspectView):
    template_name = "forms_app/admin/signup.html"
    any_permission_required = ["view"]

    def get_page_title(self):
        return "Sign-up"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        signup = self.object
        user = self.request.user
        deliveries = signup.deliveries.select_related("connection").prefetch_related("tries")
        stuck = any(delivery.state == "needs_attention" for delivery in deliveries)
        delay = (signup.received_at - signup.submitted_at).total_seconds()
        return super().get_context_data(
            signup=signup,
            state_words=STATES,
            late=timesince(signup.submitted_at, signup.received_at) if delay > 60 else "",
            deliveries=deliveries,
            may_change=user.has_perm("forms_app.change_signup"),
            may_delete=user.has_perm("forms_app.delete_signup"),
            may_mend=signup.problem == "invalid" or stuck,
            wrong=signup.wrong(),
            resend_url=reverse("signups:resend", args=[signup.pk]),
            mend_url=reverse("signups:mend", args=[signup.pk]),
            release_url=reverse("signups:release", args=[signup.pk]),
            discard_url=reverse("signups:discard", args=[signup.pk]),
            **kwargs,
        )


def changeable(request: HttpRequest, pk, permission: str = "change_signup") -> Signup:
    """The sign-up, for those who may do something with it; else PermissionDenied."""
    if not request.user.has_perm(f"forms_app.{permission}"):
        raise PermissionDenied
    return get_object_or_404(Signup, pk=pk)


@require_POST
def resend(request: HttpRequest, pk) -> HttpResponse:
    """Send a sign-up again to every connection."""
    signup = changeable(request, pk)
    with transaction.atomic():
        connections = outbox.resend(signup.deliveries.all())
    doorbell.ring(connection.schema_name, connections)
    messages.success(request, "It is on its way again.")
    return redirect("signups:inspect", pk)


@require_POST
def release(request: HttpRequest, pk) -> HttpResponse:
    """It was a person after all: off it goes to every connection."""
    signup = changeable(request, pk)
    with transaction.atomic():
        waiting = Signup.objects.select_for_update().filter(pk=signup.pk, problem="robot")
        connections = []
        if waiting.exists():
            waiting.update(problem="")
            connections = outbox.add(signup)
    doorbell.ring(connection.schema_name, connections)
    messages.success(request, "Taken in. It is on its way.")
    return redirect("signups:inspect", pk)


@require_POST
def discard(request: HttpRequest, pk) -> HttpResponse:
    """Away with what a robot sent. Only what is kept aside: anything else was a person."""
    signup = changeable(request, pk, "delete_signup")
    if not signup.problem:
        messages.error(
            request, "This sign-up isn't kept aside. To delete a person: Erase a person."
        )
        return redirect("signups:inspect", pk)
    with transaction.atomic():
        remove([signup.pk])
    messages.success(request, "Deleted.")
    return redirect("signups:index")


class SignupViewSet(ModelViewSet):
    model = Signup
    name = "signups"
    menu_label = "Sign-ups"
    icon = "group"
    menu_order = 110
    add_to_admin_menu = True
    inspect_view_enabled = True
    copy_view_enabled = False
    index_view_class = SignupIndexView
    inspect_view_class = SignupInspectView
    filterset_class = SignupFilterSet
    form_fields = []  # a viewset needs a form, nobody ever sees it
    list_display = [
        TitleColumn(
            "person",
            label="Who",
            get_url=lambda signup: reverse("signups:inspect", args=[signup.pk]),
        ),
        Column("email", label="E-mail"),
        Column("page", label="Page"),
        Column("store", label="Store"),
        DeliveryColumn("delivery", label="Delivery"),
        DateColumn("received_at", label="Received", width="15%"),
    ]
    search_fields = ["email", "mobile", "answers"]
    search_backend_name = None
    list_per_page = 50
    export_filename = "sign-ups"

    @property
    def permission_policy(self):
        return ReadOnly(self.model)

    def get_urlpatterns(self):
        return [
            *super().get_urlpatterns(),
            path("resend/<uuid:pk>/", resend, name="resend"),
            path("release/<uuid:pk>/", release, name="release"),
            path("discard/<uuid:pk>/", discard, name="discard"),
            path("mend/<uuid:pk>/", MendView.as_view(), name="mend"),
            path("erase/", EraseView.as_view(), name="erase"),
        ]


signup_viewset = SignupViewSet()
