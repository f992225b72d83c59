"""The lint step that keeps unsafe ways into a schema out of the code."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "tenant_contexts.py"


def run_on(folder: Path, source: str) -> subprocess.CompletedProcess:
    (folder / "tools").mkdir()
    (folder / "tools" / SCRIPT.name).write_text(SCRIPT.read_text())
    (folder / "tenants").mkdir()
    (folder / "tenants" / "code.py").write_text(source)
    script = str(folder / "tools" / SCRIPT.name)
    return subprocess.run([sys.executable, script], capture_output=True, text=True)


@pytest.mark.parametrize(
    "source",
    [
        "@schema_context('r_acorn')\ndef work(): ...",
        "@utils.tenant_context(retailer)\nclass Work: ...",
        "with retailer:\n    pass",
        "with lock, self.tenant:\n    pass",
    ],
)
def test_an_unsafe_way_into_a_schema_is_refused(tmp_path, source):
    done = run_on(tmp_path, source)
    assert done.returncode == 1
    assert "tenants/code.py:1:" in done.stdout


def test_the_safe_way_is_not(tmp_path):
    source = "with tenant_context(retailer), schema_context('r_acorn'):\n    pass"
    assert run_on(tmp_path, source).returncode == 0


def test_our_own_code_is_clean():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
