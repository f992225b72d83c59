"""The ports of the demo: the usual ones, or the next free ones, and the same ones next time."""

import errno
import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from random import SystemRandom

FILE = "ports.json"
LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
TRIES = 50


def loopback_addresses() -> list[str]:
    """The loopback addresses that this machine has: a container may be without IPv6."""
    return [address for family, address in LOOPBACK if _bind_error(family, address, 0) is None]


def is_free(port: int) -> bool:
    """Nobody listens on this port of either loopback address, and we may.

    `localhost` stands for both addresses: a stranger on one of them would get half the visitors.
    """
    for family, address in LOOPBACK:
        if _answers(family, address, port):
            return False  # macOS lets us bind beside one who listens on every address
        if _bind_error(family, address, port) in (errno.EADDRINUSE, errno.EACCES):
            return False
    return True


def choose_ports(
    data_dir: Path, usual: Mapping[str, int], say: Callable[[str], None]
) -> dict[str, int]:
    """A free port for each name in `usual`: last time's, else the usual one, else one after it."""
    file = data_dir / FILE
    remembered = _read(file)
    chosen: dict[str, int] = {}
    for name, port in usual.items():
        first = remembered.get(name, port)
        candidates = dict.fromkeys((first, *range(port, port + TRIES)))
        free = (one for one in candidates if one not in chosen.values() and is_free(one))
        chosen[name] = next(free, None) or unused_port()
        if chosen[name] != first:
            say(f"Port {first} is taken by another program: {name} uses {chosen[name]}.")
    file.write_text(json.dumps(chosen))
    return chosen


def unused_port() -> int:
    """A free port below the range from which the kernel serves outgoing connections.

    So a server that is stopped and started again finds its port still free.
    """
    candidates = SystemRandom().sample(range(20_000, 30_000), 200)
    return next(port for port in candidates if is_free(port))


def _read(file: Path) -> dict[str, int]:
    try:
        return {name: int(port) for name, port in json.loads(file.read_text()).items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}  # first start, or cut off in the middle of writing: the usual ports will do


def _bind_error(family: int, address: str, port: int) -> int | None:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.errno
    return None


def _answers(family: int, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(0.5)
            return probe.connect_ex((address, port)) == 0
    except OSError:
        return False  # no such address family here
