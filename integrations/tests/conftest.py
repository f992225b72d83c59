"""What the tests of the admin share: a CRM to connect to, people who look, sign-ups that wait."""

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from queue import Empty
from types import SimpleNamespace

import pytest
from celery import current_app
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django_tenants.utils import tenant_context

from integrations import outbox
from integrations.admin.probe import probe
from integrations.connectors.sandbox import SandboxConnector
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Connection

ROOT = Path(__file__).parents[2]
ACCOUNTS = 10
numbers = itertools.count()
accounts = itertools.cycle(range(ACCOUNTS))


@pytest.fixture(scope="session")
def crm_address(tmp_path_factory):
    """The sandbox CRM as a process of its own; started by name, as imports run one way."""
    command = [sys.executable, "-m", "customerinfo.demo.crm", "--port", "0", "--rate", "off"]
    command += ["--latency", "0", "--data", str(tmp_path_factory.mktemp("crm"))]
    command += [f"--account=Shop {number}=secret-key-{number}!" for number in range(ACCOUNTS)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'site'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("Sandbox CRM listening"), line
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture
def crm(crm_address):
    """`crm()` is an account that no other retailer of the test has: name, address and key."""

    def account():
        number = next(accounts)
        return SimpleNamespace(
            name=f"Shop {number}", key=f"secret-key-{number}!", address=crm_address
        )

    return account


class Visitor:
    """Somebody of this retailer's staff, logged in on its host."""

    def __init__(self, retailer, group: str, commits) -> None:
        self.retailer, self.commits = retailer, commits
        self.client = Client(headers={"host": retailer.host})
        with tenant_context(retailer):
            user = get_user_model().objects.create_user(
                email=f"{group.lower()}-{next(numbers)}@{retailer.slug}.test"
            )
            user.groups.add(Group.objects.get(name=group))
            self.client.force_login(user)

    def get(self, path: str = "", **options):
        return self.client.get(f"/admin/crm/{path}", **options)

    def post(self, path: str, data=None, **options):
        with self.commits() as callbacks:
            answer = self.client.post(f"/admin/crm/{path}", data or {}, **options)
        with tenant_context(self.retailer):  # outside of tests they run within the request
            for callback in callbacks:
                callback()
        return answer

    def read(self, path: str = "") -> str:
        """What the page says: its text without markup, blanks as one."""
        answer = self.get(path, follow=True)
        assert answer.status_code == 200
        return words_of(answer)


def words_of(answer) -> str:
    main = answer.text.partition("<main")[2] or answer.text
    text = re.sub(r"<(script|style|template)\b.*?</\1>|<[^>]+>", " ", main, flags=re.S)
    return re.sub(r"\s+", " ", text.replace("&#x27;", "'").replace("&amp;", "&"))


@pytest.fixture
def visitor(db, django_capture_on_commit_callbacks):
    return lambda retailer, group="Owners": Visitor(
        retailer, group, django_capture_on_commit_callbacks
    )


@pytest.fixture(scope="session")
def attributes(crm_address):
    """What the CRM says of its attributes, asked once."""
    return probe("sandbox", {"base_url": crm_address, "api_key": "secret-key-0!"})


@pytest.fixture
def connect(crm, attributes):
    """A connection of this retailer to an account of its own, as the form makes it; its id."""

    def connected(retailer, name: str) -> int:
        account = crm()
        with tenant_context(retailer):
            return Connection.objects.create(
                kind="sandbox",
                name=name,
                config={"base_url": account.address},
                secrets={"api_key": account.key},
                attributes=attributes.attributes_json(),
                mapping=rows_to_json(default_rows(attributes.attributes, SandboxConnector.hints)),
            ).pk

    return connected


def sign_up(retailer, email: str = "ann@example.com", **names: str):
    """One sign-up with its deliveries, due; call it after connecting."""
    names = {"first_name": "Ann", "last_name": "Lee", **names}
    with tenant_context(retailer):
        version = apps.get_model("forms_app", "FormVersion").objects.order_by("-number").first()
        keys = {field["meaning"]: field["key"] for field in version.fields}
        signup = apps.get_model("forms_app", "Signup").objects.create(
            page=version.page,
            form_version=version,
            language="en",
            email=email,
            answers={keys[meaning]: value for meaning, value in {**names, "email": email}.items()},
        )
        outbox.add(signup)
    return signup


@pytest.fixture
def rung(db):
    """Asks which connections' doorbells were rung, as (schema, connection)."""

    def taken() -> list[tuple[str, int]]:
        found = []
        with current_app.connection_for_read() as link:
            queue = link.SimpleQueue(current_app.conf.task_default_queue, no_ack=True)
            while True:
                try:
                    _, kwargs, _ = queue.get_nowait().payload
                except Empty:
                    return found
                found.append((kwargs["schema"], kwargs["connection_id"]))

    taken()  # left by earlier tests
    return taken
