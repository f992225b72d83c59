"""Pages of the operator's console: on its host, for superusers, anywhere else a 404."""

from django.db import connection
from django.http import Http404
from django.views.generic.base import View
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin


def is_operator(request) -> bool:
    return connection.schema_name == "public" and request.user.is_superuser


class ConsoleMenuItem(MenuItem):
    def is_shown(self, request) -> bool:
        return is_operator(request)


class ConsoleView(WagtailAdminTemplateMixin, View):
    def dispatch(self, request, *args, **kwargs):
        if not is_operator(request):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self) -> list[dict]:
        return [*self.breadcrumbs_items, {"url": "", "label": self.get_page_title()}]
