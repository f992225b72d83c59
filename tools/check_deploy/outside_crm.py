"""The sandbox CRM as if it stood on the internet: https at a public address. Run by root.

    outside_crm.py DATA CERTIFICATE ADDRESS NAME=KEY …

The address exists in a network of this process alone, which leads nowhere: nobody else's is ever
called. A worker that enters this network (nsenter) meets the CRM as it would meet a vendor's, with
the product's own rules on addresses and certificates in force. Whoever started it can look into
the CRM by plain http, on a port of the machine's loopback that is printed, until standard input
closes.
"""

import ctypes
import fcntl
import os
import socket
import ssl
import struct
import sys
import threading
from pathlib import Path

from customerinfo.demo.crm.server import Crm
from customerinfo.demo.crm.store import Store

CLONE_NEWNET = 0x40000000
SIOCSIFADDR, SIOCSIFFLAGS = 0x8916, 0x8914  # linux/sockios.h
IFF_UP = 1


def enter_own_network(address: str) -> None:
    """A network with a loopback interface that has `address`, too. Before any thread starts."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network of its own")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        # struct ifreq: the interface's name, then flags, or a sockaddr_in.
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
        packed = struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(control, SIOCSIFADDR, packed)


def main() -> None:
    data, certificate, address, *accounts = sys.argv[1:]
    store = Store(Path(data), ["email"])
    for account in accounts:
        store.add_account(*account.split("=", 1))
    # A socket stays in the network in which it was made.
    inside = Crm(("127.0.0.1", 0), store, (0, 1.0), 0.0)
    enter_own_network(address)
    outside = Crm((address, 443), store, (0, 1.0), 0.0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    outside.socket = context.wrap_socket(outside.socket, server_side=True)
    for server in (inside, outside):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{inside.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # with whatever connections the worker keeps open


if __name__ == "__main__":
    main()
