"""A retailer's new name or e-mail is told to Stripe, in a task after the commit."""

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from kombu.exceptions import OperationalError

from tenants.models import Retailer

from . import customers, tasks

WATCHED = {"name", "owner_email"}


@receiver(post_save, sender=Retailer)
def push_later(instance: Retailer, created: bool, update_fields=None, **kwargs) -> None:
    if created or not settings.STRIPE_SECRET_KEY:
        return
    if update_fields is not None and not WATCHED & set(update_fields):
        return
    customer = customers.known_customer(instance)
    if customer is None:
        return
    said = (customer.stripe_data.get("name"), customer.stripe_data.get("email"))
    if said != (instance.name, instance.owner_email):
        transaction.on_commit(lambda: ring(instance.pk))


def ring(number: int) -> None:
    try:
        tasks.push_customer.delay(number)
    except OperationalError:
        pass  # the hourly look pushes it, too
