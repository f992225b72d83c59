"""The CRM in the retailer's admin: see integrations.admin."""

from django.contrib.auth.models import Permission
from wagtail import hooks

from .admin.viewset import CrmViewSet, crm_viewset

LOGGED = {
    "crm.pause": ("Pause", "Connection paused"),
    "crm.resume": ("Resume", "Connection resumed"),
    "crm.switch_off": ("Switch off", "Connection switched off"),
    "crm.resend": ("Send again", "Sign-ups that needed attention sent again"),
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
