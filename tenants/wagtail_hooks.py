"""The operator's console: listings in the public schema's Wagtail admin."""

from django.db import connection
from django.utils.html import format_html
from wagtail_modeladmin.helpers import PermissionHelper
from wagtail_modeladmin.options import ModelAdmin, modeladmin_register

from . import standing  # noqa: F401 - registers its banner
from .models import Retailer


class ConsoleOnly(PermissionHelper):
    """Nobody on a retailer's host, not even a superuser of that schema, sees these."""

    def user_can_list(self, user):
        return connection.schema_name == "public" and super().user_can_list(user)

    def user_can_create(self, user):
        return False  # retailers are made by tenants.provisioning

    def user_can_edit_obj(self, user, obj):
        return False

    def user_can_delete_obj(self, user, obj):
        return False

    def user_can_inspect_obj(self, user, obj):
        return connection.schema_name == "public" and super().user_can_inspect_obj(user, obj)


class RetailerAdmin(ModelAdmin):
    model = Retailer
    menu_label = "Retailers"
    menu_icon = "group"
    menu_order = 100
    add_to_admin_menu = True
    permission_helper_class = ConsoleOnly
    list_display = ("name", "address", "state_label", "owner_email", "schema_problem", "created_at")
    list_filter = ("state",)
    search_fields = ("name", "slug", "owner_email")
    list_export = ("name", "slug", "state", "owner_email", "schema_name", "created_at")
    inspect_view_enabled = True

    def get_queryset(self, request):
        return super().get_queryset(request).exclude(state=Retailer.State.TEMPLATE)

    def address(self, retailer: Retailer) -> str:
        return format_html('<a href="{0}">{0}</a>', retailer.url)

    def state_label(self, retailer: Retailer) -> str:
        return retailer.get_state_display()

    state_label.short_description = "State"


modeladmin_register(RetailerAdmin)
