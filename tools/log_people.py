"""Searches the log of a whole test run for people: e-mail addresses and phone numbers.

    python tools/log_people.py LOGS            1 if somebody is in there, or nothing at all
    python tools/log_people.py --few LOGS      the same, of a few tests, which may log nothing
    python tools/log_people.py --forget LOGS   before a run

LOGS are folders and files: the product's own and PostgreSQL's.

Looks for everything that has the shape of an e-mail address, and for each number that stands in the
tests' own code, in each spelling that it has there.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(r"[\"'>]((?:\+|00|0)\d(?:[ ()./-]?\d){7,13})[\"'<]")
OURS = re.compile(r"(?:no-reply|support)@")  # the platform's own, nobody's
FEWEST = 200  # lines of a run that has logged at all


def main() -> int:
    words = sys.argv[1:]
    option = words.pop(0) if words[0].startswith("--") else ""
    places = [Path(word) for word in words]
    if option == "--forget":
        for place in places:
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
        return 0
    known = phones()
    # A longer number, or an id, may hold one by chance.
    numbers = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(known)))})(?!\w)")
    lines = found = 0
    for file in [file for place in places for file in files(place)]:
        for number, line in enumerate(file.open(encoding="utf-8", errors="replace"), start=1):
            lines += 1
            for person in people(line, numbers):
                found += 1
                print(f"{file.name}:{number}: {person}\n    {line.strip()[:300]}")
    print(f"{lines} log lines, {found} with a person ({len(known)} phone numbers looked for)")
    if (lines < FEWEST and option != "--few") or not known:
        print("That is too little to say anything.")
        return 1
    return 1 if found else 0


def files(place: Path) -> list[Path]:
    return sorted(place.glob("*")) if place.is_dir() else [place] if place.exists() else []


def people(line: str, numbers: re.Pattern) -> Iterator[str]:
    for match in EMAIL.finditer(line):
        if not OURS.match(match[0]):
            yield match[0]
    yield from numbers.findall(line)


def phones() -> set[str]:
    """Of the shoppers in the tests."""
    found = set()
    for app in ("tenants", "forms_app", "integrations", "billing", "site"):
        for file in (ROOT / app).rglob("tests/**/*.py"):
            found |= set(PHONE.findall(file.read_text(encoding="utf-8")))
    return found


if __name__ == "__main__":
    sys.exit(main())
