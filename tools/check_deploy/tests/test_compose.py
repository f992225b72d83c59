"""compose.yaml's fakes, started by its own words: what the product is told there, they accept."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from customerinfo.demo.ports import unused_port
from customerinfo.demo.tests.watched import eventually

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
TOLD = COMPOSE["x-app"]["environment"]


@contextmanager
def started(service: str, folder: Path):
    """The service's command, on another port and with its data in `folder`: its address here."""
    port = unused_port()
    words = COMPOSE["services"][service]["command"].split()
    words[words.index("--port") + 1] = str(port)
    words = [word.replace("/data/media", str(folder)) for word in words]
    assert words[0] == "python"
    process = subprocess.Popen(
        [sys.executable, *words[1:]],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'site'}:{ROOT}"},
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: ask(f"http://127.0.0.1:{port}/", "")[0] or process.poll() is not None)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def ask(url: str, key: str, data: str | None = None) -> tuple[int, str]:
    """Status (0 while nobody listens) and body."""
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, data.encode() if data else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_the_fake_stripe_takes_the_key_and_leads_browsers_to_where_they_find_it(tmp_path):
    key = TOLD["STRIPE_SECRET_KEY"]
    with started("stripe", tmp_path) as url:
        _, customer = ask(f"{url}/v1/customers", key, "email=owner@fern-and-fig.example")
        words = f"customer={json.loads(customer)['id']}&return_url=http://localhost:8000/"
        status, portal = ask(f"{url}/v1/billing_portal/sessions", key, words)
    assert status == 200
    assert json.loads(portal)["url"].startswith(f"{TOLD['STRIPE_API_BASE']}/")
    words = COMPOSE["services"]["stripe"]["command"].split()
    assert words[words.index("--secret") + 1] == TOLD["STRIPE_WEBHOOK_SECRET"]


def test_each_shop_has_an_account_of_its_own_in_the_crm(tmp_path):
    keys = json.loads(TOLD["DEMO_CRM_KEYS"])
    assert sorted(keys) == ["fern-and-fig", "volt-cycles"]
    with started("crm", tmp_path) as url:
        for key in keys.values():
            assert ask(f"{url}/api/v1/contacts", key)[0] == 200
        assert ask(f"{url}/api/v1/contacts", "somebody's")[0] == 401


@pytest.mark.parametrize("service", ["crm", "stripe"])
def test_one_name_leads_to_a_fake_from_containers_and_from_a_browser(service):
    there = COMPOSE["services"][service]
    name = f"{service}.localhost"
    (published,) = there["ports"]
    address, outside, inside = published.split(":")
    assert there["networks"]["default"]["aliases"] == [name]
    assert (address, outside) == ("127.0.0.1", inside)
    told = TOLD["DEMO_CRM_URL" if service == "crm" else "STRIPE_API_BASE"]
    assert told == f"http://{name}:{inside}"
