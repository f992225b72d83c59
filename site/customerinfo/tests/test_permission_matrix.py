"""Who may open what: every address of the project, as each role, against a table that is kept.

A new address, or a new answer to an old one, fails until somebody has decided about it: run with
MATRIX=write, read what has changed in site/customerinfo/tests/matrix/, and commit it.
"""

import os
from pathlib import Path

import pytest
import wagtail
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django_tenants.utils import tenant_context
from wagtail.documents.models import Document
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import Collection, Site

from customerinfo.tests.inline import inline
from customerinfo.tests.walk import addresses, answered
from forms_app.models import Brand, HomePage, SignupPage, Store, Tablet
from integrations.models import Connection, Delivery
from tenants.models import Onboarding

TABLES = Path(__file__).parent / "matrix"
TABLES_OF = (7, 4)  # Wagtail
METHODS = ("get", "post")
SHOPPER = "shopper-{slug}-c4n4ry"
SECRET = "key-{slug}-c4n4ry"
STAFF = "staff-{slug}-c4n4ry"
# Wagtail's own, for a form that no browser of ours sends.
WAGTAILS = {("post", "/admin/choose-external-link/")}
KEPT_OUT = {"login", "denied", "absent", "method", "refused"}


def fill(retailer, sign_up) -> dict[str, object]:
    """One of everything in the retailer's schema, each with its canary; name → primary key."""
    slug = retailer.slug
    signup = sign_up(retailer, f"{SHOPPER.format(slug=slug)}@example.com")
    with tenant_context(retailer):
        page = SignupPage.objects.get()
        page.headline = STAFF.format(slug=slug)
        revision = page.save_revision()
        connection = Connection.objects.create(
            name=STAFF.format(slug=slug),
            kind="sandbox",
            config={"base_url": "http://127.0.0.1:1"},
            secrets={"api_key": SECRET.format(slug=slug)},
        )
        delivery = Delivery.objects.create(connection=connection, signup_id=signup.pk)
        store = Store.objects.create(name=STAFF.format(slug=slug))
        user = get_user_model().objects.create_user(f"{STAFF.format(slug=slug)}@example.com")
        user.groups.add(Group.objects.get(name="Viewers"))
        image = get_image_model().objects.create(
            title=STAFF.format(slug=slug), file=get_test_image_file()
        )
        document = Document.objects.create(title=STAFF.format(slug=slug), file="none.txt")
        return {
            "page": page.pk,
            "home": HomePage.objects.get().pk,
            "revision": revision.pk,
            "signup": signup.pk,
            "connection": connection.pk,
            "delivery": delivery.pk,
            "store": store.pk,
            "tablet": Tablet.objects.create(name=STAFF.format(slug=slug), token_hash=slug).pk,
            "user": user.pk,
            "group": Group.objects.get(name="Viewers").pk,
            "site": Site.objects.get().pk,
            "image": image.pk,
            "document": document.pk,
            "collection": Collection.objects.order_by("-depth").first().pk,
            "brand": Brand.load().pk,
            "retailer": retailer.pk,
        }


@pytest.fixture
def filled(retailers, sign_up) -> tuple[dict, dict]:
    acorn, birch = retailers
    return fill(acorn, sign_up), fill(birch, sign_up)


def person(retailer, role: str) -> Client:
    with tenant_context(retailer):
        user = get_user_model().objects.create_user(f"{role}@{retailer.slug}.test".lower())
        user.groups.add(Group.objects.get(name=role))
        client = Client(headers={"host": retailer.host})
        client.force_login(user)
    return client


def operator(*permissions: str, is_superuser: bool = False) -> Client:
    user = get_user_model().objects.create_user(f"ops{len(permissions)}@operator.test")
    user.is_superuser = is_superuser
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(headers={"host": "console.shops.test"})
    client.force_login(user)
    return client


def walked(
    urlconf: str, objects: dict, clients: dict[str, Client], foreign: list[str]
) -> dict[str, dict[str, str]]:
    """pattern → role → "get outcome/post outcome". Fails for an error, a foreign canary, and what
    a browser would refuse to run or wear."""
    told: dict[str, dict[str, str]] = {}
    wrong = []
    for address in addresses(urlconf, objects):
        for role, client in clients.items():
            words = []
            cookies = client.cookies.copy()
            for method in METHODS:
                word, text = answered(client, method, address.path)
                client.cookies = cookies.copy()  # as if nothing had been answered
                words.append(word)
                if word.isdigit() and (method, address.path) not in WAGTAILS:
                    wrong.append(f"{role}: {method} {address.path} is {word}")
                wrong += [
                    f"{role}: {method} {address.path} shows {one}" for one in foreign if one in text
                ]
                # A mail is shown as it is sent, in a frame that runs nothing.
                if not address.path.startswith("/admin/mails/"):
                    wrong += [f"{role}: {method} {address.path} has {one}" for one in inline(text)]
            told.setdefault(address.pattern, {})[role] = "/".join(words)
    assert not wrong, "\n".join(wrong)
    return told


