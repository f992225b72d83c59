"""python -m customerinfo.demo: the whole product on one machine, in one terminal.

    --dev        for work on it: code and templates take effect when they are saved (make dev)
    --data DIR   where everything is kept (default: var/demo, or var/dev, in the checkout)
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

from . import guardian, programs, rootless
from .claim import Claim, Taken
from .keys import FILE as KEYS_FILE, keys_in
from .ports import choose_ports
from .service import ServiceError
from .services import start_postgres, start_redis
from .supervisor import ProgramFailed, StopRequested, Supervisor
from .terminal import Terminal

STEPS = 7
USUAL_PORTS = {"web": 8000, "crm": 8010}
STRIPE_PORT = 8020
CRM_ACCOUNTS = ("fern-and-fig", "volt-cycles")  # an account in the CRM each
READY_LIMIT = 120.0  # seconds
DEV_WORDS = (
    "What you save takes effect: a template at once, Python when the process has started again.",
    "A new migration is applied at the next start.",
)
LEFTOVER_LIMIT = 12.0  # seconds in which the guardian of a killed demo has stopped everything


class DemoFailed(Exception):
    """The demo can't go on; the message says what the person can do."""


def main() -> int:
    arguments = parse()
    target = "dev" if arguments.dev else "demo"
    data_dir = (arguments.data or programs.ROOT / "var" / target).absolute()
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
        if arguments.reset:
            return reset(data_dir, terminal)
        return run(data_dir, claim, terminal, target)
    finally:
        claim.drop()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m customerinfo.demo")
    parser.add_argument("--dev", action="store_true", help="start again when code changes")
    parser.add_argument("--data", type=Path)
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


def run(data_dir: Path, claim: Claim, terminal: Terminal, target: str) -> int:
    data_dir.chmod(0o700)
    supervisor = Supervisor(terminal)
    with supervisor.signals():
        try:
            start(data_dir, claim, terminal, supervisor, target)
            supervisor.serve()
        except StopRequested:
            pass
        except (DemoFailed, ProgramFailed, ServiceError) as error:
            terminal.say(f"\n{error}\nStopping. Nothing is lost; `make {target}` tries again.")
            return 1
        finally:
            terminal.say("Stopping everything …")
            supervisor.stop()
            terminal.say(f"Stopped. `make {target}` starts it again, with all data.")
    return 0


def start(
    data_dir: Path, claim: Claim, terminal: Terminal, supervisor: Supervisor, target: str
) -> None:
    """From nothing to printed addresses. `target`: demo, or dev."""
    dev = target == "dev"
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
    env = programs.environment(data_dir, keys, base_url, ports["crm"])
    env |= {
        "DATABASE_URL": postgres.url("customerinfo"),
        "PG_DUMP": str(postgres.bin_dir / "pg_dump"),
        "REDIS_URL": redis.url,
        **(programs.dev_environment(data_dir) if dev else {}),
    }
    supervisor.start(programs.crm_program(data_dir / "crm", keys, ports["crm"], env))
    if "stripe" in ports:
        env |= programs.stripe_environment(keys, ports["stripe"])
        supervisor.start(programs.stripe_program(data_dir, keys, ports, env))
    for name, port in ports.items():
        if name != "web" and not supervisor.wait_until(lambda at=port: listens(at), READY_LIMIT):
            raise DemoFailed(f"The {name} program doesn't answer; the lines above may say why.")

    terminal.step("Database: applying migrations" + (" (minutes, this once)" if first_time else ""))
    supervisor.run(programs.manage("migrate", env, "migrate_fleet"))

    terminal.step("Demo data: two retailers, their pages, people and CRM accounts")
    web, *others = programs.product(data_dir, ports["web"], env, dev)
    supervisor.start(web)  # needs the tables only, and takes as long to start as the data takes
    seeded = json.loads(supervisor.run(programs.manage("seed", env, "seed_demo"), capture=True))

    terminal.step("Web, worker and beat: starting")
    if not supervisor.wait_until(lambda: answers(f"{base_url}/readyz"), READY_LIMIT):
        raise DemoFailed(f"{base_url}/readyz doesn't answer; the lines above may say why.")
    for program in others:  # now, when they no longer take the processor from the web
        supervisor.start(program)
    places = seeded["addresses"]
    if "stripe" in ports:
        url = f"http://127.0.0.1:{ports['stripe']}/"
        places.append({"title": "The fake Stripe: move its clock", "url": url})
    rows = addresses(places, f"http://localhost:{ports['crm']}")
    if dev:
        rows += [f"Mails are printed below, and kept in {data_dir / 'mail'}.", *DEV_WORDS]
    end = f"Ctrl-C stops everything; the data stays. `make {target}-reset` forgets it."
    terminal.box([*rows, "", end])


def usual_ports() -> dict[str, int]:
    """Without Stripe's where its fake isn't: it stands among the tests."""
    has_fake = (programs.ROOT / "billing" / "tests" / "fake_stripe").exists()
    return USUAL_PORTS | ({"stripe": STRIPE_PORT} if has_fake else {})


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
    return rows


if __name__ == "__main__":
    sys.exit(main())
