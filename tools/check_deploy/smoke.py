"""One deploy of the image, and the main job on it: a sign-up that arrives in the shop's CRM."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import shopper
from outcome import Failed
from programs import Programs
from running import Image, Process, services, tail

HERE = Path(__file__).resolve().parent
# A public address: the product refuses all others. Nothing leaves this machine; see outside_crm.py.
ADDRESS = "192.175.48.1"
SHELL = ("python", "manage.py", "shell", "--no-imports", "--command")
# What a retailer does in the admin, with the form's own steps.
CONNECT = """
from django_tenants.utils import tenant_context
from customerinfo.demo.seed import connect_crm
from tenants.models import Retailer
with tenant_context(Retailer.objects.get(slug="{shop}")):
    connect_crm("{url}", "{key}")
"""
COUNT = """
import json
from django_tenants.utils import tenant_context
from forms_app.models import Signup
from tenants.models import Retailer
counts = dict()
for retailer in Retailer.objects.exclude(slug=None):
    with tenant_context(retailer):
        counts[retailer.slug] = Signup.objects.count()
print(json.dumps(counts))
"""


def smoke_test(root: Path, folder: Path, config: dict, programs: Programs) -> str:
    """Everything that one deploy does, once; returns what was seen. `root`: of the checkout."""
    with ExitStack() as stack:
        media = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="check-deploy-")))
        os.chown(media, 10001, 10001)
        image = Image(folder, config, media, stack.enter_context(services(programs)))

        started = time.monotonic()
        image.run("python", "manage.py", "migrate_fleet")
        migrated = time.monotonic() - started
        crm = stack.enter_context(outside_crm(root, image))
        for shop in shopper.SHOPS:
            words = ["--name", shop.title(), "--slug", shop, "--owner-email", f"o@{shop}.example"]
            image.run("python", "manage.py", "onboard_retailer", *words)
            connect = CONNECT.format(shop=shop, url=f"https://{ADDRESS}", key=crm.keys[shop])
            image.run(*SHELL, connect, outbound=True)

        celery = ("celery", "--app=customerinfo")
        worker_words = (*celery, "worker", "--concurrency=2", "--loglevel=info")
        worker = stack.enter_context(image.started("worker", *worker_words, outbound=True))
        beat_words = (*celery, "beat", "--schedule=/tmp/beat", "--pidfile=", "--loglevel=info")
        beat = stack.enter_context(image.started("beat", *beat_words))
        web = stack.enter_context(image.started("web", *image.command))
        look_at(image, web)
        worker.until(lambda: "ready." in worker.output(), 120, "ready")
        if "SecurityWarning" in worker.output():
            raise Failed(f"the worker takes its user for root:\n{tail(worker.output())}")
        beat.until(lambda: "beat: Starting..." in beat.output(), 60, "a start")
        arrived = shopper.story(image, crm, worker.until, lambda: stored(image))
        memory = ", ".join(f"{p.name} {p.memory()}" for p in (web, worker, beat))

        # As an update does: the next web has the same shops, and what waits for it is answered.
        web.stop(40)
        web = stack.enter_context(image.started("web", *image.command))
        look_at(image, web)
        for process, seconds in ((web, 40), (beat, 15), (worker, 60)):
            process.stop(seconds)
        image.run("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    return (
        f"migrated in {migrated:.0f} s; sign-ups of two shops are in their CRMs after "
        f"{arrived:.1f} s at most, once each; web, worker and beat stop on SIGTERM; "
        f"memory in MB: {memory}"
    )


def look_at(image: Image, web: Process) -> None:
    """The web answers whom it should, and nobody else."""
    # As kubelet asks: with the pod's address for a host.
    for path in ("/healthz", "/readyz"):
        web.until(lambda: image.get(path, "10.0.0.1") == (200, b"ok"), 120, path)
    hosts = [f"{shop}.{image.domain}" for shop in (*shopper.SHOPS, "console")]
    for host in hosts:
        status, _ = image.get("/admin/login/", host)
        if status != 200:
            raise Failed(f"{host}/admin/login/ answers {status}\n{tail(web.output())}")
        # As Caddy asks before it fetches a certificate.
        if image.get(f"/tls-ask?domain={host}", "10.0.0.1")[0] != 200:
            raise Failed(f"{host} may have no certificate")
    for path in ("/admin/login/", "/tls-ask?domain=stranger.example"):
        if image.get(path, "stranger.example")[0] != 404:
            raise Failed("an unknown host is served")


def stored(image: Image) -> dict[str, int]:
    """How many sign-ups each shop has in the database."""
    return json.loads(image.run(*SHELL, COUNT))


@contextmanager
def outside_crm(root: Path, image: Image) -> Iterator[shopper.Crm]:
    """The sandbox CRM at a public address, with an account for each shop; the image trusts it."""
    keys = {shop: secrets.token_urlsafe(16) for shop in shopper.SHOPS}
    with tempfile.TemporaryDirectory(prefix="check-deploy-") as name:
        pem = image.run("python", "-c", (HERE / "certificate.py").read_text(), ADDRESS)
        (Path(name) / "crm.pem").write_text(pem)
        image.trusted = Path(name) / "trusted.pem"
        image.trusted.write_text(image.bundle.read_text() + pem[pem.index("-----BEGIN CERT") :])
        Path(name).chmod(0o755)
        command = [sys.executable, str(HERE / "outside_crm.py"), f"{name}/data", f"{name}/crm.pem"]
        process = subprocess.Popen(
            [*command, ADDRESS, *(f"{shop}={key}" for shop, key in keys.items())],
            env={**os.environ, "PYTHONPATH": str(root / "site")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            line = process.stdout.readline()
            if not line:
                raise Failed("the sandbox CRM doesn't start")
            image.network = process.pid
            yield shopper.Crm(int(line), keys)
        finally:
            process.communicate(timeout=60)
