"""Where retailers are found: a subdomain each, own domains that DNS has proved, one that counts.

    claim  →  DNS shows the TXT record and leads here  →  a row of Domain: served from now on
           →  perhaps made primary: all other addresses lead there

A proved domain is looked at again every day. One that DNS denies for a week isn't served any more:
it may be somebody else's by now.
"""

import ipaddress
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

import idna
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app import page_cache
from forms_app.starter import move_site
from integrations import mail

from .audit import record
from .claims import DomainClaim
from .dns import NoAnswer, Resolver, resolver
from .lifecycle import NotNow
from .models import Domain, Retailer
from .names import check_address

log = logging.getLogger(__name__)

MOST = 10  # claims of one retailer
LOSE_AFTER = timedelta(days=7)
GIVE_UP_AFTER = timedelta(days=30)  # on a claim that was never proved
LOOK_AGAIN = timedelta(hours=20)  # at a proved one
LABEL = re.compile(r"\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")

mail.declare(
    "domain_failing",
    "An own domain no longer leads here",
    domain="club.fern-and-fig.example",
    problem="The TXT record is gone.",
    lost_on="24 December 2026",
)


@dataclass(frozen=True)
class DnsRecord:
    """One line to type in at whoever manages the domain."""

    kind: str
    name: str
    value: str


