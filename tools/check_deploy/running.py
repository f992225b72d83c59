"""The image's processes, run as the chart would: its user, a read-only root file system, no right
to gain privileges, only /tmp and /data/media writable."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from outcome import Failed
from programs import Programs

HERE = Path(__file__).resolve().parent
# Everything is mounted in a namespace of the process, and gone with it. $1 is the image's folder,
# $2 the media folder, $3 the folder with PostgreSQL's socket; the command follows.
ENTER = """
set -e
root=$1 media=$2 socket=$3
shift 3
mount --bind "$root" "$root"
mount --bind "$media" "$root/data/media"
mount --bind "$socket" "$root/mnt"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero random urandom; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/dev/shm"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec=10001:10001 "$root" /usr/bin/env -C /app -i "$@"
"""


class Image:
    """The unpacked image with its environment."""

    def __init__(self, folder: Path, config: dict, media: Path, services: dict):
        self.folder = folder
        self.command = config["Cmd"]
        self.media = media
        self.socket = services["socket"]
        self.port = free_port()
        self.env = {
            **dict(item.split("=", 1) for item in config["Env"]),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ENCRYPTION_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "DATABASE_URL": "postgres://postgres@/postgres?host=/mnt&port=5432",
            "REDIS_URL": f"redis://127.0.0.1:{services['redis']}/0",
            "BASE_URL": "https://customerinfo.example",
        }
        arguments = self.env["GUNICORN_CMD_ARGS"]
        self.env["GUNICORN_CMD_ARGS"] = arguments.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}")

    def words(self, *command: str) -> list[str]:
        return [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"),
            *(str(self.folder), str(self.media), self.socket),
            *(f"{name}={value}" for name, value in self.env.items()),
            *command,
        ]

    def run(self, *command: str, timeout: float = 900) -> str:
        done = subprocess.run(
            self.words(*command), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout
        )
        output = (done.stdout + done.stderr).decode(errors="replace")
        if done.returncode:
            raise Failed(f"{' '.join(command)}:\n" + "\n".join(output.splitlines()[-25:]))
        return output

    @contextmanager
    def started(self, name: str, *command: str) -> Iterator["Process"]:
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                self.words(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            try:
                yield Process(name, process, log)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def get(self, path: str, host: str) -> tuple[int, bytes]:
        """Status and body; status 0 when nothing answers in time."""
        headers = {"Host": host, "X-Forwarded-Proto": "https"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        opener = urllib.request.build_opener(NoRedirect)
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            return 0, str(error).encode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Process:
    def __init__(self, name: str, process: subprocess.Popen, log):
        self.name, self.process, self.log = name, process, log

    def output(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def until(self, done, seconds: float, what: str) -> None:
        """Poll until `done()`; fails when the process dies or time is up."""
        deadline = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise Failed(f"{self.name} died:\n{tail(self.output())}")
            if done():
                return
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: {what} not within {seconds} s\n{tail(self.output())}")
            time.sleep(0.1)

    def memory(self) -> int:
        """Megabytes, shared pages divided among those who share them."""
        own, total = {self.process.pid}, 0
        # Children have higher numbers than their parents, but for a wrap-around.
        for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if int(folder.name) in own or parent in own:
                    own.add(int(folder.name))
                    lines = (folder / "smaps_rollup").read_text().splitlines()
                    total += sum(int(line.split()[1]) for line in lines if line[:4] == "Pss:")
            except FileNotFoundError:  # gone meanwhile
                continue
        return total // 1024

    def stop(self, seconds: float) -> None:
        """SIGTERM, as Kubernetes does it; fails when it isn't obeyed in time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"{self.name} ignores SIGTERM for {seconds} s") from error
        if code != 0:
            raise Failed(f"{self.name} ends with {code} on SIGTERM:\n{tail(self.output())}")


def smoke_test(folder: Path, config: dict, programs: Programs) -> str:
    """Everything that one deploy does, once; returns what was seen."""
    with ExitStack() as stack:
        media = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="check-deploy-")))
        os.chown(media, 10001, 10001)
        image = Image(folder, config, media, stack.enter_context(services(programs)))

        started = time.monotonic()
        image.run("python", "manage.py", "migrate_fleet")
        migrated = time.monotonic() - started
        retailer = ["--name", "Bloom", "--slug", "bloom", "--owner-email", "owner@bloom.example"]
        image.run("python", "manage.py", "onboard_retailer", *retailer)

        celery = ("celery", "--app=customerinfo")
        worker_words = (*celery, "worker", "--concurrency=2", "--loglevel=info")
        worker = stack.enter_context(image.started("worker", *worker_words))
        beat_words = (*celery, "beat", "--schedule=/tmp/beat", "--pidfile=", "--loglevel=info")
        beat = stack.enter_context(image.started("beat", *beat_words))
        web = stack.enter_context(image.started("web", *image.command))
        # As kubelet asks: with the pod's address for a host.
        for path in ("/healthz", "/readyz"):
            web.until(lambda: image.get(path, "10.0.0.1") == (200, b"ok"), 120, path)
        for host, path in (
            ("bloom.customerinfo.example", "/admin/login/"),
            ("console.customerinfo.example", "/admin/login/"),
        ):
            status, _ = image.get(path, host)
            if status != 200:
                raise Failed(f"{host}{path} answers {status}\n{tail(web.output())}")
        if image.get("/admin/login/", "stranger.example")[0] != 404:
            raise Failed("an unknown host is served")
        worker.until(lambda: "ready." in worker.output(), 120, "ready")
        if "SecurityWarning" in worker.output():
            raise Failed(f"the worker takes its user for root:\n{tail(worker.output())}")
        beat.until(lambda: "beat: Starting..." in beat.output(), 60, "a start")
        memory = ", ".join(f"{p.name} {p.memory()}" for p in (web, worker, beat))
        for process, seconds in ((web, 40), (beat, 15), (worker, 60)):
            process.stop(seconds)
        image.run("python", "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    return (
        f"migrated in {migrated:.0f} s; web, worker and beat answer, and stop on SIGTERM; "
        f"memory in MB: {memory}"
    )


@contextmanager
def services(programs: Programs) -> Iterator[dict]:
    """PostgreSQL and Redis from wheels."""
    # In /tmp: as root, the wheel opens every folder above its data for its own user.
    with tempfile.TemporaryDirectory(prefix="check-deploy-") as folder:
        os.chmod(folder, 0o755)
        runtime = Path(folder) / "runtime"
        runtime.mkdir(mode=0o700)
        command = [str(programs.python()), str(HERE / "services.py"), folder]
        process = subprocess.Popen(
            command,
            env={**os.environ, "XDG_RUNTIME_DIR": runtime},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            line = process.stdout.readline()
            if not line:
                raise Failed("PostgreSQL and Redis don't start")
            yield json.loads(line)
        finally:
            process.communicate(timeout=60)
            shutil.rmtree(Path(folder) / "postgres", ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(text: str) -> str:
    return "\n".join(text.splitlines()[-25:])
