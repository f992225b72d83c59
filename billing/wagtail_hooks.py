"""The operator's console: what Stripe sent, and what became of it."""

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django_tenants.utils import get_public_schema_name
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail_modeladmin.helpers import PermissionHelper
from wagtail_modeladmin.options import ModelAdmin, modeladmin_register

from integrations.banners import Banner
from tenants.owners import OwnersMenuItem, is_owner, owners_only

from . import console, notices, shop_window
from .models import MOST_ATTEMPTS, ReceivedEvent


@hooks.register("register_admin_urls")
def register_urls():
    return [*shop_window.urls, *console.urls]


@hooks.register("construct_banners")
def billing_banners(request: HttpRequest) -> list[Banner]:
    if not is_owner(request):
        return []
    return notices.banners(owners_only(request))


@hooks.register("register_admin_menu_item")
def register_revenue() -> MenuItem:
    return console.menu_item


@hooks.register("register_admin_menu_item")
def register_billing() -> MenuItem:
    return OwnersMenuItem("Billing", reverse("billing_page"), icon_name="clipboard-list", order=150)


class ConsoleOnly(PermissionHelper):
    """To look at, and only in the public schema: on a retailer's host nobody sees these."""

    def user_can_list(self, user) -> bool:
        return connection.schema_name == get_public_schema_name() and super().user_can_list(user)

    def user_can_create(self, user) -> bool:
        return False  # only Stripe makes them

    def user_can_edit_obj(self, user, obj) -> bool:
        return False

    def user_can_delete_obj(self, user, obj) -> bool:
        return False  # a deleted one would be taken again when Stripe repeats it


class ReceivedEventAdmin(ModelAdmin):
    model = ReceivedEvent
    menu_label = "Stripe events"
    menu_icon = "mail"
    menu_order = 210
    add_to_admin_menu = True
    permission_helper_class = ConsoleOnly
    list_display = ("type", "customer", "received_at", "outcome", "attempts", "error")
    list_filter = ("type",)
    search_fields = ("id", "type", "customer", "object_id")
    ordering = ("-received_at",)

    def outcome(self, event: ReceivedEvent) -> str:
        if event.processed_at:
            return "Processed"
        if event.attempts >= MOST_ATTEMPTS:
            return "Set aside"
        return "Will be tried again" if event.error else "Waiting"


modeladmin_register(ReceivedEventAdmin)
