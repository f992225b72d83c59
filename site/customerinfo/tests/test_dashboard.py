"""The dashboard and the alerts, asked of a real Prometheus that scrapes the product's processes."""

import json
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress

import pytest

from customerinfo.demo.ports import unused_port
from customerinfo.tests.services import ROOT
from customerinfo.tests.stack import SHOPS, eventually

DASHBOARD = ROOT / "chart/files/dashboard.json"
ALERTS = ROOT / "chart/files/alerts.yaml"
NAME = re.compile(r"\bcustomerinfo_\w+")
# Where all is well there is nothing to show.
MAY_BE_EMPTY = {
    'max by (connector) (customerinfo_delivery_overdue_seconds{namespace=~".*"}) > 0',
    'sum by (connector) (customerinfo_deliveries_waiting{namespace=~".*"}) > 0',
}
# How fast the first pages are depends on what else the machine does.
MAY_BE_LOUD = {"CustomerInfoSignupPageSlow"}


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [query.replace("$namespace", ".*") for query in asked]  # all, as it begins


class Prometheus:
    def __init__(self, folder, targets):
        self.port = unused_port()
        scraped = ", ".join(f'"127.0.0.1:{port}"' for port in targets.values())
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{ALERTS}]\n"
            "scrape_configs:\n- job_name: customerinfo\n"
            f"  static_configs: [{{targets: [{scraped}]}}]\n"
        )
        self.log = (folder / "prometheus.txt").open("w")
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=self.log,
            stderr=self.log,
        )

    def ask(self, path: str, **query: str) -> dict | None:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.build_opener().open(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code != 503:  # it is still starting
                raise
            return None
        except OSError:
            return None  # not yet

    def values(self, query: str) -> list[dict]:
        found = self.ask("query", query=query)
        return found["result"] if found else []

    def rules(self) -> list[dict]:
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def loud(self) -> set[str]:
        return {rule["name"] for rule in self.rules() if rule["state"] != "inactive"}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


@pytest.fixture
def prometheus(stack, tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("Prometheus isn't installed (Debian: apt install prometheus)")
    server = Prometheus(tmp_path, stack.metrics_ports)
    yield server
    server.stop()


@pytest.mark.live
def test_every_panel_shows_something_and_every_alert_is_silent(stack, prometheus):
    # Prometheus sees an increase between two looks: what a process had counted before the first is
    # none. So there are rounds until it has seen one; few, as a flood would be asked for a proof.
    delivered = 'sum(rate(customerinfo_deliveries_total{outcome="delivered"}[1m])) > 0'
    for counter in ("customerinfo_signups_total", "customerinfo_deliveries_total"):
        eventually(lambda: prometheus.values(counter))  # both are scraped, and begin at 0
    for number in range(5):
        for shop in SHOPS:
            assert stack.sign_up(shop, f"panel{number}@shopper.example") == 303
            stack.get(shop, "/join/")
        with suppress(AssertionError):
            eventually(lambda: prometheus.values(delivered), 20)
            if number:
                break
    assert prometheus.values(delivered)
    eventually(lambda: prometheus.values("rate(customerinfo_sweep_seconds_count[2m]) > 0"), 120)
    for query in queries():
        shown = prometheus.values(query)
        assert shown or query in MAY_BE_EMPTY, query
        assert not any(one["value"][1] == "NaN" for one in shown), query
    rules = prometheus.rules()
    assert len(rules) == ALERTS.read_text().count("- alert:")
    for rule in rules:
        assert rule["health"] == "ok", rule
    # Pending is loud: Prometheus is minutes old, and most alerts wait for longer. What it had no
    # figures for at first is silent with the next look.
    with suppress(AssertionError):
        eventually(lambda: prometheus.loud() <= MAY_BE_LOUD, 20)
    assert prometheus.loud() <= MAY_BE_LOUD


@pytest.mark.live
def test_what_alerts_and_dashboard_name_is_what_the_processes_show(stack):
    """Where no Prometheus is installed, this is what holds the names."""
    for shop in SHOPS:
        stack.sign_up(shop, "names@shopper.example")
    known = set()
    wanted = set(NAME.findall(" ".join([*queries(), ALERTS.read_text()])))

    def all_known() -> bool:
        for name in ("web", "worker", "beat"):
            known.update(series.partition("{")[0] for series in stack.metrics(name))
        return not wanted - known

    assert len(wanted) > 15
    eventually(all_known, 90)
