"""The arguments with which GitLab's auto-deploy image calls `helm upgrade --install`.

Written down from the script of auto-deploy-image and its older form in the CI template: the union
of what either passes, with the values as they come from a project whose CI variables are those
of .gitlab-ci.yml. Values that are empty there are empty here.
"""


def arguments(track: str) -> list[str]:
    """`track` is stable, canary or rollout."""
    stable = track == "stable"
    name = "production" if stable else f"production-{track}"
    values = {
        "service.enabled": "true" if stable else "false",
        "gitlab.app": "shop-customerinfo",
        "gitlab.env": "production",
        "gitlab.envName": "production",
        "gitlab.envURL": "http://shop-customerinfo.apps.example",
        "gitlab.projectID": "42",
        "releaseOverride": "production",
        "image.repository": "registry.example/shop/customerinfo/main",
        "image.tag": "0123456789abcdef0123456789abcdef01234567",
        "image.pullPolicy": "IfNotPresent",
        # Empty for a public project.
        "image.secrets[0].name": "gitlab-registry" if stable else "",
        "application.track": track,
        "application.tier": "web",
        "application.database_url": "",
        "application.secretName": f"{name}-secret",
        "application.secretChecksum": "5f70bf18" * 8,
        "application.initializeCommand": "",
        "application.migrateCommand": "",
        "service.commonName": "le-42.apps.example",
        "service.url": "http://shop-customerinfo.apps.example",
        "service.additionalHosts": "{club.shop.example,join.other.example}" if stable else "",
        "replicaCount": "2" if stable else "1",
        "postgresql.managed": "",
        "postgresql.managedClassSelector": "",
        "postgresql.enabled": "false",
        "postgresql.nameOverride": "postgres",
        "postgresql.postgresUser": "user",
        "postgresql.postgresPassword": "testing-password",
        "postgresql.postgresDatabase": "production",
        "postgresql.imageTag": "18",
        "ingress.modSecurity.enabled": "",
        "ingress.modSecurity.secRuleEngine": "DetectionOnly",
    }
    words = []
    for key, value in values.items():
        words += ["--set", f"{key}={value}"]
    return words
