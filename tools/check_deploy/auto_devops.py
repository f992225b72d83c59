"""The arguments with which GitLab's auto-deploy image (v2) calls `helm upgrade --install`.

Written down from its script, with the values as they come from a project whose CI variables are
those of .gitlab-ci.yml. Values that are empty there are empty here.
"""

import re
from pathlib import Path


def arguments(environment: str, track: str = "stable") -> list[str]:
    """`environment` is its slug, `track` stable, canary or rollout; the release's name first."""
    stable = track == "stable"
    name = environment if stable else f"{environment}-{track}"
    url = "http://shop-customerinfo.apps.example"
    database = f"postgres://user:testing-password@{environment}-postgresql:5432/db"
    values = {
        "gitlab.app": "shop-customerinfo",
        "gitlab.env": environment,
        "gitlab.envName": environment,
        "gitlab.envURL": url,
        "gitlab.projectID": "42",
        "releaseOverride": environment,
        "image.repository": "registry.example/shop/customerinfo/main",
        "application.track": track,
        # Always passed, also where nothing answers there.
        "application.database_url": database,
        "application.secretName": f"{name}-secret",
        "application.secretChecksum": "5f70bf18" * 8,
        "service.commonName": "le-42.apps.example",
        "service.url": url,
        "service.additionalHosts": "{club.shop.example,join.other.example}" if stable else "",
        "replicaCount": "2" if stable else "1",
        "ingress.canary.weight": "100",
        "postgresql.managed": "",
        "postgresql.managedClassSelector": "",
        "application.initializeCommand": "",
        "application.migrateCommand": "",
    }
    words = [name, "--set-string", "image.tag=0123456789abcdef0123456789abcdef01234567"]
    # From a file of values: of a public project null, for others the registry's login.
    words += ["--set", "image.secrets[0].name=gitlab-registry" if stable else "image.secrets=null"]
    for key, value in values.items():
        words += ["--set", f"{key}={value}"]
    return words


def review_arguments(root: Path) -> list[str]:
    """A review app's: a file of values for all environments, then what .gitlab-ci.yml adds."""
    job = (root / ".gitlab-ci.yml").read_text().partition("\nreview:\n")[2]
    added = re.findall(r"^ +--set (\S+)$", job, re.MULTILINE)
    words = [*arguments("review-topic-a1b2c3"), "--set", "media.storage=claim"]
    for word in added:
        words += ["--set", word.replace("$POSTGRES_PASSWORD", "testing-password")]
    return words
