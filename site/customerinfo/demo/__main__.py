"""python -m customerinfo.demo: the whole product on one machine, in one terminal.

    --data DIR   where everything is kept (default: var/demo in the checkout)
    --reset      forget everything instead

Needs nothing but the packages of requirements/demo.txt. Starts PostgreSQL, Redis, a sandbox CRM
and a fake Stripe, brings the database up to date, makes two retailers the first time, and then
runs web, worker and beat until Ctrl-C.
"""

import argparse
import json
import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from . import guardian, rootless
from .claim import Claim, Taken
from .keys import FILE as KEYS_FILE, Keys, keys_in
from .ports import choose_ports, loopback_addresses
from .service import ServiceError
from .services import start_postgres, start_redis
from .supervisor import Program, ProgramFailed, StopRequested, Supervisor
from .terminal import Terminal

ROOT = Path(__file__).resolve().parents[3]
STEPS = 7
USUAL_PORTS = {"web": 8000, "crm": 8010}
STRIPE_PORT = 8020
CRM_ACCOUNTS = ("fern-and-fig", "volt-cycles")  # an account in the CRM each
READY_LIMIT = 120.0  # seconds
LEFTOVER_LIMIT = 12.0  # seconds in which the guardian of a killed demo has stopped everything


class DemoFailed(Exception):
    """The demo can't go on; the message says what the person can do."""


def main() -> int:
    arguments = parse()
    data_dir = arguments.data.absolute()
    terminal = Terminal(STEPS)
    claim = Claim(data_dir, "demo.lock")
    try:
        claim.take()
    except Taken as taken:
        terminal.say(
            f"A demo with this data already runs: {taken.owner}.\n"
            "Use it, or stop it with Ctrl-C in its terminal."
        )
        return 1
    # A demo that was killed is still being stopped by its guardian, for a few seconds: it must not
    # meet us at the ports and in the data.
    guardian.keep_open(Claim(data_dir, "guardian.lock").take(patience=LEFTOVER_LIMIT))
    try:
        return reset(data_dir, terminal) if arguments.reset else run(data_dir, claim, terminal)
    finally:
        claim.drop()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m customerinfo.demo")
    parser.add_argument("--data", type=Path, default=ROOT / "var" / "demo")
    parser.add_argument("--reset", action="store_true", help="forget everything")
    return parser.parse_args()


def reset(data_dir: Path, terminal: Terminal) -> int:
    strangers = {path.name for path in data_dir.iterdir()} - {"demo.lock", "guardian.lock"}
    if strangers and not (data_dir / KEYS_FILE).exists():
        terminal.say(f"{data_dir} is not the data of a demo; nothing was deleted.")
        return 1
    shutil.rmtree(data_dir)
    rootless.forget_moved()
    terminal.say("The demo has forgotten everything.")
    return 0


def run(data_dir: Path, claim: Claim, terminal: Terminal) -> int:
    data_dir.chmod(0o700)
    supervisor = Supervisor(terminal)
    with supervisor.signals():
        try:
            start(data_dir, claim, terminal, supervisor)
            supervisor.serve()
        except StopRequested:
            pass
        except (DemoFailed, ProgramFailed, ServiceError) as error:
            terminal.say(f"\n{error}\nStopping. Nothing is lost; `make demo` tries again.")
            return 1
        finally:
            terminal.say("Stopping everything …")
            supervisor.stop()
            terminal.say("Stopped. `make demo` starts it again, with all data.")
    return 0


def start(data_dir: Path, claim: Claim, terminal: Terminal, supervisor: Supervisor) -> None:
    """From nothing to printed addresses."""
    terminal.step("Addresses: looking for free ports")
    keys = keys_in(data_dir, CRM_ACCOUNTS)
    ports = choose_ports(data_dir, usual_ports(), terminal.say)
    base_url = f"http://localhost:{ports['web']}"
    claim.describe(f"process {os.getpid()}, at {base_url}")

    first_time = not (data_dir / "postgres").exists()
    made = ", making a new one" if first_time else ""
    terminal.step(f"Database: starting PostgreSQL{made}")
    postgres = start_postgres(data_dir / "postgres", durable=True)
    supervisor.adopt(postgres)
    postgres.create_database("customerinfo")

    terminal.step("Redis: starting")
    redis = start_redis(data_dir / "redis", persistent=True)
    supervisor.adopt(redis)

    terminal.step("CRM and Stripe: starting a sandbox and a fake")
    env = environment(data_dir, keys, base_url, ports["crm"])
    env |= {
        "DATABASE_URL": postgres.url("customerinfo"),
        "PG_DUMP": str(postgres.bin_dir / "pg_dump"),
        "REDIS_URL": redis.url,
    }
    supervisor.start(crm_program(data_dir / "crm", keys, ports["crm"], env))
    if "stripe" in ports:
        env |= stripe_environment(keys, ports["stripe"])
        supervisor.start(stripe_program(data_dir, keys, ports, env))
    for name, port in ports.items():
        if name != "web" and not supervisor.wait_until(lambda at=port: listens(at), READY_LIMIT):
            raise DemoFailed(f"The {name} program doesn't answer; the lines above may say why.")

    terminal.step("Database: applying migrations" + (" (minutes, this once)" if first_time else ""))
    supervisor.run(manage("migrate", env, "migrate_fleet"))

    terminal.step("Demo data: two retailers, their pages, people and CRM accounts")
    web, *others = product(data_dir, ports["web"], env)
    supervisor.start(web)  # needs the tables only, and takes as long to start as the data takes
    seeded = json.loads(supervisor.run(manage("seed", env, "seed_demo"), capture=True))

    terminal.step("Web, worker and beat: starting")
    if not supervisor.wait_until(lambda: answers(f"{base_url}/readyz"), READY_LIMIT):
        raise DemoFailed(f"{base_url}/readyz doesn't answer; the lines above may say why.")
    for program in others:  # now, when they no longer take the processor from the web
        supervisor.start(program)
    places = seeded["addresses"]
    if "stripe" in ports:
        url = f"http://127.0.0.1:{ports['stripe']}/"
        places.append({"title": "The fake Stripe: move its clock", "url": url})
    terminal.box(addresses(places, f"http://localhost:{ports['crm']}"))


