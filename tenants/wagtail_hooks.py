"""The operator's console: listings in the public schema's Wagtail admin."""

from django.db import connection
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import localtime
from wagtail import hooks
from wagtail_modeladmin.helpers import ButtonHelper, PermissionHelper
from wagtail_modeladmin.options import ModelAdmin, modeladmin_register
from wagtail_modeladmin.views import IndexView

from . import console_views, standing  # noqa: F401 - standing registers its banner
from .figures import figures
from .models import Retailer


@hooks.register("register_admin_urls")
def register_urls():
    return console_views.urls


class ConsoleOnly(PermissionHelper):
    """Nobody on a retailer's host, not even a superuser of that schema, sees these."""

    def user_can_list(self, user):
        return connection.schema_name == "public" and super().user_can_list(user)

    def user_can_create(self, user):
        # Not by modeladmin's form: retailers are made by tenants.provisioning (RetailerButtons).
        return False

    def user_can_edit_obj(self, user, obj):
        return False

    def user_can_delete_obj(self, user, obj):
        return False

    def user_can_inspect_obj(self, user, obj):
        return connection.schema_name == "public" and super().user_can_inspect_obj(user, obj)


class RetailerButtons(ButtonHelper):
    """Our own pages in the place of modeladmin's."""

    def inspect_button(self, pk, classnames_add=None, classnames_exclude=None):
        button = super().inspect_button(pk, classnames_add, classnames_exclude)
        return {**button, "url": reverse("retailer_detail", args=[pk]), "label": "Open"}


class RetailerList(IndexView):
    """The figures of the retailers on this page come with one query for all of them."""

    def get_context_data(self, *args, **kwargs) -> dict:
        context = super().get_context_data(*args, **kwargs)
        shown = list(context["object_list"])
        counted = figures(each.schema_name for each in shown if not each.schema_problem)
        for retailer in shown:
            retailer.figures = counted.get(retailer.schema_name)
        context["object_list"] = shown
        self.object_list = shown
        return context


class RetailerAdmin(ModelAdmin):
    model = Retailer
    menu_label = "Retailers"
    menu_icon = "group"
    menu_order = 100
    add_to_admin_menu = True
    permission_helper_class = ConsoleOnly
    button_helper_class = RetailerButtons
    index_view_class = RetailerList
    index_template_name = "tenants/retailers.html"
    list_display = ("who", "address", "state_label", "signups", "oldest", "tablets", "crm")
    list_filter = ("state",)
    search_fields = ("name", "slug", "owner_email")
    list_export = ("name", "slug", "state", "owner_email", "schema_name", "created_at")
    inspect_view_enabled = True

    def get_queryset(self, request):
        return super().get_queryset(request).exclude(state=Retailer.State.TEMPLATE)

    def who(self, retailer: Retailer) -> str:
        return format_html("{}<br><small>{}</small>", retailer.name, retailer.owner_email)

    who.short_description = "Name"
    who.admin_order_field = "name"

    def address(self, retailer: Retailer) -> str:
        return format_html('<a href="{}">{}</a>', retailer.url, retailer.slug)

    address.admin_order_field = "slug"

    def state_label(self, retailer: Retailer) -> str:
        if not retailer.schema_problem:
            return retailer.get_state_display()
        state, problem = retailer.get_state_display(), retailer.schema_problem
        return format_html("{}<br><strong>{}</strong>", state, problem)

    state_label.short_description = "State"
    state_label.admin_order_field = "state"

    def signups(self, retailer: Retailer) -> str:
        return f"{retailer.figures.signups}" if retailer.figures else "–"

    signups.short_description = "Sign-ups in 30 days"

    def oldest(self, retailer: Retailer) -> str:
        waits = retailer.figures and retailer.figures.oldest
        return f"since {localtime(waits):%-d %b %H:%M}" if waits else "–"

    oldest.short_description = "Oldest undelivered"

    def tablets(self, retailer: Retailer) -> str:
        if not retailer.figures or not retailer.figures.tablets:
            return "–"
        silent = retailer.figures.tablets_silent
        return f"{retailer.figures.tablets}" + (f", {silent} silent" if silent else "")

    def crm(self, retailer: Retailer) -> str:
        return (retailer.figures and retailer.figures.crm) or "–"

    crm.short_description = "CRM"


modeladmin_register(RetailerAdmin)
