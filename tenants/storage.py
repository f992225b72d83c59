"""Uploaded files: a folder per schema, served to that retailer's host only."""

from django.conf import settings
from django.db import connection
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe
from django.views.static import serve
from django_tenants.files.storage import TenantFileSystemStorage


class RetailerStorage(TenantFileSystemStorage):
    """MEDIA_ROOT/<schema>/…, under the same address on every host."""

    @property
    def base_url(self) -> str:
        return settings.MEDIA_URL


@require_safe
def media(request: HttpRequest, path: str) -> FileResponse:
    """A file of the retailer whose host was asked, or 404."""
    # `serve` refuses paths that leave the folder.
    response = serve(request, path, document_root=f"{settings.MEDIA_ROOT}/{connection.schema_name}")
    if response.get("Content-Type", "").split("/")[0] != "image":
        raise Http404
    # Names of renditions hold a hash of what they show, so they may be kept for long.
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
