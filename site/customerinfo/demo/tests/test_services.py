"""The real servers, on real folders."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from customerinfo.demo import rootless
from customerinfo.demo.claim import running_in
from customerinfo.demo.service import ServiceError
from customerinfo.demo.services import PostgresServer, start_postgres, start_redis
from customerinfo.demo.tests.watched import Watched, all_over, eventually, is_gone

pytestmark = pytest.mark.live
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs this")

# Starts a server, tells its pid, and dies without a word. Its guardian is killed before it.
OWNER = """
import os, signal, sys
from pathlib import Path
from customerinfo.demo import guardian
from customerinfo.demo.services import start_postgres, start_redis
kind, folder, alone = sys.argv[1:]
if kind == "postgres":
    server = start_postgres(Path(folder), durable=True)
else:
    server = start_redis(Path(folder), persistent=True)
if alone == "alone":
    guardian._guardian._process.kill()
    guardian._guardian._process.wait()
print("server", server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with start_postgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    start_postgres(folder, durable=False).stop()
    return folder


@pytest.fixture
def folder(stopped, tmp_path):
    """The folder of a PostgreSQL that was started and stopped before: a copy is made sooner."""
    return shutil.copytree(stopped, tmp_path / "pg", symlinks=True)


def ask(server, statement, dbname="postgres"):
    connection = psycopg2.connect(server.url(dbname))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def ask_redis(server):
    return redis.Redis.from_url(server.url, decode_responses=True)


def killed_owner(kind, folder, alone):
    with Watched.python(OWNER, kind, folder, alone) as owner:
        pid = int(owner.line_with("server").split()[1])
        owner.process.wait()
    return pid


def test_postgres_is_of_the_kind_that_the_product_needs(postgres):
    assert ask(postgres, "SHOW server_encoding") == "UTF8"
    assert ask(postgres, "SHOW max_locks_per_transaction") == "512"
    assert ask(postgres, "SELECT lower('ÉCOLE')") == "école"


def test_postgres_listens_to_nobody_outside_its_folder(postgres):
    assert ask(postgres, "SHOW listen_addresses") == ""
    assert postgres._socket_dir().stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("durable, sync", [(True, "on"), (False, "off")])
def test_only_throwaway_data_is_not_synced(folder, durable, sync):
    with start_postgres(folder, durable=durable) as server:
        assert ask(server, "SHOW fsync") == sync
        assert ask(server, "SHOW synchronous_commit") == sync


def test_pg_dump_is_of_the_servers_version(postgres):
    dump = subprocess.run(
        [postgres.bin_dir / "pg_dump", postgres.url(), "--schema-only"],
        capture_output=True,
        text=True,
    )
    assert "PostgreSQL database dump complete" in dump.stdout, dump.stderr


def test_a_database_is_created_once(postgres):
    postgres.create_database("shop")
    ask(postgres, "CREATE TABLE kept AS SELECT 1", "shop")
    postgres.create_database("shop")
    assert ask(postgres, "SELECT count(*) FROM kept", "shop") == 1


def test_data_is_there_after_a_stop_and_a_start(folder, tmp_path):
    with start_postgres(folder, durable=True) as server:
        ask(server, "CREATE TABLE kept AS SELECT 1")
        pid = server.pid
        server.stop()
        assert server.poll() is not None and not psutil.pid_exists(pid)
        server.start()
        assert ask(server, "SELECT count(*) FROM kept") == 1
    with start_redis(tmp_path / "redis", persistent=True) as server:
        ask_redis(server).set("a", "1")
        url = server.url
        server.stop()
        server.start()
        assert ask_redis(server).get("a") == "1"
        assert server.url == url


def test_a_redis_that_need_not_keep_anything_doesnt(tmp_path):
    with start_redis(tmp_path, persistent=False) as server:
        ask_redis(server).set("a", "1")
        server.stop()
        server.start()
        assert ask_redis(server).get("a") is None


def test_redis_is_closed_to_whoever_lacks_the_password(tmp_path):
    with start_redis(tmp_path, persistent=False) as server:
        stranger = redis.Redis(port=server._port)
        with pytest.raises(redis.AuthenticationError):
            stranger.get("a")
        assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_server_does_not_outlive_its_killed_owner(folder, tmp_path, kind):
    pid = killed_owner(kind, folder if kind == "postgres" else tmp_path, "guarded")
    eventually(lambda: is_gone(pid))


def test_an_orphaned_postgres_is_taken_over_without_manual_repair(folder):
    orphan = psutil.Process(killed_owner("postgres", folder, "alone"))
    assert not all_over([orphan])
    with start_postgres(folder, durable=True) as server:
        assert all_over([orphan])
        assert ask(server, "SELECT 1") == 1


def test_an_orphaned_redis_is_taken_over_with_its_data(tmp_path):
    orphan = psutil.Process(killed_owner("redis", tmp_path, "alone"))
    assert not all_over([orphan])
    with start_redis(tmp_path, persistent=True) as server:
        assert all_over([orphan])
        assert ask_redis(server).ping()


def test_a_pid_file_that_names_a_stranger_is_no_obstacle_and_the_stranger_lives(folder):
    """After a restart of the machine, the pid in the file may be anybody's."""
    with start_postgres(folder, durable=False) as server:
        server.stop()
        with Watched.python("import signal; signal.pause()") as stranger:
            file = folder / "cluster" / "postmaster.pid"
            file.write_text(f"{stranger.process.pid}\n{folder / 'cluster'}\n0\n5432\n\n\n\n")
            server.start()
            assert ask(server, "SELECT 1") == 1
            assert stranger.process.poll() is None


def test_a_postgres_that_was_killed_starts_again_with_its_data(folder):
    with start_postgres(folder, durable=True) as server:
        ask(server, "CREATE TABLE kept AS SELECT 1")
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: server.poll() is not None)
        server.start()
        assert ask(server, "SELECT count(*) FROM kept") == 1


