"""The steps, in the order in which they run. A step takes the tree to check and the programs,
returns what it saw in a few words, and raises `Failed` or `Skipped`."""

from collections.abc import Callable
from pathlib import Path

import ci
import environment
import files
import image
import manifests
import observatory
import watching
from programs import Programs

STEPS: dict[str, Callable[[Path, Programs], str]] = {
    "dockerfile": files.dockerfile,
    "compose": files.compose,
    "renovate": files.renovate,
    "helm": manifests.helm,
    "auto-devops": manifests.auto_devops,
    "kubernetes": manifests.kubernetes,
    "policy": manifests.policy,
    "runbook": watching.runbook,
    "alerts": watching.alerts,
    "settings": environment.settings,
    "observatory": observatory.scan,
    "ci-schema": ci.schema,
    "ci-pipeline": ci.pipeline,
    "ci-lint-job": ci.lint_job,
    "ci-tests-job": ci.tests_job,
    "image": image.build,
    "image-run": image.start,
}
