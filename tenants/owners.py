"""Who a retailer's owners are, for the pages and menus that are theirs alone."""

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django_tenants.utils import get_public_schema_name
from wagtail.admin.menu import MenuItem

from forms_app.starter import OWNERS

from .models import Retailer


def is_owner(request: HttpRequest) -> bool:
    """On a retailer's host, one of its owners."""
    user = request.user
    if connection.schema_name == get_public_schema_name() or not user.is_authenticated:
        return False
    return user.is_superuser or user.groups.filter(name=OWNERS).exists()


def owners_only(request: HttpRequest) -> Retailer:
    """The retailer, as its row says now. Raises `PermissionDenied`."""
    if not is_owner(request):
        raise PermissionDenied
    return Retailer.objects.get(pk=request.retailer.pk)


class OwnersMenuItem(MenuItem):
    def is_shown(self, request) -> bool:
        return is_owner(request)