def clean_domain(text: str) -> str:
    """As DNS spells it: ASCII, small, without scheme and path. Raises `ValidationError`."""
    host = re.sub(r"\A[a-z]+://", "", text.strip().lower()).split("/")[0].split(":")[0].rstrip(".")
    try:
        host = idna.encode(host, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValidationError("This isn't a domain name.") from error
    labels = host.split(".")
    if len(labels) < 2 or len(host) > 253 or not all(LABEL.match(label) for label in labels):
        raise ValidationError("Write the whole name, such as club.your-shop.com.")
    if is_number(host) or labels[-1].isdigit():
        raise ValidationError("Write a name, not a number.")
    base = settings.BASE_HOST
    ours = {base, settings.OPERATOR_HOST}
    if host in ours or host.endswith(tuple(f".{one}" for one in ours)):
        raise ValidationError("This domain is ours. Write one of your own.")
    return host


def is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def claim(retailer: Retailer, text: str, *, by: str) -> DomainClaim:
    """Begin with an own domain, or find what was begun. Raises `ValidationError`."""
    domain = clean_domain(text)
    found = DomainClaim.objects.filter(retailer=retailer, domain=domain).first()
    if found:
        return found
    if DomainClaim.objects.filter(retailer=retailer).count() >= MOST:
        raise ValidationError(f"{MOST} domains are the most. Remove one first.")
    if Domain.objects.filter(domain=domain).exclude(tenant=retailer).exists():
        raise ValidationError("Another account uses this domain. If it is yours, write to us.")
    with transaction.atomic():
        made = DomainClaim.objects.create(
            retailer=retailer,
            domain=domain,
            challenge=secrets.token_hex(16),
            asked_by=by,
        )
        record(retailer, "domain added", by=by, after=domain[:50], is_visible=True)
    return made


def records(claim: DomainClaim) -> list[DnsRecord]:
    """Exactly what DNS has to say for this claim to be proved."""
    return [
        DnsRecord("CNAME", claim.domain, claim.retailer.subdomain),
        DnsRecord("TXT", f"_customerinfo.{claim.domain}", wanted_text(claim)),
    ]


def wanted_text(claim: DomainClaim) -> str:
    return f"customerinfo={claim.challenge}"


def problem_of(claim: DomainClaim, dns: Resolver) -> str:
    """What DNS lacks, in words; "" if all is well. Raises `dns.NoAnswer`."""
    texts = dns.texts(f"_customerinfo.{claim.domain}")
    if wanted_text(claim) not in texts:
        ours = [text for text in texts if text.startswith("customerinfo=")]
        if ours:
            return "The TXT record has another value than the one below."
        return "The TXT record isn't there yet."
    target = claim.retailer.subdomain
    aliases = dns.aliases(claim.domain)
    if aliases and aliases[0] in (target, settings.BASE_HOST):
        return ""
    # At the top of a domain there can be no CNAME; many name servers have an ALIAS instead.
    found = dns.addresses(claim.domain)
    if found and found <= dns.addresses(target):
        return ""
    if aliases:
        return f"The CNAME record leads to {aliases[0]} instead of {target}."
    if found:
        return f"The domain leads to {', '.join(sorted(found))}, which isn't us."
    return "The CNAME record isn't there yet."


def check(claim: DomainClaim, dns: Resolver | None = None) -> bool:
    """Ask DNS now; whether the domain is served afterwards. In the public schema."""
    try:
        problem = problem_of(claim, dns or resolver())
    except NoAnswer as error:
        log.warning("DNS: %s", error)
        DomainClaim.objects.filter(pk=claim.pk).update(checked_at=timezone.now())
        return is_served(claim)
    with transaction.atomic():
        claim = DomainClaim.objects.select_for_update().select_related("retailer").get(pk=claim.pk)
        claim.checked_at, claim.problem = timezone.now(), problem
        if not problem:
            serve(claim)
        elif is_served(claim):
            warn_or_lose(claim)
        claim.save()
    return is_served(claim)


def is_served(claim: DomainClaim) -> bool:
    return Domain.objects.filter(domain=claim.domain, tenant=claim.retailer_id).exists()


def serve(claim: DomainClaim) -> None:
    claim.proved_at = claim.checked_at
    if is_served(claim):
        return
    try:
        with transaction.atomic():
            Domain.objects.create(domain=claim.domain, tenant=claim.retailer, is_primary=False)
    except IntegrityError:
        claim.problem = "Another account uses this domain. If it is yours, write to us."
        return
    record(
        claim.retailer,
        "domain proved",
        by="system",
        after=claim.domain[:50],
        is_visible=True,
    )


def warn_or_lose(claim: DomainClaim) -> None:
    lost_on = (claim.proved_at or claim.asked_at) + LOSE_AFTER
    if timezone.now() < lost_on:
        context = {
            "domain": claim.domain,
            "problem": claim.problem,
            "lost_on": f"{lost_on:%-d %B %Y}",
        }
        with tenant_context(claim.retailer):
            mail.mail_owners("domain_failing", context, f"domain:{claim.pk}:{lost_on:%Y-%m-%d}")
        return
    stop_serving(claim.retailer, claim.domain)
    record(
        claim.retailer,
        "domain lost",
        claim.problem,
        by="system",
        before=claim.domain[:50],
        is_visible=True,
    )


def stop_serving(retailer: Retailer, host: str) -> None:
    if retailer.primary_host == host:
        move(retailer, retailer.subdomain)
    for domain in Domain.objects.filter(domain=host, tenant=retailer):
        domain.delete()  # one by one: the look-ups of hosts are forgotten by signals


def remove(claim: DomainClaim, *, by: str) -> None:
    """The retailer doesn't want it any more."""
    with transaction.atomic():
        stop_serving(claim.retailer, claim.domain)
        claim.delete()
        record(claim.retailer, "domain removed", by=by, before=claim.domain[:50], is_visible=True)


def make_primary(retailer: Retailer, host: str, *, by: str) -> None:
    """All its other addresses lead there from now on. Raises Domain.DoesNotExist."""
    with transaction.atomic():
        before = retailer.host
        Domain.objects.get(tenant=retailer, domain=host)
        if host != before:
            move(retailer, host)
            record(
                *(retailer, "primary domain"),
                **{"by": by, "before": before[:50], "after": host[:50], "is_visible": True},
            )


def move(retailer: Retailer, host: str) -> None:
    """Write what the address is, in the caller's transaction."""
    Domain.objects.filter(tenant=retailer).exclude(domain=host).update(is_primary=False)
    Domain.objects.filter(tenant=retailer, domain=host).update(is_primary=True)
    retailer.primary_host = "" if host == retailer.subdomain else host
    # Its signal has every host of the retailer looked up again.
    retailer.save(update_fields=["primary_host", "slug"])
    with tenant_context(retailer):
        move_site(retailer.name, retailer.url)
        page_cache.forget()


def rename(retailer: Retailer, slug: str, *, why: str, by: str) -> None:
    """Another subdomain. The old one goes on leading there, and is nobody else's.

    Raises `ValidationError`, and `NotNow` for a retailer that is closed.
    """
    with transaction.atomic():
        row = Retailer.objects.select_for_update().get(pk=retailer.pk)
        if row.state == Retailer.State.CLOSED:
            raise NotNow(f"{row} is closed.")
        before = row.slug
        if slug == before:
            return
        check_address(slug, own=row)
        row.slug = slug
        Domain.objects.get_or_create(
            domain=row.subdomain, tenant=row, defaults={"is_primary": False}
        )
        move(row, row.host)
        record(row, "renamed", why, by=by, before=before, after=slug, is_visible=True)
    retailer.slug, retailer.primary_host = row.slug, row.primary_host


def look_at_all(dns: Resolver | None = None, seconds: float = 200) -> int:
    """For beat: claims whose turn it is, those that waited longest first; how many were asked."""
    now = timezone.now()
    DomainClaim.objects.filter(proved_at=None, asked_at__lt=now - GIVE_UP_AFTER).delete()
    due = DomainClaim.objects.select_related("retailer").exclude(
        problem="", checked_at__gt=now - LOOK_AGAIN
    )
    asked = 0
    for each in due.order_by("checked_at", "pk"):
        if (timezone.now() - now).total_seconds() > seconds:
            break
        check(each, dns)
        asked += 1
    return asked
