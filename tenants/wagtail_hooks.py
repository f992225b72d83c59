"""What this app adds to the admin: the operator's console, and two pages for owners."""

from django.contrib import messages
from django.db import connection
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail_modeladmin.options import modeladmin_register

from . import (  # noqa: F401 - standing registers its banner, needs_mail its kind of mail
    closing_view,
    console_views,
    domain_view,
    needs_mail,
    periodic_page,
    standing,
    support,
    team_view,
)
from .console_list import RetailerAdmin
from .needs import NeedsPanel

modeladmin_register(RetailerAdmin)


@hooks.register("register_admin_urls")
def register_urls():
    return [
        *console_views.urls,
        *periodic_page.urls,
        *domain_view.urls,
        *closing_view.urls,
        *team_view.urls,
    ]


@hooks.register("register_admin_menu_item")
def register_periodic_work():
    return periodic_page.menu_item


@hooks.register("register_settings_menu_item")
def register_addresses():
    return domain_view.menu_item()


@hooks.register("register_admin_menu_item")
def register_team():
    return team_view.team_item()


@hooks.register("register_settings_menu_item")
def register_access():
    return team_view.access_item()


@hooks.register("register_settings_menu_item")
def register_security():
    return MenuItem(
        *("Your sign-in", reverse("mfa_index")),
        **{"name": "security", "icon_name": "lock", "order": 700},
    )


@hooks.register("register_settings_menu_item")
def register_closing():
    return closing_view.menu_item()


@hooks.register("construct_settings_menu")
def public_pages_are_the_operators(request, menu_items) -> None:
    if connection.schema_name != "public":
        hidden = {"landing-page", "pricing-page"}
        menu_items[:] = [item for item in menu_items if item.name not in hidden]


# Of Wagtail's own menu, what a schema without a site has no use for.
NO_SITE = {"explorer", "images", "documents", "reports"}


@hooks.register("construct_main_menu", order=900)
def only_what_the_console_has(request, menu_items) -> None:
    if connection.schema_name == "public":
        menu_items[:] = [item for item in menu_items if item.name not in NO_SITE]


def on_the_console(request) -> bool:
    may_look = request.user.has_perm("tenants.view_retailer")
    return connection.schema_name == "public" and may_look


@hooks.register("construct_homepage_panels", order=900)
def what_needs_a_person(request, panels) -> None:
    if on_the_console(request):
        panels[:] = [NeedsPanel()]


@hooks.register("construct_homepage_summary_items", order=900)
def no_counts(request, summary_items) -> None:
    if connection.schema_name == "public":
        summary_items.clear()


@hooks.register("insert_global_admin_css")
def console_css() -> str:
    return format_html('<link rel="stylesheet" href="{}">', static("tenants/console.css"))


@hooks.register("before_delete_user")
def operators_are_locked_out(request, user):
    """On the console instead of deleting: Django would look for what the person has made in tables
    that stand in retailers' schemas only. Their name stays in what they did, too.
    """
    if connection.schema_name != "public" or request.method != "POST":
        return None
    user.is_active = False
    user.save(update_fields=["is_active"])
    messages.success(request, f"{user} can’t come in any more.")
    return redirect("wagtailusers_users:index")
