"""The whole demo as a person meets it, around a product of a few lines.

PostgreSQL, Redis, gunicorn and Celery are the real ones; the product's own start, with its
migrations, is tested where the product is.
"""

import json
import re
import shutil
import signal
import sys
import urllib.request

import psutil
import pytest

from customerinfo.demo import guardian, reload
from customerinfo.demo.ports import unused_port
from customerinfo.demo.tests.watched import Watched, all_over, eventually, is_called

pytestmark = pytest.mark.live

DRIVER = """
import sys
from pathlib import Path
from customerinfo.demo import __main__ as demo, programs
root, web, crm, *sys.argv[1:] = sys.argv[1:]
programs.ROOT = Path(root)
demo.USUAL_PORTS = {"web": int(web), "crm": int(crm)}
sys.exit(demo.main())
"""
PRODUCT = {
    "site/customerinfo/__init__.py": """
import os
from celery import Celery
app = Celery("customerinfo", broker=os.environ["REDIS_URL"])
""",
    "site/customerinfo/web.py": 'wsgi_app = "customerinfo.wsgi:application"',
    "site/customerinfo/settings.py": "",
    "site/customerinfo/wsgi.py": """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
""",
    "site/customerinfo/demo/__init__.py": "",
    "site/customerinfo/demo/crm.py": """
import http.server, sys
print("crm got", *sys.argv[1:], flush=True)
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), http.server.BaseHTTPRequestHandler).serve_forever()
""",
    "manage.py": """
import json, os, sys
import psycopg2
command = sys.argv[1]
print(command, "begins", file=sys.stderr, flush=True)
with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS starts (command text)")
    cursor.execute("INSERT INTO starts VALUES (%s)", [command])
    cursor.execute("SELECT count(*) FROM starts WHERE command = %s", [command])
    print("start number", cursor.fetchone()[0], file=sys.stderr, flush=True)
if os.path.exists("broken"):
    sys.exit("a migration is broken")
if command == "seed_demo":
    login = {"login": "anna@linden.example", "password": "a-password"}
    place = {"title": "Linden", "url": os.environ["BASE_URL"], **login}
    print(json.dumps({"addresses": [place]}))
""",
}


@pytest.fixture
def demo(tmp_path):
    """Starts a demo; its data is the same for all that one test starts."""
    for name, text in PRODUCT.items():
        file = tmp_path / "checkout" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for module in (guardian, reload):
        shutil.copy(module.__file__, tmp_path / "checkout/site/customerinfo/demo")
    ports = [unused_port(), unused_port()]

    def start(*options):
        data = tmp_path / "data"
        command = [sys.executable, "-c", DRIVER, tmp_path / "checkout", *ports, "--data", data]
        words = [str(word) for word in (*command, *options)]
        return Watched(words, env={"LOG_LEVEL": "INFO"})  # the tests' own is quieter

    start.data = tmp_path / "data"
    start.checkout = tmp_path / "checkout"
    start.address = f"http://localhost:{ports[0]}"
    return start


def get(url):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
        return answer.read()


def ready(program):
    program.line_with("CustomerInfo runs", limit=90)
    program.line_with("└")
    return program


def servers(program, name):
    return [one for one in psutil.Process(program.process.pid).children() if is_called(one, name)]


def test_from_nothing_to_addresses_and_back_and_on_with_all_data(demo):
    with demo() as first:
        ready(first)
        assert [line[:5] for line in first.lines if re.match(r"\[\d/7\]", line)] == [
            f"[{step}/7]" for step in range(1, 8)
        ]
        assert first.line_with("anna@linden.example, password a-password")
        assert get(demo.address) == b"ok"
        crm_keys = json.loads((demo.data / "keys.json").read_text())["crm"]
        for account, key in crm_keys.items():
            assert f"--account {account}={key}" in first.line_with("crm got")
        processes = first.descendants()
        assert first.signal_and_wait(signal.SIGINT) < 10
        assert first.process.returncode == 0
        eventually(lambda: all_over(processes))
        assert first.lines[-1] == "Stopped. `make demo` starts it again, with all data."
    keys = (demo.data / "keys.json").read_text()
    with demo() as second:
        ready(second)
        assert second.line_with("seed   | start number 2")
        assert (demo.data / "keys.json").read_text() == keys


