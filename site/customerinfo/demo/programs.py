"""What the demo runs beside PostgreSQL and Redis: each as a command with its environment."""

import json
import os
import sys
from pathlib import Path

from .keys import Keys
from .ports import loopback_addresses
from .supervisor import Program

ROOT = Path(__file__).resolve().parents[3]


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


def product(data_dir: Path, port: int, env: dict[str, str], dev: bool = False) -> list[Program]:
    """What runs in production too, and the same way; `dev`: started again when code changes."""
    python = [sys.executable, "-m"]
    again = [*python, "customerinfo.demo.reload"] if dev else []
    celery = [*again, *python, "celery", "--quiet", "-A", "customerinfo"]
    level = f"--loglevel={env.get('LOG_LEVEL', 'INFO')}"
    gunicorn = [*python, "gunicorn", "--config", "python:customerinfo.web"]
    gunicorn += ["--workers", "1", "--reload"] if dev else ["--workers", "2"]
    gunicorn += ["--graceful-timeout", "3"]
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


def dev_environment(data_dir: Path) -> dict[str, str]:
    """Templates are read afresh, mistakes shown in full, mails kept."""
    return {"DEBUG": "1", "EMAIL_URL": (data_dir / "mail").as_uri()}
