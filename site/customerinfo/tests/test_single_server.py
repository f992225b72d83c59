"""What the guide for one server ships can be started: checked by the product itself."""

import os
import re
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from shutil import which

import pytest
import yaml

from customerinfo.demo.ports import unused_port
from customerinfo.tests.services import ROOT
from customerinfo.tests.stack import SHOPS, eventually
from customerinfo.tests.test_production_settings import run

FOLDER = ROOT / "docs/single-server"
CELERY = ("worker", "beat")
GIVEN = {
    "IMAGE": "customerinfo:1.2.3",
    "HOST": "customerinfo.example",
    "EMAIL": "you@customerinfo.example",
    "POSTGRES_PASSWORD": "0123abcd",
}


def compose() -> dict:
    """compose.yaml with the variables of `.env` put in, as Docker does it."""
    text = (FOLDER / "compose.yaml").read_text()

    def value(found: re.Match) -> str:
        name, _, default = found[1].partition(":-")
        return GIVEN.get(name.partition(":?")[0], default)

    return yaml.safe_load(re.sub(r"\$\{([^}]+)\}", value, text))


def environment(service: str) -> dict[str, str]:
    lines = (FOLDER / "customerinfo.env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return example | compose()["services"][service]["environment"]


@pytest.mark.parametrize(
    "file",
    ["compose.yaml", "docs/single-server/compose.yaml", "chart/templates/try-out.yaml"],
)
def test_no_postgresql_of_ours_logs_what_a_failing_statement_held(file):
    words = (ROOT / file).read_text()
    assert "log_min_error_statement=panic" in words and "log_error_verbosity=terse" in words


def test_every_variable_in_the_example_is_one_that_the_settings_read():
    known = (ROOT / "docs/settings.md").read_text()
    names = re.findall(r"^#?([A-Z_]+)=", (FOLDER / "customerinfo.env.example").read_text(), re.M)
    assert len(names) > 8
    assert [name for name in names if f"`{name}`" not in known] == []


@pytest.mark.live
def test_its_settings_are_complete_and_safe():
    for service in ("worker", "migrate", "backup"):
        assert environment("web").items() <= environment(service).items()
    given = {name: value for name, value in environment("web").items() if value}
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **given)
    assert done.returncode == 0, done.stderr


def test_the_processes_are_those_of_the_image_and_of_the_chart():
    services = compose()["services"]
    chart = "".join((ROOT / f"chart/templates/{name}.yaml").read_text() for name in CELERY)
    for word in services["worker"]["command"]:
        assert word == "--beat" or word.partition("=")[0] in chart, word
    assert "command" not in services["web"], "the image knows how"
    assert services["migrate"]["command"][-1] == "migrate_fleet"
    assert services["backup"]["command"][-1] == "backup_retailer"


def test_nothing_but_the_proxy_is_open_to_the_world_and_nothing_of_ours_may_do_more_than_it_must():
    services = compose()["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]
    for name in ("web", "worker", "migrate", "backup"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]


def test_only_the_backup_reaches_the_backups():
    services = compose()["services"].items()
    backups = "backups:/data/backups"
    assert [name for name, each in services if backups in each.get("volumes", ())] == ["backup"]


def test_a_certificate_is_asked_for_before_it_is_fetched():
    text = (FOLDER / "Caddyfile").read_text()
    assert re.search(r"on_demand_tls \{\s*ask http://web:8000/tls-ask\s*\}", text)
    assert text.count("on_demand\n") == 1


@pytest.fixture
def caddy(stack, tmp_path):
    """The shipped Caddyfile in front of the running web, with certificates of Caddy's own."""
    if not which("caddy"):
        pytest.skip("Caddy isn't installed (Debian: apt install caddy)")
    ports = f"http_port {unused_port()}\n\thttps_port {(port := unused_port())}"
    text = (FOLDER / "Caddyfile").read_text().replace("web:8000", f"127.0.0.1:{stack.port}")
    file = tmp_path / "Caddyfile"
    file.write_text(
        text.replace("{\n\temail", f"{{\n\tadmin off\n\tlocal_certs\n\t{ports}\n\temail", 1)
    )
    env = {"EMAIL": GIVEN["EMAIL"], "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    with (tmp_path / "caddy.txt").open("w") as log:
        process = subprocess.Popen(
            ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)],
            env=env | {"PATH": os.environ["PATH"]},
            stdout=log,
            stderr=log,
        )
    yield port
    process.terminate()
    process.wait(30)


def ask(port: int, host: str, path: str = "/join/") -> int:
    """The status of an answer over TLS; raises OSError where there is none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 90) as link,
        context.wrap_socket(link, server_hostname=host) as tls,
    ):
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int(tls.makefile("rb").readline().split()[1])


@pytest.mark.live
def test_caddy_serves_our_hosts_alone_and_waits_while_the_web_is_replaced(stack, caddy):
    hosts = [f"{shop}.localhost" for shop in SHOPS]

    def answers() -> bool:
        try:
            return ask(caddy, hosts[0]) == 200
        except OSError:
            return False

    eventually(answers)
    assert ask(caddy, hosts[1]) == 200
    with pytest.raises(ssl.SSLError):
        ask(caddy, "stranger.example")

    stack.stop("web")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask, caddy, hosts[number % 2]) for number in range(4)]
        stack.start("web")
        assert [each.result(120) for each in waiting] == [200] * 4
    eventually(stack.is_ready)
