"""Rules over rendered manifests. Each function returns what is wrong, in words."""

import hashlib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

# Pod Security Standards, "restricted": volumes that a pod may use.
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC", "hostUsers")


def pod_template(manifest: dict) -> dict | None:
    """The pod that a manifest makes: {"metadata": …, "spec": …}, or None."""
    kind, spec = manifest["kind"], manifest.get("spec", {})
    if kind == "Pod":
        return manifest
    if kind in {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"}:
        return spec["template"]
    if kind == "CronJob":
        return spec["jobTemplate"]["spec"]["template"]
    return None


def findings(manifests: list[dict]) -> list[str]:
    """Every breach of the restricted standard and of the house's rules."""
    found = []
    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        pod = pod_template(manifest)
        if pod:
            found += [f"{name}: {text}" for text in restricted(pod["spec"])]
            found += [f"{name}: {text}" for text in house_rules(manifest, pod)]
    return [*found, *references(manifests), *closed_ports(manifests)]


def restricted(spec: dict) -> Iterator[str]:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    own = spec.get("securityContext", {})
    for field in HOST_FIELDS:
        if spec.get(field):
            yield f"{field} is set"
    for volume in spec.get("volumes", []):
        for kind in set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is of kind {kind}"
    for key in ("sysctls", "windowsOptions"):
        if own.get(key):
            yield f"securityContext.{key} is set"
    for container in containers(spec):
        name, context = container["name"], container.get("securityContext", {})
        if context.get("privileged"):
            yield f"{name} is privileged"
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name} doesn't forbid privilege escalation"
        capabilities = context.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", []):
            yield f"{name} doesn't drop all capabilities"
        if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{name} adds capabilities"
        if context.get("runAsNonRoot", own.get("runAsNonRoot")) is not True:
            yield f"{name} may run as root"
        if context.get("runAsUser", own.get("runAsUser")) == 0:
            yield f"{name} runs as root"
        seccomp = context.get("seccompProfile", own.get("seccompProfile", {})).get("type")
        if seccomp not in {"RuntimeDefault", "Localhost"}:
            yield f"{name} has no seccomp profile"
        if context.get("procMount", "Default") != "Default" or context.get("seLinuxOptions"):
            yield f"{name} changes procMount or SELinux"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{name} takes a port of the host"


def house_rules(manifest: dict, pod: dict) -> Iterator[str]:
    """What the standard leaves open."""
    spec = pod["spec"]
    if spec.get("automountServiceAccountToken") is not False:
        yield "carries a token for the Kubernetes API"
    for container in containers(spec):
        name = container["name"]
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{name} may write to its root file system"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= set(resources.get("requests", {})):
            yield f"{name} requests no cpu or memory"
        if "memory" not in resources.get("limits", {}):
            yield f"{name} has no memory limit"
        if container["image"].endswith(":latest") or ":" not in container["image"]:
            yield f"{name}'s image is not pinned to a version"
        for variable in container.get("env", []):
            if "value" in variable and is_secret(variable["name"]):
                yield f"{name} has {variable['name']} in plain sight"
    if manifest["kind"] != "Deployment":
        return
    strategy = manifest["spec"].get("strategy", {})
    component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
    if component == "beat":
        if strategy.get("type") != "Recreate" or manifest["spec"].get("replicas") != 1:
            yield "there could be two clocks"
    elif strategy.get("rollingUpdate", {}).get("maxUnavailable") != 0:
        yield "an update takes pods away before new ones are ready"
    if component == "web":
        for container in containers(spec):
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                if probe not in container:
                    yield f"{container['name']} has no {probe}"
            drain = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
            if not 0 < drain.get("seconds", 0) < spec.get("terminationGracePeriodSeconds", 30):
                yield "a stopping pod doesn't wait for the proxies"


