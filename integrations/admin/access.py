"""Who may come in, and from where: every view of the CRM's admin stands on these classes."""

from functools import wraps

from django.db import connection as database
from django.http import Http404
from django.urls import reverse_lazy
from django.views.generic.base import View
from wagtail.admin.views.generic.base import BaseObjectMixin, WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.permission_policies import ModelPermissionPolicy

from integrations.models import Connection

policy = ModelPermissionPolicy(Connection)
ANY = ["view", "add", "change", "delete"]
CRM_CRUMB = {"url": reverse_lazy("crm:index"), "label": "CRM"}


def on_a_retailers_host() -> bool:
    """Connections stand in retailers' schemas only: the operator's console has no such tables."""
    return database.schema_name != "public"


def retailers_only(view):
    """Around each view, by the viewset: 404 on the operator's host, before anything is asked."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not on_a_retailers_host():
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


class CrmView(PermissionCheckedMixin, WagtailAdminTemplateMixin, View):
    """`permission_required` or `any_permission_required` says which permission it takes."""

    permission_policy = policy
    header_icon = "link"

    def get_breadcrumbs_items(self) -> list[dict]:
        here = {"url": "", "label": self.get_page_title(), "sublabel": self.get_page_subtitle()}
        return [*self.breadcrumbs_items, CRM_CRUMB, *self.get_crumbs(), here]

    def get_crumbs(self) -> list[dict]:
        """Between the list and the page that is shown."""
        return []

    def may(self, action: str) -> bool:
        return policy.user_has_permission(self.request.user, action)


class ConnectionView(BaseObjectMixin, CrmView):
    """Of one connection of the retailer whose host was called: `self.object`."""

    model = Connection

    def get_crumbs(self) -> list[dict]:
        url = reverse_lazy("crm:connection", args=[self.object.pk])
        return [{"url": url, "label": self.object.name}]
