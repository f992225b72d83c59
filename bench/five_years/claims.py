"""What must hold when the years are over."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from django_tenants.utils import tenant_context

from billing.models import ReceivedEvent
from forms_app.models import Signup
from integrations.models import Delivery
from tenants import farewell
from tenants.backup import backups_of, storage

from . import tables
from .life import Life
from .shops import key_of


def broken(life: Life) -> list[str]:
    """In words; empty if all of it holds."""
    schemas = [shop.schema for shop in life.staying]
    return [
        *signups(life),
        *bills(life),
        *leaver(life),
        *backups(life),
        *tables.beyond(tables.measured(schemas), life.plan),
    ]


def signups(life: Life) -> Iterator[str]:
    """All there, or gone by the retailer's own setting; each delivered, or not for a reason."""
    for number, shop in enumerate(life.staying):
        with tenant_context(shop.retailer):
            stored = Signup.objects.count()
            strangers = Signup.objects.exclude(email="").exclude(
                email__endswith=f"@{shop.retailer.slug}.example"
            )
            if odd := strangers.filter(problem="").count():
                yield f"{shop.schema}: {odd} sign-ups of somebody else's people"
            if number and stored != shop.signed_up:
                yield f"{shop.schema}: {stored} sign-ups of {shop.signed_up}"
            aside = Signup.objects.exclude(problem="").count()
            if number and aside != shop.kept_aside:
                yield f"{shop.schema}: {aside} kept aside, not {shop.kept_aside}"
            nowhere = Signup.objects.filter(problem="", deliveries=None).count()
            states = dict(Delivery.objects.values_list("state").annotate(n=Count("pk")).order_by())
            unnamed = Delivery.objects.filter(state="needs_attention", error_code="").count()
            if nowhere or unnamed or states.keys() - {"delivered", "needs_attention"}:
                yield f"{shop.schema}: {nowhere} without delivery, {unnamed} unnamed, {states}"
            if not number:
                yield from kept(life, stored)
            people = Delivery.objects.filter(state="delivered").values("signup__email").distinct()
            delivered = people.count()
        _, found = life.crm.api("GET", "/contacts?limit=1", key=key_of(shop.retailer.slug))
        # The first retailer has forgotten people whom its CRM still knows.
        if found["total"] < delivered or (number and found["total"] > delivered):
            yield f"{shop.schema}: {found['total']} contacts of {delivered} people"


def kept(life: Life, stored: int) -> Iterator[str]:
    """The first retailer's, in whose schema we are: no older than it wants."""
    oldest = Signup.objects.aggregate(at=Min("received_at"))["at"]
    days = life.plan.kept_days
    if oldest and oldest < timezone.now() - timedelta(days=days + 1):
        yield f"a sign-up of {oldest:%Y-%m-%d} is kept longer than {days} days"
    if stored > life.plan.a_day * tables.lived(life.plan, days + 2):
        yield f"{stored} sign-ups are kept by who keeps them for {days} days"


def bills(life: Life) -> Iterator[str]:
    if waiting := ReceivedEvent.objects.waiting().count():
        yield f"{waiting} events of Stripe wait"
    for number, shop in enumerate(life.staying):
        states = life.bills.told[shop.schema]
        expected = ["trial", "active"]
        if number == 1 % life.plan.retailers:
            expected += ["past_due", "active"]
        if states != expected:
            yield f"{shop.schema} was {states}, not {expected}"
        invoices = life.bills.invoices(shop)
        unpaid = [each["id"] for each in invoices if each["status"] != "paid"]
        # One of nothing when the trial began, then one a month.
        months = 1 + (life.plan.last - 30) / 30.44 + 1
        if unpaid or not months - 1.5 <= len(invoices) <= months + 1:
            yield f"{shop.schema}: {len(invoices)} invoices, {months:.1f} wanted; unpaid {unpaid}"


def leaver(life: Life) -> Iterator[str]:
    """Who never paid went through all of it, and is gone."""
    states = life.bills.told[life.leaver.schema]
    if states != ["trial", "suspended", "closed", ""]:
        yield f"{life.leaver.schema} was {states}"
    if left := farewell.what_is_left(life.leaver.schema):
        yield f"{life.leaver.schema} left {left}"


def backups(life: Life) -> Iterator[str]:
    """Those of the last days, and of nobody who is gone."""
    days = settings.BACKUP_DAYS
    for shop in life.staying:
        kept = len(backups_of(shop.schema))
        if not 1 <= kept <= days / life.plan.backup_every + 2:
            yield f"{shop.schema}: {kept} backups"
    _, names = storage().listdir(life.leaver.schema)
    if names:
        yield f"{life.leaver.schema}: {len(names)} backups are left"
