"""Addresses on the operator's host: the console, in the public schema."""

from django.urls import include, path, re_path
from django.views.generic import RedirectView
from wagtail.admin import urls as wagtailadmin_urls

from billing import webhooks
from integrations import shopify_privacy
from integrations.admin import oauth_views
from tenants import doors

from . import metrics
from .urls import not_here

# Of Wagtail, what is about pages and pictures: the console has none.
PAGES = "pages|images|documents|collections|reports|workflows|bulk|editing-sessions|api|failwhale"

urlpatterns = [
    *doors.urls,
    # The retailers' part of the admin: its tables stand in their schemas only.
    re_path(r"^admin/(?:signups|signup-pages|tablets|stores|settings/forms_app)/", not_here),
    re_path(rf"^admin/(?:choose-[\w-]+|{PAGES})/", not_here),
    path("admin/", include(wagtailadmin_urls)),
    path("metrics", metrics.view, name="metrics"),
    path("oauth/callback/", oauth_views.callback, name="oauth_callback"),
    path("shopify/webhook/", shopify_privacy.receive, name="shopify_webhook"),
    path("stripe/webhook/", webhooks.receive, name="stripe_webhook"),
    path("", RedirectView.as_view(pattern_name="wagtailadmin_home")),
]
