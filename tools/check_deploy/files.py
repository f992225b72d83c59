"""Dockerfile, compose.yaml, renovate.json."""

import re
from collections.abc import Iterator
from pathlib import Path

from outcome import Failed, run
from programs import Programs


def dockerfile(root: Path, programs: Programs) -> str:
    """hadolint without one remark, and what it doesn't know."""
    hadolint = programs.program("hadolint")
    run([hadolint, "--failure-threshold", "style", root / "Dockerfile"])
    found = list(remarks((root / "Dockerfile").read_text(), root))
    if found:
        raise Failed("\n".join(found))
    return run([hadolint, "--version"]).stdout.strip()


def remarks(text: str, root: Path) -> Iterator[str]:
    """Rules of this house over the Dockerfile and .dockerignore."""
    for base in re.findall(r"^FROM (\S+:\S+)", text, re.MULTILINE):
        numbers = r"\d+\.\d+" if base.startswith("postgres:") else r"\d+\.\d+\.\d+"
        if not re.search(rf":{numbers}-(slim-)?[a-z]+$", base):
            yield f"{base} is not pinned to a version and a Debian release"
    final = text.rpartition("\nFROM ")[2]
    user = re.findall(r"^USER (\d+):\d+$", final, re.MULTILINE)
    if not user or user[-1] == "0":
        yield "the last stage doesn't change to a numeric user"
    elif f"runAsUser: {user[-1]}" not in (root / "chart/templates/_helpers.tpl").read_text():
        yield f"the chart runs as another user than {user[-1]}"
    if not re.search(r"^HEALTHCHECK .*\n.*/healthz", final, re.MULTILINE):
        yield "no HEALTHCHECK against /healthz"
    if "--require-hashes" not in text:
        yield "packages are installed without their hashes"
    rules = (root / ".dockerignore").read_text().splitlines()
    if next(rule for rule in rules if not rule.startswith("#")) != "*":
        yield ".dockerignore lets in what it doesn't name"


def compose(root: Path, programs: Programs) -> str:
    """compose.yaml against the Compose specification."""
    against(programs, "vendor.compose-spec", root / "compose.yaml")
    return "compose.yaml fits the Compose specification"


def renovate(root: Path, programs: Programs) -> str:
    """renovate.json against Renovate's schema."""
    against(programs, "vendor.renovate", root / "renovate.json")
    return "renovate.json fits Renovate's schema"


def against(programs: Programs, schema: str, path: Path, *more: str) -> None:
    """Validate a file against one of check-jsonschema's own schemas (no download)."""
    run([programs.program("check-jsonschema"), "--builtin-schema", schema, *more, path])
