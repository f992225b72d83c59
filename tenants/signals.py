"""Cached look-ups of hosts are forgotten when a domain or a retailer changes."""

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from .models import Domain, Retailer
from .routing import forget_hosts


@receiver([post_save, post_delete], sender=Domain)
def forget_domain(instance: Domain, **kwargs) -> None:
    transaction.on_commit(lambda: forget_hosts(instance.domain))


@receiver([post_save, post_delete], sender=Retailer)
def forget_retailer(instance: Retailer, **kwargs) -> None:
    hosts = list(Domain.objects.filter(tenant=instance).values_list("domain", flat=True))
    if hosts:
        transaction.on_commit(lambda: forget_hosts(*hosts))
