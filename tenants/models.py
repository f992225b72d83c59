"""Retailers, their domains, and the schema that new retailers are made of."""

from datetime import timedelta

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django_tenants.models import DomainMixin, TenantMixin

# A DNS label. Shorter than the 63 that DNS allows, so that the schema's name fits as well.
slug_validator = RegexValidator(
    r"\A[a-z](?:[a-z0-9]|-(?=[a-z0-9])){1,39}\Z",
    "Use 2 to 40 small letters, digits and single hyphens, starting with a letter.",
)


class Retailer(TenantMixin):
    """One retailer: one schema, one address, one bill.

    The row that is `template` isn't a retailer: its schema is what new ones are copied from, and
    it stands here so that migrations keep it current.
    """

    class State(models.TextChoices):
        TEMPLATE = "template", "Template"
        TRIAL = "trial", "Trial"
        ACTIVE = "active", "Active"
        PAST_DUE = "past_due", "Past due"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    class Hold(models.TextChoices):
        NONE = "", "None"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    # Schemas are made by tenants.provisioning alone, and dropped by nobody in passing.
    auto_create_schema = False
    auto_drop_schema = False

    name = models.CharField(max_length=100)
    slug = models.CharField(
        "address", max_length=40, unique=True, null=True, validators=[slug_validator]
    )
    state = models.CharField(max_length=20, choices=State, default=State.TRIAL)
    # What `state` is made of, and since when it is so: tenants.lifecycle alone writes it.
    billed_state = models.CharField(
        max_length=20, choices=State, default=State.TRIAL, db_default="trial", editable=False
    )
    hold = models.CharField(
        max_length=20, choices=Hold, blank=True, default="", db_default="", editable=False
    )
    hold_reason = models.TextField(blank=True, default="", db_default="", editable=False)
    state_since = models.DateTimeField(default=timezone.now, db_default=Now(), editable=False)
    delete_at = models.DateTimeField(null=True, blank=True, editable=False)
    owner_email = models.EmailField("owner's e-mail", blank=True)
    # The own domain that it is known by; empty: its subdomain. tenants.addresses writes it.
    primary_host = models.CharField(
        max_length=253, blank=True, default="", db_default="", editable=False
    )
    # What was wished for at onboarding: a key of billing/plans.toml. What is paid for, Stripe says.
    plan = models.CharField(max_length=30, blank=True, default="", db_default="")
    country = models.CharField(max_length=2, blank=True, default="", db_default="")
    language = models.CharField(max_length=10, default="en", db_default="en")
    support_allowed = models.BooleanField(
        "the operator may open this account to help", default=True, db_default=True
    )
    two_factor_required = models.BooleanField(
        "everybody needs a second factor", default=False, db_default=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    schema_problem = models.TextField(
        blank=True,
        editable=False,
        help_text="Why the schema isn't served: set and cleared by every migration run.",
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_collecting(self) -> bool:
        """Whether its pages take new sign-ups: unpaid bills don't stop them for a while.

        What a tablet has queued is taken always.
        """
        if self.state == self.State.SUSPENDED:
            grace = timedelta(days=settings.SUSPENSION_GRACE_DAYS)
            return timezone.now() < self.state_since + grace
        return self.state != self.State.CLOSED

    @property
    def may_edit(self) -> bool:
        """Whether its people may change anything, and pair tablets."""
        return self.state in (self.State.TRIAL, self.State.ACTIVE, self.State.PAST_DUE)

    @property
    def email(self) -> str:
        """What dj-stripe calls a subscriber's e-mail."""
        return self.owner_email

    @property
    def subdomain(self) -> str:
        """The address with us, which every retailer has."""
        return f"{self.slug}.{settings.BASE_HOST}"

    @property
    def host(self) -> str:
        """The address that it goes by; all others lead there."""
        return self.primary_host or self.subdomain

    @property
    def url(self) -> str:
        """Where shoppers and staff find this retailer, without a trailing slash."""
        port = f":{settings.BASE_PORT}" if settings.BASE_PORT else ""
        return f"{settings.BASE_SCHEME}://{self.host}{port}"


class Domain(DomainMixin):
    """A host name that leads to a retailer."""


class SchemaTemplate(models.Model):
    """The SQL that rebuilds the template schema, for one set of applied migrations."""

    fingerprint = models.CharField(max_length=64, unique=True)
    sql = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.fingerprint[:12]


class AuditEntry(models.Model):
    """One thing that was done to a retailer, or for it. It outlives the retailer."""

    # By name as well: of a deleted retailer only this is left, and no schema's name is used twice.
    retailer = models.ForeignKey(
        Retailer, null=True, on_delete=models.SET_NULL, related_name="audit_entries"
    )
    retailer_name = models.CharField(max_length=100)
    schema_name = models.CharField(max_length=63, db_index=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    by = models.CharField(max_length=254)
    action = models.CharField(max_length=50)
    before = models.CharField(max_length=50, blank=True)
    after = models.CharField(max_length=50, blank=True)
    why = models.TextField(blank=True)
    is_visible = models.BooleanField("the retailer sees it", default=False)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.retailer_name}: {self.action}"


# The app's other models stand in the modules named after what they hold.
from .claims import DomainClaim  # noqa: E402
from .figures import RetailerFigures  # noqa: E402
from .onboarding import Onboarding  # noqa: E402
from .outcomes import PlatformBackup, TaskOutcome  # noqa: E402
from .public_mail import PublicMail  # noqa: E402
from .public_pages import LandingPage, PricingPage  # noqa: E402
from .support import SupportVisit  # noqa: E402

__all__ = [
    "AuditEntry",
    "Domain",
    "DomainClaim",
    "LandingPage",
    "Onboarding",
    "PlatformBackup",
    "PricingPage",
    "PublicMail",
    "Retailer",
    "RetailerFigures",
    "SchemaTemplate",
    "SupportVisit",
    "TaskOutcome",
    "slug_validator",
]
