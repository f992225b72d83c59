"""Uploaded files: each retailer's own, in a folder or a prefix named as its schema.

They are served by us and not by the bucket, on that retailer's host only: the host is what says
whose file it is, a tablet's service worker can keep only what comes from its own origin, and
nothing signed runs out in a page that is kept for weeks.
"""

import logging
import mimetypes
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage
from django.db import connection
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.http import require_safe
from django_tenants.files.storage import TenantFileSystemStorage

log = logging.getLogger(__name__)


class OutOfReach(OSError):
    """The storage can't be asked now; whether there is such a file isn't known."""


@dataclass(frozen=True)
class Stored:
    """A file as it is sent: `size` in bytes; whoever takes it closes `content`."""

    content: BinaryIO
    size: int
    modified: datetime


class NewNames:
    """No name twice, even after the first file was deleted: browsers keep pictures for a year."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        folder, file = os.path.split(name)
        new = self.get_alternative_name(*os.path.splitext(file))
        return super().get_available_name(os.path.join(folder, new), max_length)


class RetailerStorage(NewNames, TenantFileSystemStorage):
    """MEDIA_ROOT/<schema>/…, under the same address on every host."""

    @property
    def base_location(self) -> str:
        # django-tenants 4.0.1 keeps the first MEDIA_ROOT that it saw, whatever is set later.
        return f"{settings.MEDIA_ROOT}/{connection.schema_name}"

    @property
    def base_url(self) -> str:
        return settings.MEDIA_URL

    def stored(self, name: str) -> Stored:
        """Raises OSError where there is none, SuspiciousOperation for a path that leaves."""
        content = open(self.path(name), "rb")
        about = os.fstat(content.fileno())
        return Stored(content, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC))


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponse:
    """A picture of the retailer whose host was asked, or 404."""
    kind, _ = mimetypes.guess_type(path)
    if kind is None or not kind.startswith("image/"):
        raise Http404
    try:
        found = default_storage.stored(path)
    except OutOfReach as error:
        log.error("A picture can't be read: %s", error)
        return HttpResponse(status=503, headers={"Cache-Control": "no-store"})
    except (OSError, ValueError, SuspiciousOperation) as error:
        raise Http404 from error
    seconds = int(found.modified.timestamp())
    response = FileResponse(found.content, content_type=kind)
    response["Content-Length"] = found.size
    response["Last-Modified"] = http_date(seconds)
    # A name means one file for ever, so it may be kept for long.
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox; frame-ancestors 'none'"
    answer = get_conditional_response(request, last_modified=seconds, response=response)
    if answer is not response:  # 304; closing the response would end the request for Django
        found.content.close()
    return answer
