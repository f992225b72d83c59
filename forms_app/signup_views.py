"""The retailer's list of sign-ups, each with what became of it."""

import django_filters
from django.contrib import messages
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permission_policies import ModelPermissionPolicy

from integrations import doorbell, outbox
from integrations.models import Delivery

from . import export
from .pages import SignupPage
from .signups import Signup

STATES = {
    "delivered": "Delivered",
    "due": "On its way",
    "sending": "Being sent",
    "needs_attention": "Needs attention",
    "none": "No CRM connected",
}


class ReadOnly(ModelPermissionPolicy):
    """Sign-ups come from shoppers: nobody adds, edits or deletes one here."""

    def user_has_permission(self, user, action):
        return action == "view" and super().user_has_permission(user, action)


class SignupFilterSet(WagtailFilterSet):
    page = django_filters.ModelChoiceFilter(queryset=lambda request: SignupPage.objects.all())
    received_at = django_filters.DateFromToRangeFilter(
        label="Received", widget=DateRangePickerWidget
    )
    delivery = django_filters.ChoiceFilter(
        field_name="deliveries__state", choices=Delivery.State, label="Delivery", distinct=True
    )

    class Meta:
        model = Signup
        fields = ["page", "received_at", "delivery"]


class DeliveryColumn(Column):
    def get_value(self, signup):
        state = signup.delivery_state
        return format_html('<span class="delivery delivery--{}">{}</span>', state, STATES[state])


class SignupIndexView(generic.IndexView):
    default_ordering = "-received_at"

    def get_base_queryset(self):
        return (
            super()
            .get_base_queryset()
            .select_related("form_version", "page")
            .prefetch_related("deliveries")
        )

    @property
    def list_export(self):
        if not hasattr(self, "_columns"):
            self._columns = export.columns()
        return list(self._columns)

    def get_heading(self, queryset, field):
        return self._columns[field]

    def to_row_dict(self, item):
        return export.row(item, self.list_export)


class SignupInspectView(generic.InspectView):
    template_name = "forms_app/admin/signup.html"
    any_permission_required = ["view"]

    def get_page_title(self):
        return "Sign-up"

    def get_context_data(self, **kwargs):
        signup = self.object
        delay = (signup.received_at - signup.submitted_at).total_seconds()
        return super().get_context_data(
            signup=signup,
            late=timesince(signup.submitted_at, signup.received_at) if delay > 60 else "",
            deliveries=signup.deliveries.select_related("connection").prefetch_related("tries"),
            may_resend=self.request.user.has_perm("forms_app.change_signup"),
            resend_url=reverse("signups:resend", args=[signup.pk]),
            **kwargs,
        )


@require_POST
def resend(request: HttpRequest, pk) -> HttpResponse:
    """Send a sign-up again to every connection."""
    signup = get_object_or_404(Signup, pk=pk)
    back = redirect("signups:inspect", pk)
    if not request.user.has_perm("forms_app.change_signup"):
        messages.error(request, "Your role may look at sign-ups, not send them.")
        return back
    with transaction.atomic():
        connections = outbox.resend(signup.deliveries.all())
    doorbell.ring(connection.schema_name, connections)
    messages.success(request, "It is on its way again.")
    return back


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
        return [*super().get_urlpatterns(), path("resend/<uuid:pk>/", resend, name="resend")]


signup_viewset = SignupViewSet()
