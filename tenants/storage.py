"""Uploaded files: a folder per schema, served to that retailer's host only."""

import mimetypes

from django.conf import settings
from django.db import connection
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe
from django.views.static import serve
from django_tenants.files.storage import TenantFileSystemStorage


class RetailerStorage(TenantFileSystemStorage):
    """MEDIA_ROOT/<schema>/…, under the same address on every host."""

    @property
    def base_location(self) -> str:
        # django-tenants 4.0.1 keeps the first MEDIA_ROOT that it saw, whatever is set later.
        return f"{settings.MEDIA_ROOT}/{connection.schema_name}"

    @property
    def base_url(self) -> str:
        return settings.MEDIA_URL


@require_safe
def media(request: HttpRequest, path: str) -> FileResponse:
    """A file of the retailer whose host was asked, or 404."""
    kind, _ = mimetypes.guess_type(path)
    if kind is None or not kind.startswith("image/"):
        raise Http404
    folder = f"{settings.MEDIA_ROOT}/{connection.schema_name}"
    try:
        response = serve(request, path, document_root=folder)  # refuses paths that leave it
    except OSError as error:  # a name that is too long for the file system
        raise Http404 from error
    # Names of renditions hold a hash of what they show, so they may be kept for long.
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    return response
