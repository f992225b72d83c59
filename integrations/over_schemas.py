"""One question to many retailers' schemas: a SELECT for each, a hundred to a query (UNION ALL)."""

import logging
from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError, connection, transaction

from .traces import in_short

log = logging.getLogger(__name__)

SCHEMAS_A_QUERY = 100  # all their tables are locked together: `max_locks_per_transaction`
PATIENCE = "SET LOCAL lock_timeout = '3s';"  # with one that is being restored


def ask(question: str, schemas: Iterable[str], *, before: str = "", **values: Any) -> list[tuple]:
    """The rows of all of them. `question` names its schema as {schema} and {quoted}.

    One that is being restored or deleted, or lacks what is asked for, is left out and named in the
    log: it costs nobody else the answer. `before` is put in front of each query, for its WITH.
    """
    schemas, rows = list(schemas), []
    for start in range(0, len(schemas), SCHEMAS_A_QUERY):
        part = schemas[start : start + SCHEMAS_A_QUERY]
        try:
            rows += together(question, part, before, values)
        except DatabaseError as error:
            log.warning("Asking one schema at a time: %s", type(error).__name__)
            rows += one_by_one(question, part, before, values)
    return rows


def together(question: str, schemas: list[str], before: str, values: dict) -> list[tuple]:
    quote = connection.ops.quote_name
    parts = [f"({question.format(schema=name, quoted=quote(name))})" for name in schemas]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{PATIENCE} {before} {' UNION ALL '.join(parts)}", values)
        return cursor.fetchall()


def one_by_one(question: str, schemas: list[str], before: str, values: dict) -> list[tuple]:
    rows = []
    for name in schemas:
        try:
            rows += together(question, [name], before, values)
        except DatabaseError as error:
            log.error("%s can't be asked: %s", name, in_short(error))
    return rows