def written(told: dict[str, dict[str, str]]) -> str:
    """The table. One line for each address: what GET and POST come to, role by role."""
    roles = list(next(iter(told.values())))
    lines = [f"# address | {' | '.join(roles)} (GET/POST)"]
    lines += [
        " | ".join([pattern, *(outcomes[role] for role in roles)])
        for pattern, outcomes in sorted(told.items())
    ]
    return "\n".join(lines) + "\n"


def compare(name: str, told: dict[str, dict[str, str]]) -> None:
    """The tables are of our own Wagtail; of a newer one the rules above hold the addresses."""
    if wagtail.VERSION[:2] != TABLES_OF:
        return
    file = TABLES / f"{name}.txt"
    text = written(told)
    if os.environ.get("MATRIX") == "write":
        file.write_text(text)
    kept = file.read_text().splitlines()
    now = text.splitlines()
    news = [f"+ {line}" for line in now if line not in kept]
    news += [f"- {line}" for line in kept if line not in now]
    assert not news, "Nobody has decided about these (MATRIX=write):\n" + "\n".join(news)


def canaries(slug: str) -> list[str]:
    return [each.format(slug=slug) for each in (SHOPPER, STAFF, SECRET)]


def test_a_retailers_host(retailers, filled):
    acorn, birch = retailers
    neighbour = person(birch, "Owners")
    neighbour.defaults["HTTP_HOST"] = acorn.host
    clients = {
        "nobody": Client(headers={"host": acorn.host}),
        "neighbour": neighbour,
        "viewer": person(acorn, "Viewers"),
        "editor": person(acorn, "Editors"),
        "owner": person(acorn, "Owners"),
    }
    secrets = [SECRET.format(slug="acorn")]  # not even its owner is shown one
    foreign = [*canaries("birch"), birch.owner_email, ">Birch<", "Birch -", "/birch."]
    told = walked("customerinfo.urls", filled[0], clients, foreign + secrets)
    for pattern, outcomes in told.items():
        assert outcomes["neighbour"] == outcomes["nobody"], pattern
        # Of the admin a stranger sees the doors alone.
        doors = ("login", "password_reset", "jsi18n", "sprite", "security/inactive")
        if pattern.startswith("admin/") and not any(door in pattern for door in doors):
            assert set(outcomes["nobody"].split("/")) <= KEPT_OUT, pattern
    compare("retailer", told)


def test_the_other_retailers_host_shows_its_own_things_only(retailers, filled):
    acorn, birch = retailers
    owner = person(birch, "Owners")
    foreign = [*canaries("acorn"), acorn.owner_email]
    told = walked("customerinfo.urls", filled[1], {"owner": owner}, foreign)
    assert sum("ok" in outcomes["owner"] for outcomes in told.values()) > 50


def test_the_operators_host(retailers, filled):
    acorn, birch = retailers
    asked = Onboarding.objects.create(
        **{"name": "Cedar", "slug": "cedar", "owner_email": "o@c.test", "asked_by": "x"}
    )
    owner = person(acorn, "Owners")
    owner.defaults["HTTP_HOST"] = "console.shops.test"
    clients = {
        "nobody": Client(headers={"host": "console.shops.test"}),
        "owner": owner,
        "staff": operator("access_admin"),
        "operator": operator(is_superuser=True),
    }
    # Shoppers are none of the operator's business, and keys nobody's.
    foreign = [text.format(slug=slug) for text in (SHOPPER, SECRET) for slug in ("acorn", "birch")]
    colleague = get_user_model().objects.create_user("colleague@operator.test")
    objects = {**filled[1], "onboarding": asked.pk, "user": colleague.pk}
    told = walked("customerinfo.urls_operator", objects, clients, foreign)
    for pattern, outcomes in told.items():
        assert outcomes["owner"] == outcomes["nobody"], pattern
    compare("console", told)


def test_staff_of_the_operator_without_a_permission_learn_of_no_retailer(retailers, filled):
    names = [text for each in retailers for text in (each.owner_email, f">{each.name}<")]
    staff = {"staff": operator("access_admin")}
    colleague = get_user_model().objects.create_user("colleague@operator.test")
    objects = {**filled[0], "user": colleague.pk}
    walked("customerinfo.urls_operator", objects, staff, names)


def test_the_public_host(retailers, filled):
    foreign = canaries("acorn") + canaries("birch") + [each.owner_email for each in retailers]
    clients = {"nobody": Client(headers={"host": "shops.test"})}
    compare("public", walked("customerinfo.urls_public", {}, clients, foreign))
