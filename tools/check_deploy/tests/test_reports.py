"""A tests job that leaves no reports, or whose coverage GitLab can't read, is noticed."""

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.deploy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ci  # noqa: E402
from outcome import Failed  # noqa: E402

JUNIT = "<testsuites><testsuite><testcase name='a'/>{}</testsuite></testsuites>"
COBERTURA = "<coverage line-rate='0.96' lines-valid='100'/>"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "junit-1.xml").write_text(JUNIT.format("<testcase name='b'/>"))
    (tmp_path / "junit-2.xml").write_text(JUNIT.format(""))
    (tmp_path / "coverage.xml").write_text(COBERTURA)
    return tmp_path


def test_complete_reports_are_read(folder):
    assert ci.reports(folder) == (3, 0.96, 100)


@pytest.mark.parametrize(
    "name, text, complaint",
    [
        ("junit-2.xml", None, "left 1 JUnit files"),
        ("junit-2.xml", "<testsuites/>", "holds no test"),
        ("coverage.xml", None, "no Cobertura report"),
    ],
)
def test_a_report_that_is_missing_or_empty_is_named(name, text, complaint, folder):
    (folder / name).unlink() if text is None else (folder / name).write_text(text)
    with pytest.raises(Failed, match=complaint):
        ci.reports(folder)


def test_the_coverage_is_the_last_that_the_pattern_finds():
    pattern = r"/^TOTAL.*? (\d+(?:\.\d+)?)%/"
    output = "TOTAL  100  10  20  4  88.0%\nsome words\nTOTAL  200  4  20  1  96.5%\n"
    assert ci.covered_by(pattern, output) == "96.5"
    assert ci.covered_by(pattern, "Total coverage: 96.5 %") is None
