"""Own domains, in the retailer's admin for its owners and on the operator's page of a retailer."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django_tenants.utils import get_public_schema_name, schema_context
from wagtail.admin.menu import MenuItem

from . import addresses
from .addresses import DnsRecord
from .claims import DomainClaim
from .console_forms import DomainForm
from .models import Domain, Retailer
from .owners import OwnersMenuItem, owners_only


@dataclass(frozen=True)
class Address:
    """One line of the page. `tone` is good, busy or stopped."""

    host: str
    words: str
    tone: str
    is_primary: bool
    may_prefer: bool
    claim: DomainClaim | None
    records: list[DnsRecord]


def shown(retailer: Retailer) -> list[Address]:
    """All addresses of a retailer, the one that counts first."""
    served = set(Domain.objects.filter(tenant=retailer).values_list("domain", flat=True))
    claims = {each.domain: each for each in DomainClaim.objects.filter(retailer=retailer)}
    for each in claims.values():
        each.retailer = retailer
    found = [
        line(retailer, host, host in served, claims.get(host))
        for host in sorted(served | set(claims))
    ]
    return sorted(found, key=lambda each: not each.is_primary)


def line(retailer: Retailer, host: str, is_served: bool, claim: DomainClaim | None) -> Address:
    is_primary = host == retailer.host
    if is_primary:
        words, tone = "Your address", "good"
    elif is_served:
        words, tone = f"Leads to {retailer.host}", "good"
    else:
        words, tone = "Waiting for DNS", "busy"
    if claim and claim.problem:
        words = f"{words}. {claim.problem}" if is_served else claim.problem
        tone = "stopped" if is_served else "busy"
    own = host == retailer.subdomain or claim is not None
    return Address(
        host=host,
        words=words,
        tone=tone,
        is_primary=is_primary,
        may_prefer=is_served and not is_primary and own,
        claim=claim,
        records=addresses.records(claim) if claim and (claim.problem or not is_served) else [],
    )


def change(request: HttpRequest, retailer: Retailer, *, by: str) -> None:
    """What one of the page's buttons asks for; the answer comes as a message."""
    action, host = request.POST.get("action", ""), request.POST.get("host", "")
    with schema_context(get_public_schema_name()):
        try:
            words = do(retailer, action, host, request, by)
        except (DomainClaim.DoesNotExist, Domain.DoesNotExist):
            tone, words = messages.error, "This domain isn’t there any more."
        except ValidationError as error:
            tone, words = messages.error, " ".join(error.messages)
        else:
            tone = messages.success
    tone(request, words)


def do(retailer: Retailer, action: str, host: str, request: HttpRequest, by: str) -> str:
    """What happened, in words. Raises `ValidationError`, `DoesNotExist`, `PermissionDenied`."""
    if action == "add":
        form = DomainForm(request.POST)
        if not form.is_valid():
            raise ValidationError("Write the domain, such as club.your-shop.com.")
        made = addresses.claim(retailer, form.cleaned_data["domain"], by=by)
        return f"{made.domain} is noted. Set the records below, then press “Look now”."
    if action == "prefer":
        addresses.make_primary(retailer, host, by=by)
        return f"{host} is the address now. The others lead there."
    claim = DomainClaim.objects.select_related("retailer").get(retailer=retailer, domain=host)
    if action == "check":
        if addresses.check(claim):
            return f"{host} leads here."
        claim.refresh_from_db()
        return claim.problem or "No name server answered. We look again by ourselves."
    if action == "remove":
        addresses.remove(claim, by=by)
        return f"{host} is removed."
    raise PermissionDenied


def page(request: HttpRequest) -> HttpResponse:
    """The owner's page "Web addresses"."""
    retailer = owners_only(request)
    if request.method == "POST":
        change(request, retailer, by=request.user.email)
        return redirect("own_addresses")
    context = {"retailer": retailer, "addresses": shown(retailer), "domain_form": DomainForm()}
    return render(request, "tenants/addresses.html", context)


def menu_item() -> MenuItem:
    return OwnersMenuItem(
        "Web addresses",
        reverse("own_addresses"),
        name="web-addresses",
        icon_name="globe",
        order=500,
    )


urls = [path("addresses/", page, name="own_addresses")]
