"""Starts the CRMs that install from the package registry, runs a command, and stops them.

    python tools/peers <command …>        (make conformance)

The command finds each CRM by CONFORMANCE_<NAME>_URL and CONFORMANCE_<NAME>_KEY. What was installed
and filled is kept under var/peers for the next time. A CRM that can't run here is left out, and the
reason is printed.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VAR = ROOT / "var" / "peers"
UV = ROOT / ".tools" / "uv" / "bin" / "uv"
TRYTON = ("trytond==8.2.*", "trytond-party==8.2.*")
BOTTLECRM = ("django-crm==1.35.*",)


class CannotRun(Exception):
    """Why this CRM isn't among the peers here."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(name: str, python: str, packages: tuple[str, ...]) -> Path:
    """The bin folder of an environment with these packages."""
    folder = VAR / name
    stamp = folder / ".installed"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing {name} …", flush=True)
        quiet = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        make = [str(UV), "venv", "-q", "--allow-existing", "--python", python, str(folder)]
        subprocess.run(make, check=True, env=quiet)
        install = [str(UV), "pip", "install", "-q", "--python", str(folder / "bin" / "python")]
        subprocess.run([*install, *packages], check=True, env=quiet)
        stamp.write_text(wanted)
    return folder / "bin"


def python_312() -> str:
    """A Python of 3.12 or newer. Raises `CannotRun`."""
    found = [sys.executable] if sys.version_info >= (3, 12) else []
    found += [path for name in ("python3.12", "python3.13") if (path := shutil.which(name))]
    found += sorted(map(str, Path.home().glob(".pyenv/versions/3.1[23].*/bin/python")))
    for python in found:
        # pyenv puts shims on the path that only say that no such version is chosen.
        if subprocess.run([python, "-V"], capture_output=True).returncode == 0:
            return python
    raise CannotRun("it needs Python 3.12 or newer, and there is none here")


@contextmanager
def serving(command: list[str], url: str, env: dict[str, str], log: Path) -> Iterator[None]:
    """The server runs as long as this context; it answers when the context begins."""
    with open(log, "w") as file:
        # Its own folder: BottleCRM writes its logs to where it is started.
        process = subprocess.Popen(command, env=env, stdout=file, stderr=file, cwd=log.parent)
    try:
        until(lambda: answers(url), process, log)
        yield
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def until(ready: Callable[[], bool], process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        if ready():
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise CannotRun(f"it didn't start: see {log.relative_to(ROOT)}")


def filled(command: list[str], env: dict[str, str], folder: Path) -> str:
    """The key that a set-up script prints in its last line."""
    done = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, check=True, text=True, cwd=folder
    )
    return done.stdout.split()[-1]


@contextmanager
def tryton() -> Iterator[tuple[str, str]]:
    """Tryton 8.2 with its parties, on SQLite; answers with address and key."""
    bin = environment("tryton", sys.executable, TRYTON)
    data = VAR / "tryton-data"
    data.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config, password = data / "trytond.conf", data / "password"
    config.write_text(
        f"[database]\nuri = sqlite://\npath = {data}\n[web]\nlisten = 127.0.0.1:{port}\n"
    )
    password.write_text("peer-of-a-test\n")
    env = {**os.environ, "TRYTONPASSFILE": str(password)}
    admin = [
        str(bin / "trytond-admin"),
        "-c",
        str(config),
        "-d",
        "peer",
        "--email",
        "a@example.com",
    ]
    if not (data / "peer.sqlite").exists():
        (data / "peer.sqlite").touch()
        subprocess.run([*admin, "--all"], env=env, check=True)
        subprocess.run([*admin, "-u", "party", "--activate-dependencies"], env=env, check=True)
    key = filled([str(bin / "python"), str(HERE / "tryton_setup.py"), str(config)], env, data)
    url = f"http://127.0.0.1:{port}"
    command = [str(bin / "trytond"), "-c", str(config), "-d", "peer"]
    with serving(command, url, env, data / "server.log"):
        yield f"{url}/peer", key


@contextmanager
def bottlecrm() -> Iterator[tuple[str, str]]:
    """BottleCRM 1.35 on SQLite; answers with address and key."""
    bin = environment("bottlecrm", python_312(), BOTTLECRM)
    data = VAR / "bottlecrm-data"
    data.mkdir(parents=True, exist_ok=True)
    env = {
        **os.environ,
        "PEER_DATABASE": str(data / "peer.sqlite"),
        "DJANGO_SETTINGS_MODULE": "bottlecrm_settings",
        "PYTHONPATH": str(HERE),
        "SECRET_KEY": "a-stand-in-that-signs-nothing-outside-this-machine",
    }
    key = filled([str(bin / "python"), str(HERE / "bottlecrm_setup.py")], env, data)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(bin / "python"), "-m", "django", "runserver", "--noreload", f"127.0.0.1:{port}"]
    with serving(command, f"{url}/healthz/", env, data / "server.log"):
        yield url, key


PEERS = {"TRYTON": tryton, "BOTTLECRM": bottlecrm}


def main(command: list[str]) -> int:
    VAR.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ)
    with ExitStack() as running:
        for name, start in PEERS.items():
            try:
                url, key = running.enter_context(start())
            except (CannotRun, subprocess.CalledProcessError) as error:
                print(f"{name} is left out: {error}", flush=True)
                continue
            print(f"{name} answers at {url}", flush=True)
            env |= {f"CONFORMANCE_{name}_URL": url, f"CONFORMANCE_{name}_KEY": key}
        return subprocess.run(command, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
