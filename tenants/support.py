"""The operator opens a retailer's admin to help: with a reason, for a while, and seen by everybody.

open_door (console)  →  a link, good once and for a minute  →  enter (the retailer's host)
    →  a session of the schema's support user, ended by time, by either side, or by the switch

The support user (settings.SUPPORT_EMAIL) has an owner's rights, no password, and gets no mail.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context
from wagtail import hooks

from forms_app.starter import OWNERS
from integrations.banners import Banner

from .audit import record
from .models import Retailer

LINK_WORKS = timedelta(minutes=1)
MINUTES = (30, 60, 120)
SESSION_KEY = "support_visit"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class NotAllowed(Exception):
    """The retailer has switched support off."""


class SupportVisit(models.Model):
    """One time that somebody of the operator's opened, or may open, a retailer's admin."""

    retailer = models.ForeignKey(
        "tenants.Retailer", on_delete=models.CASCADE, related_name="support_visits"
    )
    by = models.EmailField(max_length=254)
    why = models.CharField(max_length=500)
    token_hash = models.CharField(max_length=64, unique=True)
    asked_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    entered_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self.by} at {self.retailer_id}"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_door(retailer: Retailer, *, why: str, minutes: int, by: str) -> str:
    """The address that lets `by` in, once. In the public schema. Raises `NotAllowed`."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        if not Retailer.objects.select_for_update().get(pk=retailer.pk).support_allowed:
            raise NotAllowed(f"{retailer} doesn't let support in.")
        SupportVisit.objects.create(
            retailer=retailer,
            by=by,
            why=why,
            token_hash=digest(token),
            ends_at=timezone.now() + timedelta(minutes=minutes),
        )
    return f"{retailer.url}/admin/support/{token}/"


def take(token: str, retailer: Retailer) -> SupportVisit | None:
    """The visit that the link is for, begun from now on; None for a link that isn't good."""
    now = timezone.now()
    with schema_context(get_public_schema_name()), transaction.atomic():
        good = SupportVisit.objects.select_for_update().filter(
            retailer=retailer,
            token_hash=digest(token),
            entered_at=None,
            left_at=None,
            asked_at__gt=now - LINK_WORKS,
            retailer__support_allowed=True,
        )
        visit = good.first()
        if visit is None:
            return None
        visit.entered_at = now
        visit.save(update_fields=["entered_at"])
        until = timezone.localtime(visit.ends_at)
        record(
            *(retailer, "support came in", f"{visit.why} (until {until:%H:%M})"),
            **{"by": visit.by, "is_visible": True},
        )
    return visit


def running(retailer: Retailer):
    """Visits that have begun and not ended."""
    return SupportVisit.objects.filter(
        retailer=retailer,
        entered_at__isnull=False,
        left_at=None,
        ends_at__gt=timezone.now(),
        retailer__support_allowed=True,
    )


def end(visit: SupportVisit, *, by: str) -> None:
    """Its session ends with its next request. A second end is none."""
    with schema_context(get_public_schema_name()), transaction.atomic():
        ended = SupportVisit.objects.filter(pk=visit.pk, left_at=None).update(
            left_at=timezone.now()
        )
        if ended:
            record(visit.retailer, "support left", by=by, is_visible=True)


def allow(retailer: Retailer, allowed: bool, *, by: str) -> None:
    """The owner's switch. Switched off, whoever is inside is out with the next request."""
    with schema_context(get_public_schema_name()), transaction.atomic():
        if retailer.support_allowed == allowed:
            return
        retailer.support_allowed = allowed
        retailer.save(update_fields=["support_allowed"])
        words = "support allowed" if allowed else "support not allowed"
        record(retailer, words, by=by, is_visible=True)


def person():
    """The support user of the schema that is active, made if it isn't there."""
    user, made = get_user_model().objects.get_or_create(
        email=settings.SUPPORT_EMAIL, defaults={"first_name": "Support"}
    )
    if made:
        user.set_unusable_password()
    user.is_active = True  # in a restored copy nobody is; see tenants.restore
    user.save()
    user.groups.set(Group.objects.filter(name=OWNERS))
    return user


def enter(request: HttpRequest, token: str) -> HttpResponse:
    """The link's end, on the retailer's host."""
    visit = take(token, request.retailer)
    if visit is None:
        return redirect("wagtailadmin_login")
    if request.user.is_authenticated:
        logout(request)
    login(request, person(), backend=BACKEND)
    request.session[SESSION_KEY] = visit.pk
    request.session.set_expiry(visit.ends_at)
    return redirect("wagtailadmin_home")


def leave(request: HttpRequest) -> HttpResponse:
    """“Leave now”."""
    visit = visit_of(request)
    if visit is None:
        return redirect("wagtailadmin_home")
    end(visit, by=visit.by)
    logout(request)
    return redirect("wagtailadmin_login")


def visit_of(request: HttpRequest) -> SupportVisit | None:
    """The visit that this session is, if it is one that still runs."""
    return getattr(request, "support_visit", None)


class SupportMiddleware:
    """Ends a visit's session when the visit has ended, by whichever side."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Sessions are looked at in the admin alone: pages for shoppers must not vary by cookie.
        if request.path.startswith("/admin/") and SESSION_KEY in request.session:
            with schema_context(get_public_schema_name()):
                visit = running(request.retailer).filter(pk=request.session[SESSION_KEY]).first()
            if visit is None:
                logout(request)
                return redirect("wagtailadmin_login")
            if request.path.startswith("/admin/security/"):
                return redirect("wagtailadmin_home")  # of the support user there is nothing to set
            visit.retailer = request.retailer
            request.support_visit = visit
        return self.get_response(request)


@hooks.register("construct_banners")
def banner(request: HttpRequest) -> list[Banner]:
    visit = visit_of(request)
    if visit is None:
        return []
    until = timezone.localtime(visit.ends_at)
    words = f"You are in {visit.retailer} as support until {until:%H:%M}, because: {visit.why}"
    return [Banner("critical", words, "/admin/support/leave/", "Leave now")]