def usual_ports() -> dict[str, int]:
    """Without Stripe's where its fake isn't: it stands among the tests."""
    has_fake = (ROOT / "billing" / "tests" / "fake_stripe").exists()
    return USUAL_PORTS | ({"stripe": STRIPE_PORT} if has_fake else {})


def stripe_environment(keys: Keys, port: int) -> dict[str, str]:
    return {
        "STRIPE_SECRET_KEY": keys.stripe,
        "STRIPE_WEBHOOK_SECRET": keys.stripe_webhooks,
        "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
    }


def stripe_program(
    data_dir: Path, keys: Keys, ports: dict[str, int], env: dict[str, str]
) -> Program:
    command = [sys.executable, "-m", "billing.tests.fake_stripe", "--port", str(ports["stripe"])]
    command += ["--data", str(data_dir / "stripe.json"), "--secret", keys.stripe_webhooks]
    command += ["--deliver", f"http://127.0.0.1:{ports['web']}/stripe/webhook/"]
    command += ["--host", f"console.localhost:{ports['web']}"]
    return Program("stripe", command, env, ROOT, leaned_on=True)


def environment(data_dir: Path, keys: Keys, base_url: str, crm_port: int) -> dict[str, str]:
    # Not the person's PGHOST, PGSERVICE …: libpq would mix them into our connections.
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PG")}
    return inherited | {
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "customerinfo.settings",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "site"), str(ROOT)]),
        "PYTHONUNBUFFERED": "1",
        "BASE_URL": base_url,
        "SECRET_KEY": keys.secret_key,
        "ENCRYPTION_KEYS": keys.encryption_key,
        "MEDIA_ROOT": str(data_dir / "media"),
        "DEMO_CRM_URL": f"http://localhost:{crm_port}",
        "DEMO_CRM_KEYS": json.dumps(keys.crm),
    }


def manage(name: str, env: dict[str, str], command: str) -> Program:
    return Program(name, [sys.executable, str(ROOT / "manage.py"), command], env, ROOT)


def crm_program(data_dir: Path, keys: Keys, port: int, env: dict[str, str]) -> Program:
    command = [sys.executable, "-m", "customerinfo.demo.crm", "--port", str(port)]
    command += ["--data", str(data_dir)]
    for account, key in keys.crm.items():
        command += ["--account", f"{account}={key}"]
    return Program("crm", command, env, ROOT, leaned_on=True)


def product(data_dir: Path, port: int, env: dict[str, str]) -> list[Program]:
    """What runs in production too, and the same way."""
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "customerinfo"]
    level = f"--loglevel={env.get('LOG_LEVEL', 'INFO')}"
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:customerinfo.web"]
    gunicorn += ["--workers", "2", "--threads", "4", "--graceful-timeout", "3"]
    gunicorn += ["--no-control-socket"]
    for address in loopback_addresses():
        host = f"[{address}]" if ":" in address else address
        gunicorn += ["--bind", f"{host}:{port}"]
    schedule = str(data_dir / "beat-schedule")
    alone = ["--without-mingle", "--without-gossip"]  # there is no other worker to talk to
    return [
        Program("web", gunicorn, env, ROOT),
        Program("worker", [*celery, "worker", level, "-c", "2", *alone], env, ROOT),
        Program("beat", [*celery, "beat", level, "--schedule", schedule], env, ROOT),
    ]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=2).close()
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    # No proxy from the environment: it can't reach this machine's localhost.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(url, timeout=2).status == 200
    except (urllib.error.URLError, OSError):
        return False


def addresses(places: list[dict], crm_url: str) -> list[str]:
    rows = ["CustomerInfo runs. Open in a browser on this machine:", ""]
    for place in places:
        rows.append(f"{place['title']}")
        rows.append(f"   {place['url']}")
        if place.get("login"):
            rows.append(f"   log in as {place['login']}, password {place['password']}")
    if not any(place["url"].startswith(crm_url) for place in places):
        rows += ["Sandbox CRM, where the sign-ups arrive", f"   {crm_url}"]
    return [*rows, "", "Ctrl-C stops everything; the data stays. `make demo-reset` forgets it."]


if __name__ == "__main__":
    sys.exit(main())
