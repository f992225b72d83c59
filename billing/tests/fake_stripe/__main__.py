import argparse
import signal
import sys

from .server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="fake_stripe", description="A Stripe for tests and demo.")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    server = serve(parser.parse_args().port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


main()
