"""The operator's addresses with the one that Stripe calls, as customerinfo/urls_operator.py has."""

from customerinfo.urls_operator import urlpatterns as operator_urls
from django.urls import path

from billing import webhooks

urlpatterns = [path("stripe/webhook/", webhooks.receive, name="stripe_webhook"), *operator_urls]