def references(manifests: list[dict]) -> Iterator[str]:
    """Names that point nowhere, and selectors that select nothing."""
    kinds = {(m["kind"], m["metadata"]["name"]): m for m in manifests}
    templates = list(filter(None, map(pod_template, manifests)))
    pods = [each["metadata"].get("labels", {}) for each in templates]
    environments = ("production", "production-canary", "review-topic-a1b2c3")
    given = {"customerinfo-secrets", *(f"{name}-secret" for name in environments)}
    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        pod = pod_template(manifest)
        for source in (
            source
            for container in (containers(pod["spec"]) if pod else [])
            for source in container.get("envFrom", [])
        ):
            for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                target = source.get(key, {}).get("name")
                if target and target not in given and (kind, target) not in kinds:
                    yield f"{name}: there is no {kind} {target}"
        if manifest["kind"] == "Service":
            wanted = manifest["spec"]["selector"].items()
            if not any(wanted <= labels.items() for labels in pods):
                yield f"{name} selects no pod"
        if "Caddyfile" in manifest.get("data", {}):
            yield from caddy_findings(name, manifest["data"]["Caddyfile"], kinds)
            digest = hashlib.sha256(manifest["data"]["Caddyfile"].strip().encode()).hexdigest()
            annotated = [each["metadata"].get("annotations", {}) for each in templates]
            if not any(digest in each.values() for each in annotated):
                yield f"{name}: no pod starts again when it changes"
        if manifest["kind"] == "Ingress":
            for rule in manifest["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    service = path["backend"]["service"]["name"]
                    if ("Service", service) not in kinds:
                        yield f"{name}: there is no Service {service}"
        if manifest["kind"] == "HorizontalPodAutoscaler":
            target = kinds.get(("Deployment", manifest["spec"]["scaleTargetRef"]["name"]))
            if not target:
                yield f"{name} scales nothing"
            elif "replicas" in target["spec"]:
                yield f"{name}: each deploy would reset the number of pods"


def closed_ports(manifests: list[dict]) -> Iterator[str]:
    """Ports that a container shows, and that no NetworkPolicy of ours lets anybody reach."""
    policies = [
        manifest["spec"]
        for manifest in manifests
        if manifest["kind"] == "NetworkPolicy" and "Ingress" in manifest["spec"]["policyTypes"]
    ]
    for manifest in manifests:
        pod = pod_template(manifest)
        labels = pod["metadata"].get("labels", {}) if pod else {}
        chosen = [policy for policy in policies if is_chosen(labels, policy["podSelector"])]
        if not pod or not chosen:  # what no policy selects is open
            continue
        open_ports = {
            port["port"]
            for policy in chosen
            for rule in policy.get("ingress", [])
            for port in rule.get("ports", [])
        }
        for container in containers(pod["spec"]):
            for port in container.get("ports", []):
                if not {port["containerPort"], port["name"]} & open_ports:
                    name = f"{manifest['kind']} {manifest['metadata']['name']}"
                    yield f"{name}: no NetworkPolicy lets anybody reach its port {port['name']}"


def is_chosen(labels: dict, selector: dict) -> bool:
    """Whether a label selector takes a pod with these labels."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for rule in selector.get("matchExpressions", []):
        value, values = labels.get(rule["key"]), rule.get("values", [])
        fits = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not fits[rule["operator"]]:
            return False
    return True


def caddy_findings(name: str, text: str, kinds: dict) -> Iterator[str]:
    """It may fetch certificates, and sends requests on, only as a Service of ours says."""
    asks = re.findall(r"^\s*ask http://([^/:\s]+):(\d+)/tls-ask$", text, re.MULTILINE)
    if not asks:
        yield f"{name}: would fetch a certificate for any name that somebody points here"
    for host, port in [*asks, *re.findall(r"reverse_proxy ([^:\s]+):(\d+)", text)]:
        service = kinds.get(("Service", host))
        if not service or int(port) not in [p["port"] for p in service["spec"]["ports"]]:
            yield f"{name}: there is no Service {host}:{port}"


def auto_devops_findings(stable: list[dict], canary: list[dict]) -> list[str]:
    """`kubectl rollout status deployment/<release>` ends both deploys."""
    return [*_stable(stable), *_canary(stable, canary)]


def _stable(manifests: list[dict]) -> Iterator[str]:
    deployments = {m["metadata"]["name"]: m for m in manifests if m["kind"] == "Deployment"}
    web = deployments.get("production")
    if not web or component_of(web) != "web":
        yield "stable: no web Deployment is called production, Auto DevOps would wait for ever"
    if sorted(map(component_of, deployments.values())) != ["beat", "web", "worker"]:
        yield f"stable: Deployments are {sorted(deployments)}"
    for name, deployment in deployments.items():
        sources = [
            source["secretRef"]["name"]
            for container in containers(pod_template(deployment)["spec"])
            for source in container.get("envFrom", [])
            if "secretRef" in source
        ]
        if not sources or sources[-1] != "production-secret":
            yield f"stable: {name} doesn't read K8S_SECRET_ variables, or something overrides them"
    migrate = [m for m in manifests if m["kind"] == "Job"]
    hooks = [m["metadata"].get("annotations", {}).get("helm.sh/hook") for m in migrate]
    if hooks != ["pre-install,pre-upgrade"]:
        yield f"stable: migrations run at {hooks}"
    hosts = {
        rule["host"] for m in manifests if m["kind"] == "Ingress" for rule in m["spec"]["rules"]
    }
    wanted = {
        "shop-customerinfo.apps.example",
        "*.shop-customerinfo.apps.example",
        "club.shop.example",
        "join.other.example",
    }
    if hosts != wanted:
        yield f"stable: the Ingress serves {sorted(hosts)}"
    urls = {m["data"].get("BASE_URL") for m in manifests if m["kind"] == "ConfigMap"}
    if urls != {"https://shop-customerinfo.apps.example"}:
        yield f"stable: BASE_URL is {urls}"


def review_findings(manifests: list[dict]) -> Iterator[str]:
    """A review app has a database of its own, and leaves nothing behind when its branch goes."""
    services = {m["metadata"]["name"] for m in manifests if m["kind"] == "Service"}
    for secret in (m for m in manifests if m["kind"] == "Secret"):
        url = secret.get("stringData", {}).get("DATABASE_URL")
        if url and urlsplit(url).hostname not in services:
            yield f"review: {secret['metadata']['name']} leads to {urlsplit(url).hostname}"
    for manifest in manifests:
        kept = manifest["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
        if kept or manifest["kind"] == "CronJob":
            yield f"review: {manifest['kind']} {manifest['metadata']['name']} outlives its branch"


def _canary(stable: list[dict], canary: list[dict]) -> Iterator[str]:
    deployments = [m for m in canary if m["kind"] == "Deployment"]
    if [m["metadata"]["name"] for m in deployments] != ["production-canary"]:
        yield f"canary: Deployments are {[m['metadata']['name'] for m in deployments]}"
    for manifest in canary:
        if manifest["kind"] in {"Service", "Ingress", "HorizontalPodAutoscaler", "CronJob"}:
            yield f"canary: brings a second {manifest['kind']}"
    names = {(m["kind"], m["metadata"]["name"]) for m in stable}
    for manifest in canary:
        if (manifest["kind"], manifest["metadata"]["name"]) in names:
            yield f"canary: {manifest['kind']} {manifest['metadata']['name']} belongs to stable"
    for service in (m for m in stable if m["kind"] == "Service"):
        for deployment in deployments:
            labels = deployment["spec"]["template"]["metadata"]["labels"]
            if not service["spec"]["selector"].items() <= labels.items():
                yield "canary: gets no traffic from the stable Service"
    for one in deployments:
        for other in (m for m in stable if m["kind"] == "Deployment"):
            labels = one["spec"]["template"]["metadata"]["labels"]
            if other["spec"]["selector"]["matchLabels"].items() <= labels.items():
                yield f"canary: its pods belong to {other['metadata']['name']} as well"


def containers(spec: dict) -> list[dict]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def component_of(manifest: dict) -> str:
    return pod_template(manifest)["metadata"]["labels"]["app.kubernetes.io/component"]


def is_secret(name: str) -> bool:
    return any(word in name for word in ("SECRET", "PASSWORD", "TOKEN", "KEYS", "DATABASE_URL"))
