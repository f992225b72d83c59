"""One retailer as the tests see it: publish a page, open it, sign up, look at what was stored."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from bs4 import BeautifulSoup
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client, TestCase
from django_tenants.utils import tenant_context

from forms_app import page_cache
from forms_app.models import Brand, Consent, FormVersion, HomePage, Signup, SignupPage
from forms_app.versions import write_version
from integrations.models import Attempt, Connection, Delivery

KEYS = uuid.UUID("0d9a3c1e-1b53-4a53-9e0c-0f4f5f0a7a11")
PARTS = ("day", "month", "year")


def key(name: str) -> str:
    """The key that a field of this name has in every test."""
    return str(uuid.uuid5(KEYS, name))


def field(kind: str, name: str = "", **value) -> dict:
    """One block of a page's stream; `name` is what tests call it, the kind if it's the only one."""
    return {"type": kind, "id": key(name or kind), "value": {"label": kind, **value}}


def choice(name: str, *options: str, **value) -> dict:
    """A choice whose options have the ids key(<their label>)."""
    listed = [{"type": "item", "id": key(option), "value": option} for option in options]
    return field("choice", name, options=listed, **value)


def stream(*fields: dict):
    return SignupPage.fields.field.stream_block.to_python(list(fields))


def soup(answer) -> BeautifulSoup:
    return BeautifulSoup(answer.content, "html.parser")


def without_issue(page: str) -> str:
    """A page says when it was made, and nothing else of it may change by itself."""
    return re.sub(r'name="issued" value="[^"]+"', "", page)


class Shop:
    def __init__(self, retailer):
        self.retailer = retailer
        self.schema = retailer.schema_name
        self.host = retailer.host
        self.client = Client(HTTP_HOST=self.host)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """In the retailer's schema; what waits for the commit happens at the end."""
        with tenant_context(self.retailer), TestCase.captureOnCommitCallbacks(execute=True):
            yield

    # --- What the retailer does ---

    def page(self, slug: str = "join") -> SignupPage:
        with tenant_context(self.retailer):
            return SignupPage.objects.get(slug=slug)

    def publish(self, *fields: dict, slug: str = "join", **attributes) -> SignupPage:
        """Publish the page at /<slug>/ with these fields (none: as they are)."""
        with self.inside():
            page = SignupPage.objects.filter(slug=slug).first()
            if page is None:
                page = SignupPage(title=slug, slug=slug)
                HomePage.objects.get().add_child(instance=page)
            for name, value in attributes.items():
                setattr(page, name, value)
            if fields:
                page.fields = stream(*fields)
            page.save_revision().publish()
            return SignupPage.objects.get(pk=page.pk)

    def open(self, *fields: dict) -> None:
        """What publishing the starter page with these fields comes to, in a tenth of the time."""
        with self.inside():
            page = SignupPage.objects.get(slug="join")
            page.fields = stream(*fields)
            page.save()
            write_version(page, Brand.load())
            page_cache.forget()

    def unpublish(self, slug: str = "join") -> None:
        with self.inside():
            SignupPage.objects.get(slug=slug).unpublish()

    def save_brand(self, **attributes) -> None:
        with self.inside():
            brand = Brand.load()
            for name, value in attributes.items():
                setattr(brand, name, value)
            brand.full_clean()
            brand.save()

    def connect(self, state: str = "active", name: str = "") -> int:
        with self.inside():
            return Connection.objects.create(name=name or state, kind="sandbox", state=state).pk

    def staff(self, role: str = "Owners") -> Client:
        """A browser in which somebody of this role is logged in."""
        with tenant_context(self.retailer):
            user, made = get_user_model().objects.get_or_create(email=f"{role}@{self.host}".lower())
            if made:
                user.groups.add(Group.objects.get(name=role))
            browser = Client(HTTP_HOST=self.host)
            browser.force_login(user)
        return browser

    # --- What a shopper does ---

    def get(self, path: str = "/join/", **headers):
        return self.client.get(path, **headers)

    def version(self, path: str = "/join/") -> str:
        """The form version named in the page that is served."""
        return soup(self.get(path)).find("input", {"name": "form_version"})["value"]

    def form(self, answers: dict, path: str = "/join/", version: str = "", **system) -> dict:
        """What a browser sends: `answers` by the names of fields, `system` by their own."""
        data = {"form_version": version or self.version(path), **system}
        for name, value in answers.items():
            if isinstance(value, tuple):
                data |= {f"{key(name)}-{part}": text for part, text in zip(PARTS, value)}
            else:
                data[key(name)] = value
        return data

    def post(self, answers: dict, path: str = "/join/", version: str = "", **system):
        return self.client.post(path, self.form(answers, path, version, **system))

    def send(self, answers: dict, path: str = "/join/", version: str = "", **system):
        """The same as `post`, by a program that wants JSON."""
        data = self.form(answers, path, version, **system)
        return self.client.post(path, data, HTTP_ACCEPT="application/json")

    def sign_up(self, answers: dict, path: str = "/join/", **system) -> Signup:
        answer = self.send(answers, path, **system)
        assert answer.status_code == 201, answer.content
        return self.signup(answer.json()["receipt"])

    # --- What was stored ---

    def signups(self) -> list[Signup]:
        with tenant_context(self.retailer):
            found = Signup.objects.select_related("form_version", "page")
            return list(found.prefetch_related("consents", "deliveries__connection"))

    def signup(self, pk) -> Signup:
        return next(signup for signup in self.signups() if str(signup.pk) == str(pk))

    def stored(self) -> tuple[int, ...]:
        """How many sign-ups, consents, deliveries, attempts and versions."""
        with tenant_context(self.retailer):
            models = (Signup, Consent, Delivery, Attempt, FormVersion)
            return tuple(model.objects.count() for model in models)
