"""A new retailer, beside the replay of the schema's SQL alone."""

import time
from collections.abc import Callable
from itertools import count

import psycopg2

from bench.rounds import Figures, Line, alternate, compare
from bench.world import World

_numbers = count(1)


def onboard(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    from tenants.provisioning import onboard as make
    from tenants.schemas import TEMPLATE_SCHEMA, current_template

    sql = current_template().sql
    say(f"the schema's SQL is {len(sql) / 1000:,.0f} kB")
    link = psycopg2.connect(world.dsn)

    def ours() -> Figures:
        number = next(_numbers)
        return timed(lambda: make(f"Shop {number}", f"shop{number}", f"o{number}@bench.test"))

    def replay() -> Figures:
        text = sql.replace(TEMPLATE_SCHEMA, f"bench_replay_{next(_numbers)}")
        return timed(lambda: run(link, text))

    try:
        rounds = alternate({"ours": ours, "limit": replay})
    finally:
        link.close()
    return [compare("new retailer", "seconds", "s", rounds, aim="≤ 1.4")]


def run(link, text: str) -> None:
    with link, link.cursor() as cursor:  # one transaction
        cursor.execute(text)


def timed(work: Callable[[], object]) -> Figures:
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started}
