"""What the demo starts with: two shops with clearly different brands, each with a CRM."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.files import File
from django.core.management import call_command
from django.db import connection, transaction
from django_tenants.utils import tenant_context
from wagtail.images import get_image_model

from forms_app.brand import Brand
from forms_app.starter import Starter
from integrations.http import Http
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Connection
from tenants.provisioning import onboard

PICTURES = Path(__file__).parent / "pictures"
# Known to everybody who reads this: the demo listens on this machine only.
PASSWORD = "twenty-seconds"
OPERATOR = "operator@customerinfo.example"


@dataclass(frozen=True)
class Shop:
    name: str
    slug: str
    starter: Starter

    @property
    def owner(self) -> str:
        return f"owner@{self.slug}.example"


SHOPS = (
    Shop(
        "Fern & Fig",
        "fern-and-fig",
        Starter(
            title="The plant club",
            slug="join",
            headline="Come grow with us",
            intro="A letter a month on what to plant, and ten per cent off on your birthday.",
            brand={
                "background": "#20382d",
                "surface": "#faf6ec",
                "text": "#22302a",
                "accent": "#2b6a4a",
                "font": "boutique",
                "radius": 12,
                "country": "GB",
            },
            fields=(
                ("first_name", {"required": True}),
                ("last_name", {}),
                ("email", {}),
                ("birthday", {"help": "For the birthday treat."}),
                (
                    "choice",
                    {
                        "label": "Where do your plants live?",
                        "options": ["Indoors", "On a balcony", "In a garden"],
                    },
                ),
                (
                    "consent",
                    {"label": "Yes, send me the monthly letter by e-mail. I can stop any time."},
                ),
            ),
        ),
    ),
    Shop(
        "Volt Cycles",
        "volt-cycles",
        Starter(
            title="Ride list",
            slug="join",
            headline="Get on the ride list",
            intro="Sunday rides, first looks, and a free check-up after your first hundred miles.",
            brand={
                "background": "#101113",
                "surface": "#191a1e",
                "text": "#f3f4ee",
                "accent": "#e4ff3a",
                "font": "poster",
                "radius": 0,
                "country": "GB",
            },
            fields=(
                ("first_name", {"required": True}),
                ("email", {}),
                ("mobile", {"help": "Only for changes on the day of a ride."}),
                ("short_text", {"label": "What do you ride?"}),
                (
                    "consent",
                    {"label": "Tell me about rides and new bikes by e-mail or text message."},
                ),
                (
                    "consent",
                    {
                        "label": "I have read the ride rules.",
                        "purpose": "terms",
                        "required": True,
                    },
                ),
            ),
        ),
    ),
)


def fill(crm_url: str, crm_keys: dict[str, str]) -> list[dict]:
    """Make what isn't there yet; returns what `make demo` prints: title, url, login, password."""
    connection.set_schema_to_public()
    make_user(OPERATOR, is_superuser=True)
    addresses = []
    for shop in SHOPS:
        retailer = onboard(shop.name, shop.slug, shop.owner, shop.starter).retailer
        with tenant_context(retailer), transaction.atomic():
            make_user(shop.owner)
            make_pictures(shop)
            connect_crm(crm_url, crm_keys[shop.slug])
        addresses += [
            address(f"{shop.name}: the tablet page", f"{retailer.url}/{shop.starter.slug}/"),
            address(f"{shop.name}: its admin", f"{retailer.url}/admin/", shop.owner),
            address(f"{shop.name}: its CRM", f"{crm_url}/{shop.slug}/"),
        ]
    if settings.STRIPE_SECRET_KEY:
        call_command("sync_plans", stdout=StringIO())
    port = f":{settings.BASE_PORT}" if settings.BASE_PORT else ""
    public = f"{settings.BASE_SCHEME}://{settings.BASE_HOST}{port}/"
    console = f"{settings.BASE_SCHEME}://{settings.OPERATOR_HOST}{port}/admin/"
    return [
        *addresses,
        address("The public pages: start a trial alone", public),
        address("The operator's console", console, OPERATOR),
    ]


def address(title: str, url: str, login: str = "") -> dict:
    return {"title": title, "url": url, "login": login, "password": PASSWORD if login else ""}


def make_user(email: str, is_superuser: bool = False) -> None:
    """With the demo's password, unless somebody has set another one."""
    users = get_user_model().objects
    user = users.filter(email=email).first() or users.create_user(email)
    if not user.has_usable_password():
        user.set_password(PASSWORD)
        user.is_superuser = user.is_staff = is_superuser
        user.save()


def make_pictures(shop: Shop) -> None:
    brand = Brand.load()
    if brand.logo_id is None:
        brand.logo = make_image(f"{shop.name}, logo", f"{shop.slug}-logo.png")
        brand.picture = make_image(f"{shop.name}, picture", f"{shop.slug}-picture.webp")
        brand.save()


def make_image(title: str, file_name: str):
    with (PICTURES / file_name).open("rb") as file:
        return get_image_model().objects.create(title=title, file=File(file, name=file_name))


def connect_crm(crm_url: str, key: str) -> None:
    """The shop's account in the sandbox CRM, mapped with the CRM's own attributes."""
    crm, made = Connection.objects.get_or_create(
        name="Sandbox CRM",
        kind="sandbox",
        defaults={"config": {"base_url": crm_url}, "secrets": {"api_key": key}},
    )
    if crm.config.get("base_url") != crm_url:  # the demo had to take another port
        crm.config["base_url"] = crm_url
        crm.save(update_fields=["config"])
    if made:
        connector = crm.connector(Http(allow_private=settings.OUTBOUND_ALLOW_PRIVATE))
        attributes = connector.describe()
        crm.attributes = [vars(attribute) for attribute in attributes]
        crm.mapping = rows_to_json(default_rows(attributes, connector.hints))
        crm.save(update_fields=["attributes", "mapping"])
