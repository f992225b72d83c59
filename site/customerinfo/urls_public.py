"""Addresses on BASE_HOST: the operator's public pages, in the public schema."""

from tenants import public_site

urlpatterns = public_site.urls
