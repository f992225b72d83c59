"""Addresses under /app/: what paired tablets and devices that want to be paired ask for."""

from django.urls import path

from . import app_views

urlpatterns = [
    path("", app_views.pair_page, name="app"),
    path("pair/", app_views.pair_page, name="app_pair"),
    path("pair/ask", app_views.pair_ask),
    path("pair/claim", app_views.pair_claim),
    path("entries", app_views.entries),
    path("unpair", app_views.unpair),
    path("manifest.webmanifest", app_views.manifest, name="app_manifest"),
    path("icon-<int:size>.png", app_views.icon, name="app_icon"),
]
