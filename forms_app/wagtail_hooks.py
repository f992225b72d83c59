"""The retailer's admin: our menu in its words, and pages that aren't lost by accident."""

from django.contrib import messages
from django.db import connection
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.html import format_html_join
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.models import Page

from . import editor_views
from .dashboard import Dashboard
from .page_templates import TEMPLATES
from .pages import HomePage, SignupPage
from .signup_views import signup_viewset
from .signups import Signup
from .tablet_admin import stores_and_tablets

# What a retailer doesn't need stays out of sight; it isn't forbidden.
OUT_OF_SIGHT = {"explorer", "images", "documents", "reports", "help"}
ELSEWHERE = {"brand", "users"}  # of the settings: these stand in the main menu


def on_a_retailers_host() -> bool:
    """The app's tables stand in retailers' schemas only, so the console has none of this."""
    return connection.schema_name != "public"


@hooks.register("register_admin_viewset")
def register_signups():
    return signup_viewset


@hooks.register("register_admin_viewset")
def register_stores_and_tablets():
    return stores_and_tablets


class RetailersMenuItem(MenuItem):
    """Shown on a retailer's host to those with the permission."""

    def __init__(self, *args, permission: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.permission = permission

    def is_shown(self, request):
        return on_a_retailers_host() and request.user.has_perm(self.permission)


def signup_pages(request):
    """The listing of the retailer's pages, wherever the home stands in its tree."""
    return redirect("wagtailadmin_explore", get_object_or_404(HomePage).pk)


@hooks.register("register_admin_urls")
def register_urls():
    return [path("signup-pages/", signup_pages, name="signup_pages"), *editor_views.urls]


@hooks.register("register_admin_menu_item")
def register_pages():
    return RetailersMenuItem(
        "Sign-up pages",
        reverse("signup_pages"),
        permission="forms_app.view_signup",
        icon_name="doc-empty-inverse",
        order=100,
    )


@hooks.register("register_admin_menu_item")
def register_brand():
    return RetailersMenuItem(
        "Brand",
        reverse("wagtailsettings:edit", args=["forms_app", "brand"]),
        permission="forms_app.change_brand",
        icon_name="tag",
        order=120,
    )


@hooks.register("construct_main_menu")
def keep_to_our_words(request, menu_items):
    hidden = OUT_OF_SIGHT if on_a_retailers_host() else {"sign-ups", "stores-and-tablets"}
    menu_items[:] = [item for item in menu_items if item.name not in hidden]


@hooks.register("construct_settings_menu")
def keep_settings_short(request, menu_items):
    hidden = ELSEWHERE if on_a_retailers_host() else {"brand", "tablets", "retention"}
    menu_items[:] = [item for item in menu_items if item.name not in hidden]


@hooks.register("register_log_actions")
def register_log_actions(actions) -> None:
    actions.register_action("forms_app.mend", "Mend", "Sign-up mended")
    actions.register_action("forms_app.unpair", "Unpair", "Tablet unpaired")


@hooks.register("construct_homepage_panels")
def our_dashboard(request, panels) -> None:
    if on_a_retailers_host() and request.user.has_perm("forms_app.view_signup"):
        panels.insert(0, Dashboard())


@hooks.register("construct_homepage_summary_items")
def no_counts_of_pages_and_images(request, summary_items) -> None:
    if on_a_retailers_host():
        summary_items.clear()


@hooks.register("before_create_page")
def choose_a_template(request, parent, page_class):
    """Instead of Wagtail's empty form: a new page begins as one of ours."""
    if page_class is SignupPage and request.method == "GET":
        context = {"templates": TEMPLATES, "home": parent}
        return render(request, "forms_app/admin/choose_template.html", context)


@hooks.register("insert_global_admin_css")
def admin_css():
    sheets = ("forms_app/admin.css", "forms_app/editor/editor.css", "forms_app/tablets/admin.css")
    link = '<link rel="stylesheet" href="{}">'
    return format_html_join("", link, [[static(sheet)] for sheet in sheets])


def with_signups(pages) -> list[SignupPage]:
    """Those of these pages, or below them, that somebody signed up on."""
    found = []
    for page in pages:
        below = SignupPage.objects.descendant_of(page, inclusive=True)
        found += below.filter(pk__in=Signup.objects.values("page_id"))
    return found


def refuse_deletion(request, pages):
    names = ", ".join(page.title for page in pages)
    messages.error(
        request,
        f"{names}: people have signed up here, and what they agreed to must be kept. "
        "Unpublish the page instead.",
    )
    return redirect("wagtailadmin_explore", pages[0].get_parent().pk)


@hooks.register("before_delete_page")
def keep_page_with_signups(request, page):
    if kept := with_signups([page]):
        return refuse_deletion(request, kept)


@hooks.register("before_bulk_action")
def keep_pages_with_signups(request, action_type, objects, action):
    if action_type == "delete" and objects and isinstance(objects[0], Page):
        if kept := with_signups(objects):
            return refuse_deletion(request, kept)
