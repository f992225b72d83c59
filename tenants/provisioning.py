"""A new retailer, in one transaction: complete or absent, whatever dies when."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, transaction
from django_tenants.utils import tenant_context
from wagtail.images import get_image_model
from wagtail.log_actions import LogContext

from forms_app.brand import Brand
from forms_app.starter import Starter, build_starter
from integrations import mail

from . import audit, files, schemas
from .models import AuditEntry, Domain, Retailer
from .names import check_address
from .tokens import password_link

mail.declare(
    "invitation",
    "Welcome, with the link to choose a password",
    late=lambda letter: {"invitation": invitation(connection.tenant)},
    invitation="https://fern-and-fig.example/admin/password_reset/confirm/MQ/…/",
)


@dataclass(frozen=True)
class Onboarded:
    """What the operator needs after onboarding.

    `invitation` is the link with which the owner sets a password; empty once there is one.
    """

    retailer: Retailer
    created: bool
    invitation: str


@dataclass(frozen=True)
class Wishes:
    """What else may be said about a new retailer. `plan` is a key of billing/plans.toml, `logo` a
    picture's file (name, content).

    `once` names the asking: with the same one the owner is written to only once.
    """

    starter: Starter = Starter()
    country: str = ""
    language: str = "en"
    plan: str = ""
    logo: tuple[str, bytes] | None = None
    once: str | None = None


def onboard(
    name: str,
    slug: str,
    owner_email: str,
    starter: Starter | None = None,
    by: str = "onboard_retailer",
    wishes: Wishes | None = None,
) -> Onboarded:
    """Make the retailer with schema, address, owner and starter page, or find it.

    The owner gets a mail with the link to choose a password. A repeat with the same slug answers
    like the first, with a fresh link and, while there is no password, another mail. `by` is who
    did it, for the audit. `starter` is short for `wishes` that say nothing else. Raises
    `ValidationError` for a slug or e-mail that can't be, or a slug that another owner has, and
    `schemas.StaleTemplate` before `migrate_fleet` has run.
    """
    owner_email = owner_email.strip().lower()
    wishes = wishes or Wishes(starter=starter or Starter())
    retailer = Retailer.objects.filter(slug=slug).first()
    created = retailer is None
    if created:
        try:
            retailer = create(name, slug, owner_email, wishes, by)
        except (IntegrityError, ValidationError):
            # Perhaps somebody onboarded the same slug at this very moment, and was first.
            retailer = Retailer.objects.filter(slug=slug).first()
            if retailer is None:
                raise
            created = False
    if retailer.owner_email != owner_email:
        raise ValidationError({"slug": f"{slug} is taken by another retailer."})
    link = invitation(retailer)
    if link and not created:
        with tenant_context(retailer):
            mail.write("invitation", retailer.owner_email, {}, once=wishes.once)
    return Onboarded(retailer, created, link)


def create(name: str, slug: str, owner_email: str, wishes: Wishes, by: str) -> Retailer:
    """The one transaction. Call it in the public schema."""
    check_address(slug)
    retailer = Retailer(
        name=name,
        slug=slug,
        owner_email=owner_email,
        schema_name=free_schema_name(slug),
        plan=wishes.plan,
        country=wishes.country,
        language=wishes.language,
    )
    retailer.full_clean()
    if not owner_email:
        raise ValidationError({"owner_email": "The owner's e-mail is needed."})
    template = schemas.current_template()
    with transaction.atomic():
        # The row first: a second onboarding of the same slug waits here until this one ends.
        retailer.save()
        Domain.objects.create(tenant=retailer, domain=retailer.host, is_primary=True)
        schemas.replay(template, retailer.schema_name)
        # What a worker wrote that died before its transaction ended: nobody else has this schema.
        files.delete_all(retailer.schema_name)
        with tenant_context(retailer):
            owner = get_user_model().objects.create_user(owner_email)
            # Else Wagtail's log would name whoever sent this request: the operator's people have
            # numbers of their own, in another schema.
            with LogContext(user=owner):
                build_starter(retailer.name, retailer.url, owner, wishes.starter)
                if wishes.logo:
                    put_logo(*wishes.logo)
            mail.write("invitation", owner_email, {}, once=wishes.once)
        audit.record(retailer, "onboarded", by=by, after=retailer.get_state_display())
    return retailer


def put_logo(file_name: str, content: bytes) -> None:
    """Into the brand of the schema that is active."""
    brand = Brand.load()
    brand.logo = get_image_model().objects.create(
        title=f"{brand.name}, logo", file=ContentFile(content, name=file_name)
    )
    brand.save()


def free_schema_name(slug: str) -> str:
    """r_<slug>, or with a number behind it where a renamed retailer has that schema, or one had it
    that was deleted: caches, queues and backups may still know the name.
    """
    wanted = name = f"r_{slug.replace('-', '_')}"
    taken = {
        name
        for model in (Retailer, AuditEntry)
        for name in model.objects.filter(schema_name__startswith=wanted).values_list(
            "schema_name", flat=True
        )
    }
    number = 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def invitation(retailer: Retailer) -> str:
    """The link with which the owner sets a password, or "" if there is one already."""
    with tenant_context(retailer):
        owner = get_user_model().objects.filter(email=retailer.owner_email).first()
        return password_link(owner) if owner else ""
