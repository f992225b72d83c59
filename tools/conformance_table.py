"""From pytest's JUnit file of test_conformance.py to a table of connector × case.

python tools/conformance_table.py RESULTS.xml TABLE.md      (make conformance)
"""

import sys
import xml.etree.ElementTree as xml
from pathlib import Path

INTRO = """# Conformance

Each connector by one class ([conformance.py](../../integrations/tests/conformance.py)): against its
vendor's fake in every test run, and by *Another CRM (REST)* against real Tryton 8.2 and BottleCRM
1.35, which `make conformance` starts and whose table this is. No vendor's live account was tried.

"""


def results(path: Path) -> dict[str, dict[str, str]]:
    """connector → case → passed, FAILED or why it was left out."""
    found: dict[str, dict[str, str]] = {}
    for case in xml.parse(path).getroot().iter("testcase"):
        connector = case.get("classname", "").rsplit(".Test", 1)[-1]
        name = case.get("name", "").removeprefix("test_").replace("_", " ")
        skipped = case.find("skipped")
        failed = case.find("failure") is not None or case.find("error") is not None
        told = "FAILED" if failed else "passed" if skipped is None else skipped.get("message", "")
        found.setdefault(connector, {})[name] = told
    return found


def table(found: dict[str, dict[str, str]]) -> str:
    cases = list(next(iter(found.values())))
    reasons = sorted(
        {told for row in found.values() for told in row.values()} - {"passed", "FAILED"}
    )
    signs = {"passed": "✓", "FAILED": "**✗**"} | {
        reason: f"–{number}" for number, reason in enumerate(reasons, start=1)
    }
    lines = [f"| | {' | '.join(cases)} |", f"|---|{'---|' * len(cases)}"]
    for connector, row in found.items():
        lines.append(f"| {connector} | {' | '.join(signs[row[case]] for case in cases)} |")
    notes = [f"–{number}: {reason}" for number, reason in enumerate(reasons, start=1)]
    return "\n".join([*lines, "", *(f"{note}  " for note in notes)]).strip() + "\n"


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    target.write_text(INTRO + table(results(source)))
    print(f"The table is in {target}.")


if __name__ == "__main__":
    main()