def test_a_second_demo_beside_a_running_one_says_where_that_one_is(demo):
    with ready(demo()) as first:
        with demo() as second:
            assert second.line_with("already runs").endswith(f"at {demo.address}.")
            assert second.process.wait(30) == 1
        with demo("--reset") as reset:
            assert reset.line_with("already runs")
        assert get(demo.address) == b"ok"
        assert first.process.poll() is None


def test_a_killed_demo_starts_again_at_the_same_address_without_repair(demo):
    with demo() as first:
        ready(first)
        processes = first.descendants()
        first.process.kill()
        with demo() as second:  # at once, while the first is still being stopped
            ready(second)
            assert all_over(processes)
            assert second.line_with("seed   | start number 2")
            assert get(demo.address) == b"ok"


def test_a_dead_database_and_a_dead_redis_come_back(demo):
    with ready(demo()) as program:
        for name, said in (
            ("bin/postgres", "PostgreSQL ended"),
            ("valkey-server", "Redis ended"),
        ):
            (server,) = servers(program, name)
            server.kill()
            program.line_with(said)
            eventually(lambda: servers(program, name) not in ([], [server]))
        assert program.signal_and_wait(signal.SIGINT) < 10


def test_a_step_that_fails_stops_everything_and_says_that_nothing_is_lost(demo):
    (demo.checkout / "broken").touch()
    with demo() as program:
        assert program.line_with("migrate| a migration is broken", limit=60)
        assert program.line_with("migrate failed (exit status 1).")
        assert program.process.wait(30) == 1
    (demo.checkout / "broken").unlink()
    with demo() as program:
        ready(program)


def test_ctrl_c_while_it_starts_leaves_nothing_behind(demo):
    with demo() as program:
        program.line_with("migrate_fleet begins", limit=60)
        processes = program.descendants()
        assert program.signal_and_wait(signal.SIGINT) < 10
        assert program.process.returncode == 0
        eventually(lambda: all_over(processes))


def test_a_reset_forgets_everything(demo):
    with demo() as program:
        ready(program)
        program.signal_and_wait(signal.SIGINT)
    with demo("--reset") as reset:
        assert reset.line_with("has forgotten everything")
        assert reset.process.wait(30) == 0
    assert not demo.data.exists()


def test_a_reset_deletes_no_folder_that_is_not_a_demos(demo):
    demo.data.mkdir()
    (demo.data / "thesis.txt").touch()
    with demo("--reset") as reset:
        assert reset.line_with("nothing was deleted")
        assert reset.process.wait(30) == 1
    assert (demo.data / "thesis.txt").exists()


def is_celery(process):
    """And not who looks after it, in whose command it stands too."""
    return is_called(process, "celery --quiet") and not is_called(process, "demo.reload")


def test_for_work_on_it_everything_starts_again_when_code_is_saved(demo):
    with ready(demo("--dev")) as program:
        assert program.line_with(f"kept in {demo.data / 'mail'}")
        assert get(demo.address) == b"ok"
        program.line_with("beat: Starting", limit=90)
        program.line_with(" ready.", limit=90)
        celery = [one for one in program.descendants() if is_celery(one)]
        wsgi = demo.checkout / "site/customerinfo/wsgi.py"
        wsgi.write_text(PRODUCT["site/customerinfo/wsgi.py"].replace('b"ok"', 'b"saved"'))
        eventually(lambda: get(demo.address) == b"saved")
        for name in ("worker", "beat"):
            program.line_with(f"{name:<7}| site/customerinfo/wsgi.py has changed")
        eventually(lambda: all_over(celery))
        program.line_with(" ready.", count=2, limit=90)
        assert program.signal_and_wait(signal.SIGINT) < 10
        assert program.lines[-1] == "Stopped. `make dev` starts it again, with all data."
