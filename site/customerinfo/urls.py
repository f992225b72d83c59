"""Addresses on a retailer's host."""

from django.http import Http404, HttpRequest
from django.urls import include, path, re_path
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.urls import serve_pattern

from forms_app import app_views, views
from tenants import doors, team_view
from tenants.storage import media


def not_here(request: HttpRequest, **kwargs) -> None:
    raise Http404


CONSOLE = (
    "tenants|retailers|revenue|billing/receivedevent|deliveries|mails|periodic|settings/tenants"
)

urlpatterns = [
    *doors.urls,
    *team_view.doors,
    # The operator's: console, and public pages.
    re_path(rf"^admin/(?:{CONSOLE})/", not_here),
    # Of Wagtail: its page that fails on purpose, documents, which nobody serves here, and its
    # pages on people, instead of which there is “Team”.
    re_path(r"^admin/(?:failwhale|documents|api/main/documents|users|groups)/", not_here),
    path("admin/", include(wagtailadmin_urls)),
    path("media/<path:path>", media),
    path("app/", include("forms_app.app_urls")),
    path("sw.js", app_views.service_worker),
    path("brand/preview.css", views.preview_stylesheet),
    path("brand/<slug:digest>.css", views.brand_stylesheet),
    # The name by which Wagtail builds the addresses of pages.
    re_path(serve_pattern, views.shop, name="wagtail_serve"),
    path("<path:path>", views.shop),
]
