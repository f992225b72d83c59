"""Tracebacks without the values that went wrong: an exception's text may quote a shopper.

    ValueError: invalid literal for int() with base 10: 'Ada'   →   ValueError: … with base 10: '…'
    IntegrityError: null value in column "x" …\\nDETAIL:  Failing row contains (…)   →   first line
"""

import re

from integrations.redaction import scrubbed

START = "Traceback (most recent call last):"
GROUP = "Exception Group Traceback (most recent call last):"
PLACE = re.compile(r"[ |+-]*File \"[^\"]*\", line \d+, in \S+$")
# Between the tracebacks of a chain.
LINKS = re.compile(
    r"(\nThe above exception was the direct cause of the following exception:\n"
    r"|\nDuring handling of the above exception, another exception occurred:\n)"
)
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|«[^»]*»")
# What these quote is names of our code and of the database's tables, which one needs to know.
QUOTE_NAMES = {
    *("AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "TypeError"),
    *("UnboundLocalError", "IntegrityError", "ProgrammingError", "UniqueViolation"),
    *("NotNullViolation", "ForeignKeyViolation", "UndefinedTable", "UndefinedColumn"),
}


def message(kind: str, text: str) -> str:
    """An exception's text that may be kept; `kind` is its type's name, with or without module."""
    lines = text.splitlines() or [""]
    first = lines[0] if kind.rpartition(".")[2] in QUOTE_NAMES else QUOTED.sub("'…'", lines[0])
    return scrubbed(first)


def in_short(error: BaseException) -> str:
    """An exception in the middle of a sentence."""
    kind, text = type(error).__name__, message(type(error).__name__, str(error))
    return f"{kind}: {text}" if text else kind


def without_values(trace: str) -> str:
    """A traceback, as Python writes it, with what `message` keeps of each exception's text."""
    if GROUP in trace:  # a tree, in which texts can't be told from code
        return "\n".join([GROUP, *(line for line in trace.split("\n") if PLACE.match(line))])
    return "".join(
        part if number % 2 else one_without_values(part)
        for number, part in enumerate(LINKS.split(trace))
    )


def one_without_values(trace: str) -> str:
    if START not in trace:
        return scrubbed(trace)
    kept = []
    for line in trace.split("\n"):
        kept.append(line)
        if line and not line.startswith((" ", START)):
            kind, colon, text = line.partition(": ")
            kept[-1] = f"{kind}{colon}{message(kind, text)}"
            break  # the text goes on below it
    return "\n".join(kept)
