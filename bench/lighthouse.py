"""What Lighthouse thinks of the sign-up page, as a shopper's first visit finds it in production.

Lighthouse comes from npm (Node 18.20 or newer must be installed) and drives the Chromium that the
browser tests use. It measures with its own slow phone and with a tablet-sized screen.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from django_tenants.utils import tenant_context

from bench.pages import product
from bench.servers import BenchFailed
from bench.world import ROOT, World

VERSION = "12.8.2"
HOME = ROOT / ".tools" / "lighthouse"
NEEDED = {"performance": 95, "accessibility": 100, "best-practices": 100}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run"
SCREENS = {
    "phone": [],  # Lighthouse's own: 4 × slower CPU, slow 4G
    "tablet": [
        "--screenEmulation.width=820",
        "--screenEmulation.height=1180",
        "--screenEmulation.deviceScaleFactor=2",
    ],
}


def lighthouse(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list:
    program, chromium = installed(), found_chromium()
    dress(world)
    with product(world) as server:
        for screen, options in SCREENS.items():
            url = f"http://{world.retailer.host}:{server.port}/join/"
            report = run(
                program, chromium, url, options, world.folder / f"lighthouse-{screen}.json"
            )
            scores = {
                name: round(100 * category["score"])
                for name, category in report["categories"].items()
            }
            say(f"{screen}: " + ", ".join(f"{name} {scores[name]}" for name in NEEDED))
            say(f"  {figures(report)}")
            for name, least in NEEDED.items():
                if scores[name] < least:
                    fail(f"{screen}: {name} {scores[name]}, not {least}: {why(report, name)}")
    return []


def dress(world: World) -> None:
    """The page with a picture and a logo, as a shop has it."""
    from customerinfo.demo.seed import SHOPS, make_pictures

    with tenant_context(world.retailer):
        make_pictures(SHOPS[0])


def run(program: Path, chromium: str, url: str, options: list[str], output: Path) -> dict:
    command = [
        *(str(program), url, "--quiet", "--output=json", f"--output-path={output}"),
        *(f"--chrome-flags={FLAGS}", f"--only-categories={','.join(NEEDED)}"),
        *options,
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "CHROME_PATH": chromium},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise BenchFailed(f"Lighthouse failed:\n{done.stderr[-2000:]}")
    return json.loads(output.read_text())


def figures(report: dict) -> str:
    audits = report["audits"]
    names = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time")
    shown = [f"{audits[name]['title']} {audits[name]['displayValue']}" for name in names]
    size = audits["total-byte-weight"]["numericValue"]
    return ", ".join([*shown, f"{size / 1000:.0f} KB in all, pictures too"])


def why(report: dict, category: str) -> str:
    return "; ".join(failures(report, category)) or "nothing named"


def failures(report: dict, category: str) -> Iterator[str]:
    for reference in report["categories"][category]["auditRefs"]:
        audit = report["audits"][reference["id"]]
        if reference["weight"] and audit["score"] is not None and audit["score"] < 0.9:
            yield f"{audit['title']} ({audit.get('displayValue') or audit['id']})"


def installed() -> Path:
    program = HOME / "node_modules" / ".bin" / "lighthouse"
    if not program.exists():
        if shutil.which("npm") is None:
            raise BenchFailed("Lighthouse needs Node 18.20 or newer, with npm.")
        HOME.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(HOME)]
        done = subprocess.run([*command, f"lighthouse@{VERSION}"], capture_output=True, text=True)
        if done.returncode:
            raise BenchFailed(f"npm couldn't install Lighthouse:\n{done.stderr[-2000:]}")
    return program


def found_chromium() -> str:
    named = [os.environ[name] for name in ("CHROMIUM", "CHROME_PATH") if os.environ.get(name)]
    for name in (*named, *CHROMIUM):
        if path := shutil.which(name):
            return path
    raise BenchFailed("Lighthouse needs a Chromium.")
