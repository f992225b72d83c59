"""The image: built without Docker, looked into, and its processes run as Kubernetes would."""

import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import stand_in
from ci import copy_tree
from outcome import Failed, Skipped, run
from programs import Programs
from smoke import smoke_test

TAG = "localhost/customerinfo:check"
# Megabytes, a little above what there is: who meets this has added something large.
LARGEST = {"packages": 280, "application": 25}


class Buildah:
    """buildah with a storage of its own below the programs; chroot needs no container runtime."""

    def __init__(self, programs: Programs):
        needs = []
        if not sys.platform.startswith("linux"):
            raise Skipped("needs Linux")
        if os.geteuid() != 0:
            needs.append("root")
        if not shutil.which("buildah"):
            needs.append("buildah (apt-get install buildah)")
        if needs:
            raise Skipped(f"needs {' and '.join(needs)}")
        # overlay works on most file systems and is quick; vfs works on all and copies everything.
        for driver in ("overlay", "vfs"):
            storage = programs.folder / "containers" / driver
            self.words = ["buildah", "--root", str(storage / "root"), "--runroot"]
            self.words += [str(storage / "run"), "--storage-driver", driver]
            if self.works():
                break

    def __call__(self, *words: str | Path, timeout: float = 1800, check: bool = True, **more):
        env = {"BUILDAH_ISOLATION": "chroot"}
        return run([*self.words, *words], env=env, timeout=timeout, check=check, **more)

    def works(self) -> bool:
        made = self("from", "scratch", check=False)
        if made.returncode:
            return False
        name = made.stdout.strip()
        mounted = self("mount", name, check=False)
        self("rm", name)
        return mounted.returncode == 0

    def has(self, image: str) -> bool:
        return self("inspect", "--type", "image", image, check=False).returncode == 0


def build(root: Path, programs: Programs) -> str:
    """Build the Dockerfile with buildah and look at what came out."""
    buildah = Buildah(programs)
    buildah("rm", "--all")  # what a run that was stopped has left in this storage
    dockerfile = (root / "Dockerfile").read_text()
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", dockerfile, re.MULTILINE))
    bases = [b for b in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) if b not in stages]
    origins = {base: stand_in.provide(base, buildah, programs) for base in dict.fromkeys(bases)}

    with tempfile.TemporaryDirectory(prefix="check-deploy-") as context:
        copy_tree(root, Path(context))
        buildah(
            *("build", "--format", "docker", "--pull-never", "--layers=false"),
            *("--tag", TAG, context),
        )
    with Mounted(buildah) as folder:
        parts = sizes(folder)
        found = [*remarks_on_config(config_of(buildah)), *remarks_on_files(folder)]
        found += remarks_on_sizes(parts)
    if found:
        raise Failed("\n".join(found))
    bases = ", ".join(f"{base} {origin}" for base, origin in origins.items())
    return f"{told(parts)}; bases: {bases}"


def config_of(buildah: Buildah) -> dict:
    return json.loads(buildah("inspect", "--type", "image", TAG).stdout)["Docker"]["config"]


def remarks_on_config(config: dict) -> Iterator[str]:
    """What is wrong with the image's settings."""
    if config.get("User") != "10001:10001":
        yield f"runs as {config.get('User')!r}"
    if "healthz" not in str(config.get("Healthcheck")):
        yield "has no HEALTHCHECK on /healthz"
    if "build-only" in str(config):
        yield "keeps a value that was for the build alone"


def remarks_on_files(folder: Path) -> Iterator[str]:
    """What is wrong with the image's files."""
    for name in ("gcc", "cc", "make", "uv"):
        if any((folder / place / name).exists() for place in ("usr/bin", "usr/local/bin")):
            yield f"has {name} in it"
    for name in ("tests", "*.po"):
        if found := next((folder / "opt/venv").rglob(name), None):
            yield f"has {found.relative_to(folder)} in it, which nobody reads there"
    app = folder / "app"
    for path in app.rglob("*"):
        if path.name in {"tests", ".git", ".env", ".venv"}:
            yield f"has {path.relative_to(folder)} in it"
        if not path.is_symlink() and not path.stat().st_mode & stat.S_IROTH:
            yield f"{path.relative_to(folder)} can't be read by the image's user"
    if not (app / "static/staticfiles.json").exists() or not list(app.glob("static/**/*.gz")):
        yield "has no collected, compressed static files"
    if not list((app / "site").rglob("*.pyc")):
        yield "has no bytecode: every start would compile again"


class Mounted:
    """The image's files in a folder."""

    def __init__(self, buildah: Buildah):
        self.buildah = buildah

    def __enter__(self) -> Path:
        self.name = self.buildah("from", "--pull-never", TAG).stdout.strip()
        return Path(self.buildah("mount", self.name).stdout.strip())

    def __exit__(self, *error) -> None:
        self.buildah("rm", self.name)


def sizes(folder: Path) -> dict[str, int]:
    """Megabytes by part."""
    parts = {
        name: int(run(["du", "-sm", "--apparent-size", folder / path]).stdout.split()[0])
        for name, path in (("all", "."), ("packages", "opt/venv"), ("application", "app"))
    }
    rest = parts["all"] - parts["packages"] - parts["application"]
    return parts | {"base and pg_dump": rest}


def remarks_on_sizes(parts: dict[str, int]) -> Iterator[str]:
    for name, largest in LARGEST.items():
        if parts[name] > largest:
            yield f"{name}: {parts[name]} MB, and {largest} are the most"


def told(parts: dict[str, int]) -> str:
    rest = ", ".join(f"{name} {size}" for name, size in parts.items() if name != "all")
    return f"{parts['all']} MB: {rest}"


def start(root: Path, programs: Programs) -> str:
    """Migrate, web, worker and beat from the image, as its user; a sign-up; then SIGTERM."""
    buildah = Buildah(programs)
    if not buildah.has(TAG):
        raise Skipped("needs the image: run the step before")
    with Mounted(buildah) as folder:
        return smoke_test(root, folder, config_of(buildah), programs)
