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
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outcome import Failed
from programs import Programs

HERE = Path(__file__).resolve().parent
# Everything is mounted in a namespace of the process, and gone with it. $1 is the image's folder,
# $2 the media folder, $3 the folder with PostgreSQL's and Redis' sockets, $4 the certificates that
# are trusted beside the public ones and $5 where the image keeps those; the command follows.
ENTER = """
set -e
root=$1 media=$2 socket=$3 trusted=$4 bundle=$5
shift 5
mount --bind "$root" "$root"
mount --bind "$media" "$root/data/media"
mount --bind "$socket" "$root/mnt"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$root/tmp"
mount --bind "$trusted" "$bundle"
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
    """The unpacked image with its environment, which is a production's."""

    domain = "customerinfo.example"

    def __init__(self, folder: Path, config: dict, media: Path, services: dict):
        self.folder = folder
        self.command = config["Cmd"]
        self.media = media
        self.socket = services["socket"]
        self.port = free_port()
        (self.bundle,) = folder.glob("opt/venv/lib/python3*/site-packages/certifi/cacert.pem")
        self.trusted = self.bundle
        self.network: int | None = None  # of this process; see outside_crm.py
        self.env = {
            **dict(item.split("=", 1) for item in config["Env"]),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ENCRYPTION_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "DATABASE_URL": "postgres://postgres@/postgres?host=/mnt&port=5432",
            "REDIS_URL": f"redis://127.0.0.1:{services['redis']}/0",
            "BASE_URL": f"https://{self.domain}",
            "EMAIL_URL": "console://",
        }
        arguments = self.env["GUNICORN_CMD_ARGS"]
        self.env["GUNICORN_CMD_ARGS"] = arguments.replace("0.0.0.0:8000", f"127.0.0.1:{self.port}")

    def words(self, *command: str, outbound: bool = False) -> list[str]:
        """`outbound`: in the network in which the CRM stands, so with Redis by its socket."""
        env, enter = self.env, []
        if outbound:
            env = env | {"REDIS_URL": "unix:///mnt/redis.sock"}
            enter = ["nsenter", f"--net=/proc/{self.network}/ns/net"]
        return [
            *enter,
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"),
            *(str(self.folder), str(self.media), self.socket),
            *(str(self.trusted), f"{self.folder}/{self.bundle.relative_to(self.folder)}"),
            *(f"{name}={value}" for name, value in env.items()),
            *command,
        ]

    def run(self, *command: str, timeout: float = 900, outbound: bool = False) -> str:
        """Its standard output."""
        words = self.words(*command, outbound=outbound)
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )
        if done.returncode:
            shown = " ".join(word if len(word) < 80 else "…" for word in command)
            raise Failed(f"{shown}:\n{tail(done.stdout + done.stderr)}")
        return done.stdout

    @contextmanager
    def started(
        self, name: str, *command: str, outbound: bool = False
    ) -> Iterator["Process"]:
        with tempfile.TemporaryFile() as log:
            words = self.words(*command, outbound=outbound)
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                yield Process(name, process, log)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()

    def get(self, path: str, host: str) -> tuple[int, bytes]:
        """Status and body; status 0 when nothing answers in time."""
        status, _, body = self.ask(path, host)
        return status, body

    def post(self, path: str, host: str, form: dict[str, str]) -> tuple[int, str]:
        """Status, and where the answer leads."""
        status, place, _ = self.ask(path, host, urllib.parse.urlencode(form).encode())
        return status, place

    def ask(self, path: str, host: str, data: bytes | None = None) -> tuple[int, str, bytes]:
        """As the ingress asks. Status, Location, body."""
        headers = {"Host": host, "X-Forwarded-Proto": "https"}
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, headers)
        opener = urllib.request.build_opener(NoRedirect)
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, "", answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Location", ""), error.read()
        except OSError as error:
            return 0, "", str(error).encode()


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
