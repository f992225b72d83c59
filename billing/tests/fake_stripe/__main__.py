import argparse
import signal
import sys
from pathlib import Path

from .delivery import Sender
from .server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="fake_stripe", description="A Stripe for tests and demo.")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--bind", default="127.0.0.1", help="0.0.0.0 in a container")
    parser.add_argument("--address", default="", help="its URL for browsers, if not that")
    parser.add_argument("--data", type=Path, help="a file in which everything is kept")
    parser.add_argument("--deliver", help="deliver events to this URL")
    parser.add_argument("--host", default="", help="the Host header of those deliveries")
    parser.add_argument("--secret", default="", help="what they are signed with")
    asked = parser.parse_args()
    sender = Sender(asked.deliver, asked.secret, asked.host) if asked.deliver else None
    server = serve(asked.port, asked.data, sender, asked.bind, asked.address)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


main()
