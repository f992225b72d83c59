"""The menu "Stores and tablets"."""

from django.db.models import F, OuterRef, Subquery
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.model import ModelViewSet, ModelViewSetGroup
from wagtail.admin.widgets.button import Button
from wagtail.permission_policies import ModelPermissionPolicy

from . import tablet_views
from .opening_hours import presence
from .shop_settings import TabletSettings
from .stores import Store
from .tablet_forms import StoreForm, TabletForm
from .tablets import Tablet
from .versions import FormVersion


class Keep(ModelPermissionPolicy):
    """Sign-ups say for ever which tablet and store they came from: neither can be deleted."""

    def user_has_permission(self, user, action):
        return action != "delete" and super().user_has_permission(user, action)


class PresenceColumn(Column):
    def get_value(self, tablet):
        where = presence(tablet)
        return format_html(
            '<span class="presence presence--{}">{}</span>', where, tablet_views.PRESENCE[where]
        )


class AgoColumn(Column):
    """How long ago a moment was."""

    def get_value(self, tablet):
        at = getattr(tablet, self.accessor or self.name)
        if at is None:
            return "–"
        ago = timezone.now() - at
        return "just now" if ago.total_seconds() < 90 else f"{timesince(at, depth=1)} ago"


class WaitingColumn(Column):
    def get_value(self, tablet):
        return tablet.queue_length or "–"


class VersionsColumn(Column):
    """Which form it shows, and which code of ours."""

    def get_value(self, tablet):
        if not tablet.shown:
            return "–"
        behind = f" (newest: {tablet.newest})" if tablet.newest != tablet.shown else ""
        return f"form {tablet.shown}{behind}, app {tablet.app_version[:6] or '?'}"


class TabletIndexView(generic.IndexView):
    results_template_name = "forms_app/admin/tablets/tablets_results.html"
    add_item_label = "Pair a tablet"

    def get_base_queryset(self):
        shown = FormVersion.objects.filter(pk=OuterRef("form_version"))
        newest = FormVersion.objects.filter(page=OuterRef("page")).order_by("-number")
        tablets = super().get_base_queryset().select_related("store", "page")
        tablets = tablets.annotate(
            shown=Subquery(shown.values("number")), newest=Subquery(newest.values("number")[:1])
        )
        return tablets.order_by(
            F("revoked_at").asc(nulls_first=True), F("store__name").asc(nulls_last=True), "name"
        )

    @property
    def header_more_buttons(self):
        buttons = list(super().header_more_buttons)
        user = self.request.user
        if user.has_perm("forms_app.change_tabletsettings"):
            url = reverse(
                "wagtailsettings:edit",
                args=["forms_app", TabletSettings._meta.model_name],
            )
            buttons.append(Button("Staff PIN and times", url=url, icon_name="lock", priority=70))
        if user.has_perm("forms_app.change_tablet"):
            buttons.append(
                Button(
                    "Import a tablet's file",
                    url=reverse("tablets:import"),
                    icon_name="download",
                    priority=80,
                )
            )
        return buttons


class TabletViewSet(ModelViewSet):
    model = Tablet
    name = "tablets"
    icon = "mobile-alt"
    menu_label = "Tablets"
    inspect_view_enabled = True
    copy_view_enabled = False
    index_view_class = TabletIndexView
    add_view_class = tablet_views.PairView
    inspect_view_class = tablet_views.TabletView
    list_display = [
        TitleColumn(
            "name",
            label="Tablet",
            get_url=lambda tablet: reverse("tablets:inspect", args=[tablet.pk]),
        ),
        Column("store", label="Store"),
        Column("page", label="Page"),
        PresenceColumn("presence", label="State"),
        AgoColumn("last_contact_at", label="Last contact"),
        WaitingColumn("queue_length", label="Waiting"),
        AgoColumn("oldest_unsent_at", label="Oldest unsent"),
        VersionsColumn("versions", label="Versions"),
    ]
    search_fields = ["name", "store__name"]
    search_backend_name = None
    list_per_page = 50

    def get_form_class(self, for_update=False):
        return TabletForm

    @property
    def permission_policy(self):
        return Keep(self.model)

    def get_urlpatterns(self):
        return [
            *super().get_urlpatterns(),
            path("pair/", self.add_view, name="pair"),
            path("unpair/<uuid:pk>/", tablet_views.RevokeView.as_view(), name="revoke"),
            path("import/", tablet_views.ImportView.as_view(), name="import"),
            path("open-kept/", tablet_views.open_kept, name="open_kept"),
        ]


class StoreIndexView(generic.IndexView):
    results_template_name = "forms_app/admin/tablets/stores_results.html"
    add_item_label = "Add a store"

    def get_base_queryset(self):
        return super().get_base_queryset().order_by("is_archived", "name")


class HoursColumn(Column):
    def get_value(self, store):
        if store.is_archived:
            return "Closed for good"
        days = len(store.opening_hours)
        return f"{days} day{'s' if days != 1 else ''} a week" if days else "Always open"


class TabletsColumn(Column):
    def get_value(self, store):
        return store.tablets.filter(revoked_at=None).count() or "–"


class StoreViewSet(ModelViewSet):
    model = Store
    name = "stores"
    icon = "home"
    menu_label = "Stores"
    copy_view_enabled = False
    index_view_class = StoreIndexView
    list_display = [
        "name",
        Column("country", label="Country"),
        Column("time_zone", label="Time zone"),
        HoursColumn("hours", label="Open"),
        TabletsColumn("tablets", label="Tablets"),
    ]
    search_fields = ["name"]
    search_backend_name = None

    def get_form_class(self, for_update=False):
        return StoreForm

    @property
    def permission_policy(self):
        return Keep(self.model)


class StoresAndTablets(ModelViewSetGroup):
    menu_label = "Stores and tablets"
    menu_icon = "mobile-alt"
    menu_order = 130
    items = (TabletViewSet(), StoreViewSet())


stores_and_tablets = StoresAndTablets()
