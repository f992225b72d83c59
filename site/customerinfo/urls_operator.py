"""Addresses on the operator's host: the console, in the public schema."""

from django.urls import include, path
from django.views.generic import RedirectView
from wagtail.admin import urls as wagtailadmin_urls

from .urls import password_urls

urlpatterns = [
    *password_urls,
    path("admin/", include(wagtailadmin_urls)),
    path("", RedirectView.as_view(pattern_name="wagtailadmin_home")),
]
