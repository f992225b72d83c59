"""Who the operator's people are, and the retailers that they work on."""

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django_tenants.utils import get_public_schema_name

from .models import Retailer


def operators_only(request: HttpRequest, permission: str = "tenants.view_retailer") -> None:
    """Raises `PermissionDenied` on a retailer's host, whoever asks."""
    if connection.schema_name != get_public_schema_name() or not request.user.has_perm(permission):
        raise PermissionDenied


def find(pk: int) -> Retailer:
    retailers = Retailer.objects.select_related("counted")
    return get_object_or_404(retailers.exclude(state=Retailer.State.TEMPLATE), pk=pk)
