"""Every setting that is read stands in the documentation, and nothing else does."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
READ = re.compile(r'env\.\w+\(\s*"([A-Z_]+)"')
TOLD = re.compile(r"^\| `([A-Z_]+)`", re.MULTILINE)


def test_settings_and_their_documentation_name_the_same():
    read = set(READ.findall((ROOT / "site/customerinfo/settings.py").read_text()))
    page = (ROOT / "docs/settings.md").read_text().split("\n## ")[0]  # below: of tests and tools
    told = set(TOLD.findall(page))
    assert len(read) > 25
    # The vendors' clients are read by name, in a loop.
    assert told - read <= {"HUBSPOT_CLIENT_ID"}, told - read
    assert read - told == set()
