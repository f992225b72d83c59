"""The CRM in the retailer's admin: see integrations.admin."""

from django.contrib.auth.models import Permission
from django.http import HttpRequest
from django.urls import reverse
from wagtail import hooks

from . import pauses
from .admin import fleet_page, mail_page, states
from .admin.access import on_a_retailers_host, policy
from .admin.viewset import CrmViewSet, crm_viewset
from .banners import Banner
from .models import Connection

LOGGED = {
    "crm.pause": ("Pause", "Connection paused"),
    "crm.resume": ("Resume", "Connection resumed"),
    f"crm.{pauses.LET_IN}": ("Let in again", "Connection resumed: the CRM lets us in again"),
    "crm.test": ("Send a test", "Test sent"),
    "crm.switch_off": ("Switch off", "Connection switched off"),
    "crm.resend": ("Send again", "Sign-ups sent again"),
    "crm.backfill": ("Send earlier ones", "Earlier sign-ups put on their way"),
}


@hooks.register("register_admin_viewset")
def register_crm() -> CrmViewSet:
    return crm_viewset


@hooks.register("register_permissions")
def register_permissions():
    """So that the owner can grant them to groups of their own."""
    return Permission.objects.filter(
        content_type__app_label="integrations", content_type__model="connection"
    )


@hooks.register("register_log_actions")
def register_log_actions(actions) -> None:
    for action, (label, message) in LOGGED.items():
        actions.register_action(action, label, message)


@hooks.register("construct_banners")
def refused_connections(request: HttpRequest) -> list[Banner]:
    """What the CRM stopped stands on every page, for those who can mend it."""
    if not on_a_retailers_host() or not policy.user_has_permission(request.user, "change"):
        return []
    paused = Connection.objects.filter(state=Connection.State.PAUSED).defer("secrets")
    return [
        Banner(
            "critical",
            f"{connection.name} {what_is_wrong(connection)}. Nothing is lost: sign-ups wait.",
            reverse("crm:connection", args=[connection.pk]),
            "See what to do",
        )
        for connection in paused
        if states.stopped_by_the_crm(connection)
    ]


def what_is_wrong(connection: Connection) -> str:
    if connection.paused_by == pauses.MAPPING:
        return "is paused: what goes where can't be read"
    return "no longer lets us in"


@hooks.register("register_admin_urls")
def register_console_pages() -> list:
    return [*fleet_page.urls, *mail_page.urls]


@hooks.register("register_admin_menu_item")
def register_deliveries():
    return fleet_page.menu_item


@hooks.register("register_admin_menu_item")
def register_mails():
    return mail_page.menu_item
