"""The console, and beside it the address that Stripe calls. Not the operator's own addresses: those
stand in customerinfo, which billing may not import.
"""

from django.urls import include, path
from wagtail.admin import urls as wagtailadmin_urls

from billing import webhooks

urlpatterns = [
    path("stripe/webhook/", webhooks.receive, name="stripe_webhook"),
    path("admin/", include(wagtailadmin_urls)),
]
