"""Addresses on the operator's host: the console, in the public schema."""

from django.urls import include, path
from django.views.generic import RedirectView
from wagtail.admin import urls as wagtailadmin_urls

from billing import webhooks

from .urls import password_urls

urlpatterns = [
    *password_urls,
    path("admin/", include(wagtailadmin_urls)),
    path("stripe/webhook/", webhooks.receive, name="stripe_webhook"),
    path("", RedirectView.as_view(pattern_name="wagtailadmin_home")),
]
