"""The chart: rendered by both major versions of helm with three sets of values, then looked at."""

import json
from pathlib import Path

import auto_devops as auto_devops_call
import policies
import yaml
from outcome import Failed, run
from programs import HELM, Programs

HERE = Path(__file__).resolve().parent
# The oldest that Chart.yaml allows and the newest that the validator knows.
KUBERNETES = ("1.30", "1.37")


def value_sets(root: Path) -> dict[str, list[str]]:
    """Name of the set -> arguments for helm, with the release's name first."""
    return {
        "auto-devops": auto_devops_call.arguments("production"),
        "auto-devops-canary": auto_devops_call.arguments("production", "canary"),
        "auto-devops-review": auto_devops_call.review_arguments(root),
        "production": ["production", "--values", str(HERE / "values/production.yaml")],
        "own-domains": ["production", "--values", str(HERE / "values/own-domains.yaml")],
        "minimal": ["try-out", "--values", str(HERE / "values/minimal.yaml")],
        "files in s3": [
            *("try-out", "--values", str(HERE / "values/minimal.yaml")),
            *("--set", "media.storage=s3,media.s3.url=s3://bucket/media?region=eu-central-1"),
        ],
    }


def rendered(root: Path, programs: Programs, version: str, name: str) -> list[dict]:
    """The manifests of one set of values; also written to rendered/ beside the programs."""
    release, *arguments = value_sets(root)[name]
    text = run(
        [
            programs.helm(version),
            *("template", release, root / "chart", "--namespace", "customerinfo"),
            *("--kube-version", KUBERNETES[-1], *arguments),
        ]
    ).stdout
    path = programs.folder / "rendered" / f"{name}-{version.replace(' ', '')}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def helm(root: Path, programs: Programs) -> str:
    """helm 3 and 4: lint --strict and template; both render the same."""
    seen = []
    for name, (_, *arguments) in value_sets(root).items():
        outputs = []
        for version in HELM:
            run([programs.helm(version), "lint", "--strict", "--quiet", root / "chart", *arguments])
            outputs.append(rendered(root, programs, version, name))
        if outputs[0] != outputs[1]:
            raise Failed(f"helm 3 and helm 4 render {name} differently")
        seen.append(f"{name} {len(outputs[0])}")
    versions = [run([programs.helm(v), "version", "--short"]).stdout.split("+")[0] for v in HELM]
    return f"helm {' and '.join(versions)}, manifests: {', '.join(seen)}"


def auto_devops(root: Path, programs: Programs) -> str:
    """What Auto DevOps relies on, and what a canary must leave alone."""
    found = policies.auto_devops_findings(
        rendered(root, programs, "helm 3", "auto-devops"),
        rendered(root, programs, "helm 3", "auto-devops-canary"),
    )
    found += policies.review_findings(rendered(root, programs, "helm 3", "auto-devops-review"))
    about = (root / "chart/Chart.yaml").read_text()
    if (root / "chart/charts").exists() or "dependencies:" in about:
        found.append("the chart has dependencies, which Auto DevOps would fetch at each deploy")
    if found:
        raise Failed("\n".join(found))
    return "Deployment names, canary, environment and hooks as Auto DevOps needs them"


def kubernetes(root: Path, programs: Programs) -> str:
    """Every manifest against Kubernetes' own schemas, strictly and without a warning."""
    custom = json.loads((HERE / "custom_resources.json").read_text())
    count = 0
    for name in value_sets(root):
        builtin = []
        for manifest in rendered(root, programs, "helm 3", name):
            count += 1
            if manifest["kind"] in custom["definitions"]:
                check_custom(programs, manifest)
            else:
                builtin.append(manifest)
        path = programs.folder / "rendered" / f"{name}.json"
        path.write_text("\n---\n".join(json.dumps(manifest) for manifest in builtin))
        for version in KUBERNETES:
            done = run(
                [programs.program("kubernetes-validate"), "--strict", "-k", version, path],
                check=False,
            )
            remarks = [
                line
                for line in (done.stdout + done.stderr).splitlines()
                if line.strip() and not line.startswith("INFO")
            ]
            if done.returncode or remarks:
                raise Failed(f"{name}, Kubernetes {version}:\n" + "\n".join(remarks[:20]))
    return f"{count} manifests fit Kubernetes {' and '.join(KUBERNETES)}"


def check_custom(programs: Programs, manifest: dict) -> None:
    path = programs.folder / "rendered" / "custom.json"
    path.write_text(json.dumps(manifest))
    schema = programs.folder / "rendered" / "custom-schema.json"
    definition = json.loads((HERE / "custom_resources.json").read_text())
    schema.write_text(json.dumps({**definition, "$ref": f"#/definitions/{manifest['kind']}"}))
    run([programs.program("check-jsonschema"), "--schemafile", schema, path])


def policy(root: Path, programs: Programs) -> str:
    """The restricted Pod Security Standard, and the rules of this house."""
    pods, found = 0, []
    for name in value_sets(root):
        manifests = rendered(root, programs, "helm 3", name)
        pods += sum(policies.pod_template(manifest) is not None for manifest in manifests)
        found += [f"{name}: {finding}" for finding in policies.findings(manifests)]
    if found:
        raise Failed("\n".join(sorted(set(found))))
    return f"{pods} pods within the restricted standard"
