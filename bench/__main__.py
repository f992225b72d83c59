"""python -m bench [get] [post] [onboard] [deliver] [fairness] [chaos] [kills] [fleet] [lighthouse]
[footprint]: measure these, or all but chaos, kills, fleet and footprint, which take many minutes,
and lighthouse, which needs Node.

Each bench runs what we built and its limit, a small program that does the least that the work
needs, in turn: five rounds after one to warm up, the medians in a table. Ends with 1 if a bench
failed, or a page takes more statements than allowed.
"""

import argparse
import sys
import time
from importlib import import_module

from bench import load, rounds
from bench.servers import BenchFailed
from bench.world import world
from customerinfo.demo.service import ServiceError

BENCHES = {
    "get": "bench.pages",
    "post": "bench.pages",
    "onboard": "bench.retailers",
    "deliver": "bench.deliveries",
    "fairness": "bench.fairness",
    "chaos": "bench.chaos",
    "kills": "bench.kills",
    "fleet": "bench.fleet",
    "lighthouse": "bench.lighthouse",
    "footprint": "bench.footprint",
}
BY_NAME_ONLY = {"chaos", "kills", "fleet", "lighthouse", "footprint"}  # many minutes; needs Node


def say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("benches", nargs="*", metavar="bench", help=", ".join(BENCHES))
    chosen = parser.parse_args().benches or [one for one in BENCHES if one not in BY_NAME_ONLY]
    if unknown := set(chosen) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    say(f"{rounds.machine()}; load from {load.client()}")
    say("Preparing a database (a minute or two after a change of migrations) …")
    started = time.monotonic()
    lines, failed = [], []
    try:
        with world() as here:
            for name in chosen:
                say(f"\n{name} …")
                try:
                    # Imported now that Django is set up.
                    measure = getattr(import_module(BENCHES[name]), name)
                    lines += measure(here, lambda line: say(f"  {line}"), failed.append)
                except BenchFailed as error:
                    failed.append(f"{name}: {error}")
    except ServiceError as error:
        say(f"{error}")
        return 1
    if lines:
        say(f"\n{rounds.table(lines)}\n\nRaw figures, round by round:")
    for line in lines:
        say(line.raw())
    for failure in failed:
        say(f"\nFAILED: {failure}")
    say(f"\n{time.monotonic() - started:.0f} s; {rounds.machine()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
