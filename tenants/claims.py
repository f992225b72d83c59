"""What retailers say is their own domain, and whether DNS agrees.

A claim is served by nobody: a row of Domain is, and that is made when DNS has proved the claim
(tenants.addresses). So nobody can keep a domain from its owner by claiming it first.
"""

from django.db import models
from django.utils import timezone


class DomainClaim(models.Model):
    """One retailer's claim to a domain. It stays after it was proved, to be looked at again."""

    retailer = models.ForeignKey(
        "tenants.Retailer", on_delete=models.CASCADE, related_name="claims"
    )
    domain = models.CharField(max_length=253)
    challenge = models.CharField(max_length=64, help_text="what the TXT record has to say")
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.CharField(max_length=254)
    checked_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True, help_text="the last time that DNS agreed")
    problem = models.CharField(max_length=500, blank=True, help_text="in words, for the owner")

    class Meta:
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(fields=["retailer", "domain"], name="one_claim_each")
        ]

    def __str__(self) -> str:
        return f"{self.domain}"
