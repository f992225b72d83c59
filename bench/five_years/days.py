"""What shoppers, staff and the operator do on a day."""

import random
import uuid
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.http import QueryDict
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from bench.servers import BenchFailed
from forms_app import intake, receiving
from forms_app.models import FormVersion, SignupPage
from tenants import support
from tenants.tests.people import PASSWORD, browser, log_in

from .shops import Shop

OVER_HTTP = 10  # one in so many sign-ups comes through the page's address, the others past it
KNOWN = 0.1  # that have signed up before
ODD = 200  # one in so many can't be read, and is kept aside
FIRST, LAST = ("Ada", "Bea", "Cleo", "Dora", "Elin"), ("Maas", "Noor", "de Vries", "Özil")
OPERATOR = "operator@console.test"


def shoppers(shop: Shop, number: int, chance: random.Random) -> None:
    """So many sign-ups, one after the other. Raises `BenchFailed` for one that isn't taken in."""
    keys = {field["kind"]: field["key"] for field in shop.version.fields}
    for _ in range(number):
        answers = answers_of(shop, keys, chance)
        shop.signed_up += 1
        if shop.signed_up % OVER_HTTP == 0:
            over_http(shop, answers)
            continue
        with tenant_context(shop.retailer):
            take(shop, answers, keys)


def answers_of(shop: Shop, keys: dict[str, str], chance: random.Random) -> dict[str, str]:
    known = shop.signed_up and chance.random() < KNOWN
    person = chance.randrange(shop.signed_up) if known else shop.signed_up
    day = chance.randrange(1, 29)
    answers = {
        keys["first_name"]: chance.choice(FIRST),
        keys["last_name"]: chance.choice(LAST),
        keys["email"]: f"shopper.{person}@{shop.retailer.slug}.example",
        f"{keys['birthday']}-day": str(day),
        f"{keys['birthday']}-month": str(chance.randrange(1, 13)),
    }
    if chance.random() < 0.6:
        answers[keys["consent"]] = "yes"
    return answers


def take(shop: Shop, answers: dict[str, str], keys: dict[str, str]) -> None:
    odd = shop.signed_up % ODD == ODD - 1
    if odd:
        answers = {**answers, keys["email"]: "nobody"}
    form = QueryDict(urlencode({**answers, "signup_id": str(uuid.uuid4())}))
    try:
        intake.take(shop.version, form, tablet=shop.tablet)
    except intake.Invalid as invalid:
        if not odd:
            raise BenchFailed(f"{shop.schema}: {invalid.form.errors}") from invalid
        intake.keep_aside(shop.version, form, invalid, origin="queue", tablet=shop.tablet)
        shop.kept_aside += 1


def over_http(shop: Shop, answers: dict[str, str]) -> None:
    visitor = browser(shop.retailer.host)
    page = visitor.get("/join/")
    form = {"form_version": str(shop.version.pk), "signup_id": str(uuid.uuid4()), **answers}
    answer = visitor.post("/join/", form, headers={"accept": "application/json"})
    connection.set_schema_to_public()
    if (page.status_code, answer.status_code) != (200, 201):
        raise BenchFailed(f"{shop.schema}: {page.status_code}, {answer.status_code}")


def tablet_says(shop: Shop) -> None:
    """A tablet's contact, as it comes every few minutes."""
    with tenant_context(shop.retailer):
        receiving.note_contact(shop.tablet, {"length": 0, "app": "bench"}, None, {})


def owner_looks_in(shop: Shop) -> None:
    """A new log-in, start page, list, and one sign-up."""
    owner = log_in(shop.retailer.host, shop.retailer.owner_email)
    paths = ["/admin/", "/admin/signups/", "/admin/crm/"]
    for path in paths:
        if (status := owner.get(path).status_code) != 200:
            raise BenchFailed(f"{shop.schema}: {path} answered {status}")
    connection.set_schema_to_public()


def owner_rewords(shop: Shop) -> None:
    """Publishes the page with another line; tablets show the new version from now on."""
    with tenant_context(shop.retailer):
        page = SignupPage.objects.get(slug="join")
        page.intro = f"News since {timezone.now():%B %Y}."
        page.save_revision(user=get_user_model().objects.first(), log_action=True).publish()
        shop.version = FormVersion.objects.latest("number")


def operator_looks_in() -> None:
    with schema_context("public"):
        users = get_user_model().objects
        if not users.filter(email=OPERATOR).exists():
            users.create_superuser(OPERATOR, PASSWORD)
    operator = log_in(settings.OPERATOR_HOST, OPERATOR)
    for path in ("/admin/", "/admin/tenants/retailer/"):
        if (status := operator.get(path).status_code) != 200:
            raise BenchFailed(f"console: {path} answered {status}")
    connection.set_schema_to_public()


def operator_helps(shop: Shop) -> None:
    """A support visit."""
    url = support.open_door(shop.retailer, why="They asked.", minutes=30, by=OPERATOR)
    visitor = browser(shop.retailer.host)
    for method in (visitor.get, visitor.post):
        answer = method(url.removeprefix(shop.retailer.url))
    connection.set_schema_to_public()
    if answer.status_code != 302:
        raise BenchFailed(f"support at {shop.schema}: {answer.status_code}")
