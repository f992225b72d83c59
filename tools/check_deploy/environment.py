"""The environment that the chart gives to the web container, and Django's checks in it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import manifests
from outcome import Failed
from programs import Programs

# What the chart leaves to Secrets that are made before it: random keys, and addresses where nobody
# listens.
GIVEN = {
    "SECRET_KEY": "a-stand-in-that-is-as-long-and-as-mixed-as-Django-wants-0123456789",
    "ENCRYPTION_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "EMAIL_URL": "console://",
}
# With a certificate; the one for trying out is plain http and says so.
SERVED = ("auto-devops", "production")


def of_web(rendered: list[dict]) -> dict[str, str]:
    """The variables of the web container, from its ConfigMap, the chart's Secret and its own."""
    named = {(each["kind"], each["metadata"]["name"]): each for each in rendered}
    web = next(
        each
        for each in rendered
        if each["kind"] == "Deployment"
        and each["metadata"]["labels"].get("app.kubernetes.io/component") == "web"
    )
    (container,) = web["spec"]["template"]["spec"]["containers"]
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        (kind, name), *_ = source.items()
        key = {"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], name["name"]
        each = named.get(key, {})  # made before the chart: its values are in GIVEN
        found |= each.get("data") or each.get("stringData") or {}
    found |= {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
    return {name: str(value) for name, value in found.items()}


def manage(root: Path, variables: Mapping[str, str], *words: str) -> str:
    """manage.py of the tree with these variables and no other; what it said."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=root,
            env={**kept, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(words)} took more than {error.timeout:.0f} s") from error
    said = (done.stdout + done.stderr).strip()
    if done.returncode:
        raise Failed(f"{' '.join(words)}:\n" + "\n".join(said.splitlines()[-25:]))
    return said


def settings(root: Path, programs: Programs) -> str:
    """check --deploy without a warning, in the environment that the chart renders."""
    counts = []
    for name in SERVED:
        variables = of_web(manifests.rendered(root, programs, "helm 3", name))
        if not variables.get("BASE_URL", "").startswith("https://"):
            raise Failed(f"{name}: BASE_URL is {variables.get('BASE_URL')!r}")
        said = manage(
            root, GIVEN | variables, "check", "--deploy", "--fail-level", "WARNING"
        )
        if "no issues (0 silenced)" not in said:
            raise Failed(f"{name}:\n{said}")
        counts.append(f"{name} {len(variables)}")
    return f"no issue and none silenced; variables of the chart: {', '.join(counts)}"
