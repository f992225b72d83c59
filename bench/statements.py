"""Counts the statements that really reach PostgreSQL, from its own log."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from customerinfo.demo.services import PostgresServer
from customerinfo.tests.databases import execute

BORDERS = re.compile(r"(BEGIN|COMMIT|ROLLBACK)\b", re.IGNORECASE)
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]+): (.*)")
LIMIT = 10.0  # seconds until PostgreSQL has taken over a setting


class Log:
    """What was logged since the last look. Statements that begin on a line of their own."""

    def __init__(self, postgres: PostgresServer):
        self.path = postgres.log
        self.seen = self.path.stat().st_size

    def new(self) -> list[str]:
        with self.path.open("rb") as file:
            file.seek(self.seen)
            data = file.read()
        self.seen += len(data)
        return STATEMENT.findall(data.decode(errors="replace"))


@contextmanager
def logged(postgres: PostgresServer) -> Iterator[Log]:
    """PostgreSQL logs every statement of every session meanwhile, SET, BEGIN and COMMIT too."""
    log = Log(postgres)
    execute("ALTER SYSTEM SET log_statement = 'all'")
    execute("SELECT pg_reload_conf()")
    deadline = time.monotonic() + LIMIT
    # A session that was there before takes the setting over at its next statement.
    while not any("bench looks" in line for line in log.new()):
        execute("SELECT 'bench looks'")
        if time.monotonic() > deadline:
            raise TimeoutError("PostgreSQL doesn't log its statements.")
    try:
        yield log
    finally:
        execute("ALTER SYSTEM RESET log_statement")
        execute("SELECT pg_reload_conf()")


def split(statements: list[str]) -> tuple[list[str], list[str]]:
    """(statements, borders of transactions)"""
    borders = [one for one in statements if BORDERS.match(one)]
    return [one for one in statements if not BORDERS.match(one)], borders
