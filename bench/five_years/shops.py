"""The retailers: asked for as in the console, connected to the sandbox CRM, with a tablet."""

from dataclasses import dataclass

from django_tenants.utils import tenant_context

from customerinfo.tests.chaos import connect
from forms_app.models import FormVersion, SignupPage, Store, Tablet
from forms_app.shop_settings import Retention
from tenants import onboard_queue
from tenants.models import Onboarding, Retailer
from tenants.tests.people import give_password


@dataclass
class Shop:
    """`signed_up` is how many came; `number` makes its shoppers' names."""

    retailer: Retailer
    tablet: Tablet
    version: FormVersion
    signed_up: int = 0
    kept_aside: int = 0

    @property
    def schema(self) -> str:
        return self.retailer.schema_name

    def state(self) -> str:
        """Now; "" once it is gone."""
        found = Retailer.objects.filter(pk=self.retailer.pk).first()
        if found is not None:
            self.retailer = found
        return found.state if found else ""


def key_of(slug: str) -> str:
    """The key of its account in the sandbox CRM."""
    return f"key-{slug}"


def ask_for(slug: str) -> None:
    """What the operator fills in; a worker makes it."""
    asked = Onboarding.objects.create(
        name=slug.title(),
        slug=slug,
        owner_email=f"owner@{slug}.test",
        asked_by="operator@console.test",
        language="en",
        country="NL",
    )
    onboard_queue.put(asked)


def open_shop(slug: str, crm_url: str, kept_days: int | None) -> Shop:
    """The owner chooses a password, connects the CRM, pairs a tablet."""
    retailer = Retailer.objects.get(slug=slug)
    give_password(retailer.schema_name, retailer.owner_email)
    with tenant_context(retailer):
        connect(crm_url, key_of(slug))
        if kept_days:
            retention = Retention.load()
            retention.days = kept_days
            retention.save()
        store = Store.objects.create(name="High Street")
        tablet = Tablet.objects.create(name="Till", store=store, page=SignupPage.objects.get())
        return Shop(retailer, tablet, FormVersion.objects.latest("number"))
