"""python -m customerinfo.demo.crm --port 8010 --data DIR --account NAME=KEY …"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from customerinfo.demo.crm.contact_attributes import BY_NAME
from customerinfo.demo.crm.server import Crm
from customerinfo.demo.crm.store import Store


def _rate(text: str) -> tuple[int, float]:
    if text == "off":
        return 0, 1.0
    calls, _, seconds = text.partition("/")
    if int(calls) < 1 or float(seconds) <= 0:
        raise ValueError(text)
    return int(calls), float(seconds)


def _account(text: str) -> tuple[str, str]:
    name, separator, key = text.partition("=")
    if not separator:
        raise ValueError(text)
    return name, key


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m customerinfo.demo.crm")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8010, help="0 takes any free port")
    parser.add_argument("--data", type=Path, required=True, help="the folder of its database")
    parser.add_argument(
        "--account",
        type=_account,
        action="append",
        default=[],
        metavar="NAME=KEY",
        help="an account and its API key; once given it is remembered",
    )
    parser.add_argument(
        "--rate", type=_rate, default="50/10", metavar="CALLS/SECONDS", help="or off"
    )
    parser.add_argument("--latency", type=float, default=0.02, help="seconds that an upsert thinks")
    parser.add_argument(
        "--required",
        action="append",
        choices=sorted(BY_NAME),
        help="what a new contact must have; email if not given",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    store = Store(options.data, options.required or ["email"])
    try:
        for name, key in options.account:
            store.add_account(name, key)
    except ValueError as error:
        parser.error(str(error))
    if not store.accounts():
        parser.error("there is no account yet: add one with --account NAME=KEY")
    try:
        server = Crm((options.host, options.port), store, options.rate, options.latency)
    except OSError as error:
        print(f"The CRM can't listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    address = f"http://{options.host}:{server.server_address[1]}/"
    print(f"Sandbox CRM listening on {address}", flush=True)
    stop.wait()
    server.stopping.set()
    server.shutdown()
    thread.join()
    server.server_close()
    store.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