def test_what_a_killed_initdb_left_is_not_mistaken_for_data(tmp_path):
    unfinished = tmp_path / "cluster.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")
    with start_postgres(tmp_path, durable=False) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_folder_has_one_owner(tmp_path):
    with start_redis(tmp_path, persistent=False) as first:
        with pytest.raises(ServiceError, match=f"in use by process {os.getpid()}"):
            start_redis(tmp_path, persistent=False)
        assert ask_redis(first).ping()


def test_a_start_that_fails_shows_the_end_of_the_log(folder):
    (folder / "cluster" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServiceError, match="no_such_setting"):
        start_postgres(folder, durable=False)
    # and it can be tried again: the folder is free
    (folder / "cluster" / "postgresql.conf").write_text("")
    start_postgres(folder, durable=False).stop()


def test_an_initdb_that_fails_says_why(tmp_path):
    (tmp_path / "cluster.unfinished").write_text("in the way")
    with pytest.raises(ServiceError, match="initdb failed"):
        start_postgres(tmp_path, durable=False)


@pytest.mark.parametrize("name", ["a folder with 'quotes' & ünïcode", "x" * 120])
def test_a_folder_name_of_any_kind_will_do(tmp_path, name):
    with start_postgres(tmp_path / name / "pg", durable=False) as server:
        assert ask(server, "SELECT 1") == 1
    with start_redis(tmp_path / name / "redis", persistent=False) as server:
        assert ask_redis(server).ping()


def test_a_socket_folder_in_the_temporary_folder_goes_with_the_server(tmp_path):
    with start_postgres(tmp_path / ("x" * 120), durable=False) as server:
        sockets = server._socket_dir()
        assert sockets.parent == Path(tempfile.gettempdir())
        assert sockets.stat().st_mode & 0o077 == 0
    assert not sockets.exists()


def test_a_socket_folder_that_is_somebody_elses_trap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = PostgresServer(tmp_path / ("x" * 120), durable=False)
    server.data_dir.mkdir()
    server._place = rootless.place_for(server.data_dir)
    server._socket_dir().symlink_to(tmp_path)
    with pytest.raises(ServiceError, match="belongs to somebody else"):
        server.start()


@pytest.fixture
def moved(monkeypatch):
    """Root's other place, in a folder that everybody may enter, as /var/lib is."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        monkeypatch.setattr(rootless, "MOVED", Path(folder) / "moved")
        yield rootless.MOVED


@as_root
def test_root_without_namespaces_gets_a_server_run_by_nobody(tmp_path, moved, monkeypatch):
    monkeypatch.setattr(rootless, "namespace", lambda account: ())
    modes = [folder.stat().st_mode for folder in tmp_path.parents]
    with start_postgres(tmp_path, durable=True) as server:
        assert psutil.Process(server.pid).username() == "nobody"
        ask(server, "CREATE TABLE kept AS SELECT 1")
        server.stop()
        server.start()
        assert ask(server, "SELECT count(*) FROM kept") == 1
    assert modes == [folder.stat().st_mode for folder in tmp_path.parents]


@as_root
def test_root_in_a_folder_that_only_root_may_enter_by_privilege(tmp_path, moved):
    private = tmp_path / "somebody"
    private.mkdir()
    (private / "data").mkdir()
    os.chmod(private, 0o700)
    os.chown(private, 1, 1)
    with start_postgres(private / "data", durable=True) as server:
        assert ask(server, "SELECT 1") == 1
        assert running_in(server._place.home / "cluster", "postgres")


@as_root
def test_moved_data_goes_when_its_folder_is_gone(tmp_path, moved, monkeypatch):
    monkeypatch.setattr(rootless, "namespace", lambda account: ())
    data = tmp_path / "data"
    start_postgres(data, durable=False).stop()
    assert list(moved.glob("*.for"))
    for path in data.iterdir():
        path.unlink()
    data.rmdir()
    rootless.forget_moved()
    assert [path.name for path in moved.iterdir()] == [rootless.copied_programs().parents[2].name]


def test_a_missing_program_is_no_success():
    assert not rootless.succeeds(["there-is-no-such-program"])
    assert rootless.succeeds([sys.executable, "-c", ""])
