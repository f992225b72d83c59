"""python -m bench.five_years: YEARS=5 RETAILERS=5 A_DAY=60 unless the environment says less.

EVERY=7 lives one day a week, and the clock jumps over the others. FILL=110000 copies one retailer's
sign-ups by SQL until it has so many, and looks at its pages once more.
"""

import logging
import os
import shutil
import sys
import time

from bench import rounds
from bench.servers import BenchFailed
from bench.world import FOLDER, platform

LONGEST_JUMP = 14  # days: over more, trials and unpaid bills would end unseen


def say(line: str) -> None:
    print(line, flush=True)


def knob(name: str, otherwise: float) -> float:
    return float(os.environ.get(name) or otherwise)


def main() -> int:
    years, retailers, a_day = knob("YEARS", 5), int(knob("RETAILERS", 5)), int(knob("A_DAY", 60))
    every, filled = int(knob("EVERY", 1)), int(knob("FILL", 0))
    if not 1 <= every <= LONGEST_JUMP:
        raise BenchFailed(f"EVERY can be 1 to {LONGEST_JUMP}.")
    started = time.monotonic()
    with platform(durable=False):
        # Only now: importing them needs Django.
        from bench.five_years import claims, fill, life, looks, plan, report, shops
        from billing.tests.fake_stripe.process import FakeStripe
        from customerinfo.demo.crm.tests.process import running

        logging.disable(logging.INFO)
        folder = FOLDER / "five_years"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        chosen = plan.whole(years, retailers, a_day, every)
        slugs = [f"shop-{number}" for number in range(1, retailers + 1)] + [life.LEAVER]
        accounts = [f"--account={slug}={shops.key_of(slug)}" for slug in slugs]
        say(
            f"{chosen.last} days, of which {len(chosen.days)} are lived; {retailers} retailers,"
            f" {a_day} sign-ups of each on such a day; {rounds.machine()}"
        )
        with (
            running(folder / "crm", *accounts, "--rate", "off", "--latency", "0") as crm,
            FakeStripe() as fake,
            life.lived(chosen, crm, fake, folder, say) as done,
        ):
            say(f"played in {time.monotonic() - started:.0f} s")
            failed = claims.broken(done)
            for failure in failed:
                say(f"FAILED: {failure}")
            largest = done.staying[-1]
            told = report.lines(done, folder)
            seen = list(looks.pages(largest))
            say("\n".join([*told, "", f"pages of {largest.schema}", *report.pages(seen)]))
            if filled:
                number = fill.fill(largest, filled)
                # Without exports: their time is that of so many rows.
                seen = list(looks.pages(largest, exports=False))
                say("\n".join(["", f"pages with {number:,} sign-ups", *report.pages(seen)]))
    say(f"{time.monotonic() - started:.0f} s; {rounds.machine()}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchFailed as error:
        say(f"FAILED: {error}")
        sys.exit(1)
