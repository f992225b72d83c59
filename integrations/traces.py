"""Exceptions without the values that went wrong: their text may quote a shopper. Pure: no Django.

    ValueError: invalid literal for int() with base 10: 'Ada'   →   ValueError: … with base 10: '…'
    IntegrityError: null value in column "x" …\\nDETAIL:  Failing row contains (…)   →   first line

What the log, Sentry and the console's page of periodic work say of an exception comes from here.
"""

import re
import traceback

from .redaction import scrubbed

START = "Traceback (most recent call last):"
GROUP = "Exception Group Traceback (most recent call last):"
PLACE = re.compile(r"[ |+-]*File \"[^\"]*\", line \d+, in \S+$")
# Between the tracebacks of a chain.
LINKS = re.compile(
    r"(\nThe above exception was the direct cause of the following exception:\n"
    r"|\nDuring handling of the above exception, another exception occurred:\n)"
)
# From the first quotation mark to the last one that can close, or else to the end: what is quoted
# may hold some itself. They are those of all languages that PostgreSQL speaks; "can't" has none,
# b'Ada' has two.
MARK = r"(?!(?<=[A-Za-z]{2})['’](?:[stdm]|re|ve|ll)\b)['\"«»‹›„“”‚‘’]"
QUOTED = re.compile(rf"{MARK}.*{MARK}(?!\w)|{MARK}.*")
LONGEST = 500  # characters; columns that keep a problem hold as many
# What these quote is names of our code and of the database's tables, which one needs to know.
QUOTE_NAMES = {
    *("AttributeError", "ImportError", "ModuleNotFoundError", "NameError"),
    *("UnboundLocalError", "IntegrityError", "ProgrammingError", "UniqueViolation"),
    *("NotNullViolation", "ForeignKeyViolation", "UndefinedTable", "UndefinedColumn"),
}


def message(kind: str, text: str) -> str:
    """An exception's text that may be kept; `kind` is its type's name, with or without module."""
    lines = text.splitlines() or [""]
    first = lines[0] if kind.rpartition(".")[2] in QUOTE_NAMES else QUOTED.sub("'…'", lines[0])
    return scrubbed(first)


def in_short(error: BaseException) -> str:
    """An exception in the middle of a sentence, or as the reason why something failed."""
    kind, text = type(error).__name__, message(type(error).__name__, str(error))
    return (f"{kind}: {text}" if text else kind)[:LONGEST]


def places(error: BaseException) -> str:
    """Its type and the innermost places it came through, on one line each. None of its text: a
    connector's may hold the connection's secrets, which nothing here knows.
    """
    found = traceback.extract_tb(error.__traceback__)[-8:]
    lines = [f"  {place.filename}:{place.lineno} in {place.name}" for place in found]
    return "\n".join([type(error).__name__, *lines])


def without_values(trace: str) -> str:
    """A traceback, as Python writes it, with what `message` keeps of each exception's text."""
    if GROUP in trace:  # a tree, in which texts can't be told from code
        return "\n".join([GROUP, *(line for line in trace.split("\n") if PLACE.match(line))])
    return "".join(
        part if number % 2 else one_without_values(part)
        for number, part in enumerate(LINKS.split(trace))
    )


def one_without_values(trace: str) -> str:
    """Of an exception that was never raised, only given as a cause, there is the text alone."""
    kept = []
    for line in trace.split("\n"):
        kept.append(line)
        if line and not line.startswith((" ", START)):
            kind, colon, text = line.partition(": ")
            kept[-1] = f"{scrubbed(kind)}{colon}{message(kind, text)}"
            break  # the text goes on below it
    return "\n".join(kept)
