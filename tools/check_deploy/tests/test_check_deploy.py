"""Each check is shown to fail when its subject is broken: a copy is broken, the check run on it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).resolve().parents[3]
RUN = ROOT / "tools/check_deploy/run"
SUBJECTS = (
    "Dockerfile",
    ".dockerignore",
    "compose.yaml",
    "renovate.json",
    ".gitlab-ci.yml",
    "requirements",
    "chart",
    "docs",
)


def check(root: Path, *steps: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(RUN), "--root", str(root), *steps],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def copy(tmp_path):
    for name in SUBJECTS:
        source = ROOT / name
        take = shutil.copytree if source.is_dir() else shutil.copy
        take(source, tmp_path / name)
    return tmp_path


# (step, file, what is replaced, by what, words of the complaint)
BROKEN = {
    "a base image without a version": (
        *("dockerfile", "Dockerfile", "python:3.11.18-slim-bookworm AS", "python AS"),
        "DL3006",
    ),
    "a base image that moves": (
        *("dockerfile", "Dockerfile", "python:3.11.18-slim-bookworm AS", "python:3.11-slim AS"),
        "not pinned",
    ),
    "an image that runs as root": (
        *("dockerfile", "Dockerfile", "USER 10001:10001\n", ""),
        "numeric user",
    ),
    "an image and a chart with different users": (
        *("dockerfile", "Dockerfile", "USER 10001:10001", "USER 10002:10002"),
        "another user",
    ),
    "an image that doesn't tell its health": (
        *("dockerfile", "Dockerfile", "/healthz", "/elsewhere"),
        "HEALTHCHECK",
    ),
    "packages without hashes": (
        *("dockerfile", "Dockerfile", "--require-hashes ", ""),
        "without their hashes",
    ),
    "a context that takes everything": (
        *("dockerfile", ".dockerignore", "*\n!manage.py", "!manage.py"),
        ".dockerignore lets in",
    ),
    "a compose file with an unknown key": (
        *("compose", "compose.yaml", "    command: [valkey-server", "    comand: [valkey-server"),
        "comand",
    ),
    "a renovate file with a wrong value": (
        *("renovate", "renovate.json", '"prConcurrentLimit": 5', '"prConcurrentLimit": "five"'),
        "prConcurrentLimit",
    ),
    "a template that doesn't parse": (
        *("helm", "chart/templates/web.yaml", "{{- toYaml .Values.web.resources", "{{- toYaml ("),
        "web.yaml",
    ),
    "a template that makes no YAML": (
        *("helm", "chart/templates/beat.yaml", "  replicas: 1\n", " replicas: 1\n"),
        "beat.yaml",
    ),
    "a values schema that refuses what Auto DevOps passes": (
        "helm",
        "chart/values.schema.json",
        '"additionalHosts": {\n          "type": ["array", "string", "null"]',
        '"additionalHosts": {\n          "type": ["array"]',
        "additionalHosts",
    ),
    "a values schema that refuses keys it doesn't know": (
        "helm",
        "chart/values.schema.json",
        '"commonName": {',
        '"commonNames": {"type": "string"}}, "additionalProperties": false, "more": {"x": {',
        "service",
    ),
    "a web Deployment that Auto DevOps doesn't find": (
        "auto-devops",
        "chart/templates/web.yaml",
        'name: {{ include "customerinfo.name" . }}\n',
        'name: {{ include "customerinfo.name" . }}-web\n',
        "wait for ever",
    ),
    "secrets of the environment that something overrides": (
        "auto-devops",
        "chart/templates/_helpers.tpl",
        "{{- with .Values.application.secretName }}",
        "{{- with .Values.application.other }}",
        "K8S_SECRET_",
    ),
    "migrations after the new code": (
        "auto-devops",
        "chart/templates/migrate.yaml",
        "pre-install,pre-upgrade",
        "post-upgrade",
        "migrations run at",
    ),
    "a canary that brings a clock": (
        "auto-devops",
        "chart/templates/beat.yaml",
        'and (include "customerinfo.stable" .) ',
        "and true ",
        "canary: Deployments are",
    ),
    "a canary that takes over the Ingress": (
        "auto-devops",
        "chart/templates/ingress.yaml",
        'if and (include "customerinfo.stable" .) '
        '(include "customerinfo.on" .Values.ingress.enabled) '
        '(include "customerinfo.on" .Values.service.enabled)',
        "if true",
        "canary: brings a second Ingress",
    ),
    "a chart with dependencies": (
        "auto-devops",
        "chart/Chart.yaml",
        "type: application",
        "type: application\ndependencies: []",
        "dependencies",
    ),
    "a field that Kubernetes doesn't know": (
        *("kubernetes", "chart/templates/web.yaml", "startupProbe:", "startProbe:"),
        "startProbe",
    ),
    "a value of the wrong type": (
        *("kubernetes", "chart/templates/hpa.yaml", ".Values.hpa.maxReplicas }}", '"ten" }}'),
        "ten",
    ),
    "an alert without severity": (
        "kubernetes",
        "chart/templates/monitoring.yaml",
        "labels: {severity: critical}",
        "labels: {}",
        "severity",
    ),
    "a pod that may be root": (
        *("policy", "chart/templates/_helpers.tpl", "runAsNonRoot: true", "runAsNonRoot: false"),
        "may run as root",
    ),
    "a pod that may gain privileges": (
        "policy",
        "chart/templates/_helpers.tpl",
        "allowPrivilegeEscalation: false",
        "privileged: true",
        "privilege",
    ),
    "a pod without a seccomp profile": (
        *("policy", "chart/templates/_helpers.tpl", "RuntimeDefault", "Unconfined"),
        "seccomp",
    ),
    "a pod with capabilities": (
        *("policy", "chart/templates/try-out.yaml", "drop: [ALL]", "add: [SYS_ADMIN]"),
        "capabilities",
    ),
    "a pod with a folder of the host": (
        "policy",
        "chart/templates/_helpers.tpl",
        "emptyDir:\n      sizeLimit: 2Gi",
        "hostPath: {path: /}",
        "hostPath",
    ),
    "a pod that writes where it likes": (
        "policy",
        "chart/templates/_helpers.tpl",
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
        "root file system",
    ),
    "a pod with a token": (
        "policy",
        "chart/templates/_helpers.tpl",
        "automountServiceAccountToken: false",
        "automountServiceAccountToken: true",
        "token",
    ),
    "a pod without limits": (
        *("policy", "chart/templates/beat.yaml", "toYaml .Values.beat.resources", "toYaml dict"),
        "memory",
    ),
    "an update that takes pods away": (
        *("policy", "chart/templates/web.yaml", "maxUnavailable: 0", "maxUnavailable: 1"),
        "takes pods away",
    ),
    "a web pod that stops at once": (
        *("policy", "chart/templates/web.yaml", "preStop:", "postStart:"),
        "wait for the proxies",
    ),
    "two clocks": (
        *("policy", "chart/templates/beat.yaml", "type: Recreate", "type: RollingUpdate"),
        "two clocks",
    ),
    "a Secret that nobody makes": (
        *("policy", "chart/templates/environment.yaml", "kind: Secret", "kind: ConfigMap"),
        "there is no Secret",
    ),
    "a Service that selects nothing": (
        "policy",
        "chart/templates/service.yaml",
        'include "customerinfo.component" (list . "web")',
        'include "customerinfo.component" (list . "site")',
        "selects no pod",
    ),
    "certificates for whatever name somebody points here": (
        *("policy", "chart/templates/caddy.yaml", "    ask http", "    # ask http"),
        "for any name",
    ),
    "a proxy that leads nowhere": (
        *("policy", "chart/templates/caddy.yaml", "proxy {{ $web }}", "proxy web:1"),
        "no Service web:1",
    ),
    "a proxy that goes on with its old file": (
        "policy",
        "chart/templates/caddy.yaml",
        'include "customerinfo.caddyfile" . | sha256sum',
        ".Values.caddy.email | sha256sum",
        "no pod starts again",
    ),
    "a pod count that fights the autoscaler": (
        "policy",
        "chart/templates/web.yaml",
        "{{- if not (and",
        "{{- if (or true",
        "reset the number",
    ),
    "an alert that the runbook doesn't know": (
        *("runbook", "chart/files/alerts.yaml", "#queue-long", "#queue-very-long"),
        "no “queue-very-long”",
    ),
    "a runbook that doesn't say what to do": (
        *("runbook", "docs/runbook.md", "**Do** What it says.", "Good luck."),
        "“needs-a-person” in the runbook lacks Do",
    ),
    "an alert that never fires": (
        *("alerts", "chart/files/alerts.yaml", "redis_up == 0", "redis_up == 2"),
        "CustomerInfoRedisDown",
    ),
    "an alert that fires when all is well": (
        *("alerts", "chart/files/alerts.yaml", "_behind > 0", "_behind >= 0"),
        "CustomerInfoSchemasBehind",
    ),
    "a panel whose query can't be read": (
        *("alerts", "chart/files/dashboard.json", "sum by (state) (", "sum by state ("),
        "panels.json",
    ),
    "a pipeline with a value that GitLab doesn't know": (
        *("ci-schema", ".gitlab-ci.yml", "    when: always", "    when: forever"),
        "forever",
    ),
    "a job that extends nothing": (
        *("ci-pipeline", ".gitlab-ci.yml", "lint:\n  extends: .python", "lint:\n  extends: .pyton"),
        "pyton",
    ),
    "a pipeline with the generic test job": (
        *("ci-pipeline", ".gitlab-ci.yml", 'TEST_DISABLED: "true"', 'TEST_DISABLED: ""'),
        "test would run by itself",
    ),
    "a production that deploys itself": (
        "ci-pipeline",
        ".gitlab-ci.yml",
        '  STAGING_ENABLED: "1"\n  CANARY_ENABLED: "1"\n',
        "",
        "staging runs never",
    ),
    "a review app that writes into production's backups": (
        *("ci-pipeline", ".gitlab-ci.yml", "      --set backup.enabled=false\n", ""),
        "would write backups",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_check_fails_on(name, copy):
    step, file, old, new, complaint = BROKEN[name]
    path = copy / file
    text = path.read_text()
    assert old in text, f"{file} has changed: break it in another way"
    path.write_text(text.replace(old, new))

    done = check(copy, step)

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^failed +{step} ", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert re.search(complaint, done.stdout), done.stdout


def test_an_unbroken_copy_passes(copy):
    steps = sorted({broken[0] for broken in BROKEN.values()})

    done = check(copy, *steps)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(steps)} ok, 0 failed, 0 skipped" in done.stdout


@pytest.mark.skipif(not shutil.which("rsync"), reason="needs rsync (apt-get install rsync)")
@pytest.mark.parametrize(
    "step, rule, complaint",
    [
        ("ci-lint-job", "lint:\n\t@echo a mistake; exit 3\n", "the lint job fails:.*a mistake"),
        ("ci-tests-job", "suite:\n\t@echo a mistake; exit 3\n", "the tests job fails:.*a mistake"),
        ("ci-tests-job", "suite:\n\t@true\n", "have left 0 JUnit files"),
    ],
)
def test_a_job_that_fails_or_leaves_no_report_fails_the_check(step, rule, complaint, copy):
    (copy / "Makefile").write_text(rule)

    done = check(copy, step)

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^failed +{step} .*{complaint}", done.stdout, re.MULTILINE | re.DOTALL)


def test_a_machine_without_buildah_skips_the_image_and_says_what_it_needs(copy, tmp_path):
    done = check(copy, "image", "image-run", PATH=str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 ok, 0 failed, 2 skipped" in done.stdout
    assert done.stdout.count("apt-get install buildah") == 2


def test_an_unknown_step_is_a_mistake(copy):
    done = check(copy, "helmet")

    assert done.returncode == 2
    assert "no such step: helmet" in done.stderr
