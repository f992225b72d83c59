"""Alerts, dashboard and runbook."""

import json
import re
import shutil
import tempfile
from pathlib import Path

from outcome import Failed, Skipped, run
from programs import Programs

HERE = Path(__file__).resolve().parent
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
RUNBOOK = re.compile(r"runbook_url: .*#(\S+)")


def runbook(root: Path, programs: Programs) -> str:
    """Each alert has its heading in the runbook with its three parts, and each heading an alert."""
    text = (root / "docs/runbook.md").read_text()
    parts = HEADING.split(text)[1:]
    headings = {anchor(title): body for title, body in zip(parts[::2], parts[1::2])}
    rules = (root / "chart/files/alerts.yaml").read_text()
    rules += (root / "chart/templates/monitoring.yaml").read_text()
    wanted = RUNBOOK.findall(rules)
    found = [f"the runbook has no “{name}”" for name in sorted(set(wanted) - headings.keys())]
    found += [f"no alert is about “{name}”" for name in sorted(headings.keys() - set(wanted))]
    if len(wanted) != rules.count("- alert:"):
        found.append("an alert names no place in the runbook")
    for name, body in headings.items():
        missing = [part for part in ("Means", "Look at", "Do") if f"**{part}**" not in body]
        found += [f"“{name}” in the runbook lacks {' and '.join(missing)}"] if missing else []
    if found:
        raise Failed("\n".join(found))
    return f"{len(wanted)} alerts, each in the runbook"


def anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def alerts(root: Path, programs: Programs) -> str:
    """promtool: the rules, what makes each of them fire, and the dashboard's queries."""
    promtool = shutil.which("promtool")
    if not promtool:
        raise Skipped("needs promtool (apt-get install prometheus)")
    with tempfile.TemporaryDirectory(prefix="check-deploy-") as name:
        folder = Path(name)
        shutil.copy(root / "chart/files/alerts.yaml", folder)
        shutil.copy(HERE / "alert_tests.yaml", folder)
        queries = queries_of(root / "chart/files/dashboard.json")
        rules = [{"record": f"panel:{number}", "expr": q} for number, q in enumerate(queries)]
        panels = {"groups": [{"name": "panels", "rules": rules}]}
        (folder / "panels.json").write_text(json.dumps(panels))
        for file in ("alerts.yaml", "panels.json"):
            run([promtool, "check", "rules", "--lint=all", "--lint-fatal", folder / file])
        run([promtool, "test", "rules", folder / "alert_tests.yaml"], cwd=folder)
    return f"alerts fire and are silent as they should; {len(queries)} queries can be read"


def queries_of(dashboard: Path) -> list[str]:
    """Every panel's, in order."""
    panels = json.loads(dashboard.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [query.replace("$namespace", ".*") for query in asked]
