"""`deploy/chart` renders, Kubernetes accepts it, and its Pods have no privileges."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

import kubernetes_validate
import pytest
import yaml

from tests.support.deploy.render_chart import (
    CHART,
    ChartError,
    Manifest,
    lint_chart,
    render_chart,
)
from tests.support.paths import PROJECT
from workers.pulse import MAX_SILENCE_SECONDS
from workers.workflow_process import STOP_SECONDS

REQUIRED: Final[Manifest] = {
    "netbox": {"url": "https://netbox.example.com", "tokenSecret": {"name": "fabric-sync-netbox"}},
    "temporal": {"address": "temporal.example.com:7233"},
}

WEBHOOK: Final[Manifest] = {"enabled": True, "secret": {"name": "webhooks"}}

OPTIONS: Final[dict[str, Manifest]] = {
    "nothing more than required": {},
    "image by tag": {
        "image": {"repository": "registry.example.com/fabric-sync", "tag": "1.2.3"},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "image by digest": {"image": {"digest": f"sha256:{'a' * 64}", "pullPolicy": "Always"}},
    "other names": {"nameOverride": "sync"},
    "another full name": {"fullnameOverride": "sync"},
    "keys of Secrets": {
        "netbox": REQUIRED["netbox"] | {"tokenSecret": {"name": "other", "key": "netbox-token"}},
        "encryptionKeysSecret": {"name": "keys", "key": "keys.txt"},
    },
    "notifications": {"notificationsSecret": {"name": "notifications", "key": "them.toml"}},
    "Temporal with an API key": {
        "temporal": {
            "address": "ns.a1b2c.tmprl.cloud:7233",
            "namespace": "ns.a1b2c",
            "configSecret": {"name": "temporal", "key": "config.toml"},
        }
    },
    "credentials": {"credentials": {"berlin-dc1": {"secretName": "berlin"}}},
    "settings": {"settings": {"FABRIC_SYNC_ALLOWED_HOSTS": "*.example.com"}},
    "extra variables and volumes": {
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/own"}],
    },
    "sites": {
        "worker": {"replicas": 3},
        "sites": [
            {"name": "oslo", "credentials": {"oslo-dc2": {"secretName": "oslo"}}},
            {"name": "rio", "taskQueue": "Rio / 2", "replicas": 0},
        ],
    },
    "only a site": {"worker": {"enabled": False}, "sites": [{"name": "oslo"}]},
    "versioned workers": {"versioning": {"deploymentName": "fabric-sync"}},
    "another build": {"versioning": {"deploymentName": "fabric-sync", "buildId": "b7"}},
    "a long shutdown": {"gracefulShutdownSeconds": 120},
    "resources": {
        "resources": {
            "requests": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "2Gi"},
            "limits": {"memory": "4Gi", "ephemeral-storage": "20Gi"},
        }
    },
    "metrics for Prometheus": {
        "metrics": {
            "port": 9000,
            "serviceMonitor": {"enabled": True, "labels": {"release": "p"}, "interval": "30s"},
            "prometheusRule": {"enabled": True, "labels": {"release": "p"}},
        }
    },
    "webhooks": {
        "webhook": WEBHOOK
        | {
            "port": 9001,
            "secret": {"name": "webhooks", "key": "secrets"},
            "service": {"type": "NodePort", "port": 8080},
        }
    },
    "webhooks from outside": {
        "webhook": WEBHOOK
        | {
            "ingress": {
                "enabled": True,
                "className": "nginx",
                "annotations": {"example.com/a": "b"},
                "host": "sync.example.com",
                "tlsSecretName": "sync-tls",
            }
        }
    },
    "a ServiceAccount of one's own": {"serviceAccount": {"create": False, "name": "own"}},
    "a ServiceAccount with annotations": {"serviceAccount": {"annotations": {"a": "b"}}},
    "no disruption budget": {"podDisruptionBudget": {"enabled": False}},
    "another disruption budget": {"podDisruptionBudget": {"maxUnavailable": "50%"}},
    "a network policy": {
        "webhook": WEBHOOK,
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
            "webhookFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
            "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
        },
    },
    "Pods": {
        "podAnnotations": {"a": "b"},
        "podLabels": {"team": "network"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [],
        "priorityClassName": "high",
    },
}
"""Values beside the required ones, by what they are for. Together they set each value of the chart."""

CHECKED_BY_NOBODY: Final = {"PrometheusRule", "ServiceMonitor"}
"""Kinds without a schema; each has a test of its own."""


@pytest.fixture(scope="module")
def releases() -> dict[str, list[Manifest]]:
    """The objects of a release with each of the options."""
    rendered = render_chart(*(REQUIRED | values for values in OPTIONS.values()))
    return dict(zip(OPTIONS, rendered, strict=True))


@pytest.fixture(params=OPTIONS)
def release(request: pytest.FixtureRequest, releases: dict[str, list[Manifest]]) -> list[Manifest]:
    """The objects of a release with one of the options."""
    return releases[request.param]


def select(release: list[Manifest], kind: str) -> list[Manifest]:
    """Return the objects of a kind."""
    return [manifest for manifest in release if manifest["kind"] == kind]


def pods(release: list[Manifest]) -> list[Manifest]:
    """Return the specs of the Pods."""
    return [manifest["spec"]["template"]["spec"] for manifest in select(release, "Deployment")]


def variables(pod: Manifest) -> dict[str, str]:
    """Return the variables of a worker."""
    return {variable["name"]: variable["value"] for variable in pod["containers"][0]["env"]}


def mounted_secrets(pod: Manifest) -> dict[str, str]:
    """Return the names of mounted Secrets by their paths."""
    secrets = {v["name"]: v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
    mounts = pod["containers"][0]["volumeMounts"]
    return {m["mountPath"]: secrets[m["name"]] for m in mounts if m["name"] in secrets}


def leaves(values: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each value that is no mapping with values of its own."""
    if isinstance(values, dict) and values:
        for name, value in values.items():
            yield from leaves(value, (*path, name))
    else:
        yield path


@pytest.mark.parametrize("kubernetes_version", ["1.28", "1.37"])
def test_kubernetes_accepts_all_objects(release: list[Manifest], kubernetes_version: str) -> None:
    for manifest in release:
        if manifest["kind"] not in CHECKED_BY_NOBODY:
            kubernetes_validate.validate(manifest, kubernetes_version, strict=True)


def test_schema_check_finds_mistakes(releases: dict[str, list[Manifest]]) -> None:
    (deployment,) = deepcopy(select(releases["nothing more than required"], "Deployment"))
    deployment["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


def test_each_value_of_the_chart_changes_what_is_rendered(
    releases: dict[str, list[Manifest]],
) -> None:
    default = releases["nothing more than required"]
    for name, release in releases.items():
        assert (release == default) == (name == "nothing more than required"), name
    all_values = (REQUIRED, *OPTIONS.values())
    tried = {path for values in all_values for path in leaves(values)}
    offered = set(leaves(yaml.safe_load((CHART / "values.yaml").read_text())))
    assert {path for path in offered if not any(t[: len(path)] == path for t in tried)} == set()


def test_helm_finds_nothing_to_criticize() -> None:
    assert lint_chart(REQUIRED) == []


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"netbox": {"tokenSecret": {"name": "a"}}}, "netbox.url is missing"),
        ({"netbox": {"url": "https://n"}}, "netbox.tokenSecret.name is missing"),
        ({"temporal": {}}, "temporal.address is missing"),
        ({"webhook": {"enabled": True}}, "webhook.secret.name is missing"),
        ({"webhook": WEBHOOK | {"ingress": {"enabled": True}}}, "webhook.ingress.host is missing"),
    ],
)
def test_what_is_missing_is_named(missing: Manifest, sentence: str) -> None:
    with pytest.raises(ChartError, match=sentence):
        render_chart(REQUIRED | missing)


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 2},
        {"worker": {"replica": 2}},
        {"settings": {"FABRIC_SYNC_NETBOX_TOKEN": "nbt_a.b"}},
        {"settings": {"TEMPORAL_API_KEY": "secret"}},
        {"settings": {"FABRIC_SYNC_GRACEFUL_SHUTDOWN": "60"}},
        {"settings": {"FABRIC_SYNC_FLEET_INTERVAL": 30}},
        {"settings": {"PATH": "/opt"}},
        {"credentials": {"../netbox": {"secretName": "a"}}},
        {"sites": [{"name": "Oslo"}]},
    ],
)
def test_values_that_mean_nothing_or_have_a_place_of_their_own_are_refused(
    values: Manifest,
) -> None:
    with pytest.raises(ChartError, match="schema"):
        render_chart(REQUIRED | values)


def test_workers_run_without_privileges(release: list[Manifest]) -> None:
    assert pods(release)
    for pod in pods(release):
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert (security["runAsUser"], security["fsGroup"]) == (1000, 1000)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    for account in select(release, "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_workers_have_resources_and_no_limit_of_cpu(release: list[Manifest]) -> None:
    for pod in pods(release):
        resources = pod["containers"][0]["resources"]
        assert resources["requests"].keys() >= {"cpu", "memory", "ephemeral-storage"}
        assert resources["limits"].keys() == {"memory", "ephemeral-storage"}
        assert all(v["emptyDir"]["sizeLimit"] for v in pod["volumes"] if "emptyDir" in v)


def test_workers_end_themselves_before_they_are_killed(release: list[Manifest]) -> None:
    for pod in pods(release):
        graceful = float(variables(pod)["FABRIC_SYNC_GRACEFUL_SHUTDOWN"])
        assert pod["terminationGracePeriodSeconds"] > graceful + STOP_SECONDS


def test_worker_that_hangs_is_found_within_30_s(release: list[Manifest]) -> None:
    for pod in pods(release):
        container = pod["containers"][0]
        live = container["livenessProbe"]
        probing = live["periodSeconds"] * live["failureThreshold"] + live["timeoutSeconds"]
        assert MAX_SILENCE_SECONDS + probing <= 30
        for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
            assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}
        (port,) = (p["containerPort"] for p in container["ports"] if p["name"] == "metrics")
        assert variables(pod)["FABRIC_SYNC_METRICS_PORT"] == str(port)


def test_no_value_of_a_variable_is_a_secret(release: list[Manifest]) -> None:
    for pod in pods(release):
        for name, value in variables(pod).items():
            assert not name.endswith(("_TOKEN", "_SECRET", "_KEY", "_PASSWORD")), name
            if name.endswith("_FILE"):
                assert any(value.startswith(f"{path}/") for path in mounted_secrets(pod)), name


def test_selectors_meet_their_pods_only(release: list[Manifest]) -> None:
    selectors = [d["spec"]["selector"]["matchLabels"] for d in select(release, "Deployment")]
    for deployment in select(release, "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert sum(selector.items() <= labels.items() for selector in selectors) == 1
        assert deployment["metadata"]["namespace"] == "fabrics"


def test_sites_run_no_loops_and_have_the_secrets_of_their_fabrics_only() -> None:
    values = REQUIRED | OPTIONS["sites"] | OPTIONS["credentials"] | {"webhook": WEBHOOK}
    values |= OPTIONS["versioned workers"] | OPTIONS["notifications"]
    (release,) = render_chart(values)

    main, oslo, rio = pods(release)
    assert main["containers"][0]["args"] == ["fabric-sync-worker"]
    assert {"/etc/fabric-sync/webhook", "/etc/fabric-sync/notifications"} <= mounted_secrets(
        main
    ).keys()
    site = ["fabric-sync-worker", "--task-queue", "oslo", "--activities-only"]
    assert oslo["containers"][0]["args"] == site
    assert rio["containers"][0]["args"][2] == "Rio / 2"
    assert mounted_secrets(oslo) == {
        "/etc/fabric-sync/netbox": "fabric-sync-netbox",
        "/etc/fabric-sync/credentials/oslo-dc2": "oslo",
    }
    added = {
        *("WEBHOOK_HOST", "WEBHOOK_PORT", "WEBHOOK_SECRET_FILE", "NOTIFICATIONS_FILE"),
        *("DEPLOYMENT_NAME", "BUILD_ID"),
    }
    assert variables(main).keys() - variables(oslo).keys() == {f"FABRIC_SYNC_{n}" for n in added}
    assert [d["spec"]["replicas"] for d in select(release, "Deployment")] == [3, 1, 0]


def test_build_is_the_tag_of_the_image_unless_named(releases: dict[str, list[Manifest]]) -> None:
    (values,) = render_chart(REQUIRED | OPTIONS["image by tag"] | OPTIONS["versioned workers"])
    assert variables(pods(values)[0])["FABRIC_SYNC_BUILD_ID"] == "1.2.3"
    assert variables(pods(releases["another build"])[0])["FABRIC_SYNC_BUILD_ID"] == "b7"


def test_prometheus_finds_the_metrics_of_all_workers(
    releases: dict[str, list[Manifest]],
) -> None:
    release = releases["metrics for Prometheus"]
    (monitor,) = select(release, "ServiceMonitor")
    (service,) = select(release, "Service")

    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["interval"]) == ("metrics", "30s")
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "fabric-sync"}]
    assert monitor["metadata"]["labels"]["release"] == "p"
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    assert service["spec"]["ports"] == [{"name": "metrics", "port": 9000, "targetPort": "metrics"}]


def test_prometheus_gets_the_alert_rules(releases: dict[str, list[Manifest]]) -> None:
    (rule,) = select(releases["metrics for Prometheus"], "PrometheusRule")
    alerts = PROJECT / "deploy" / "monitoring" / "alerts.yaml"

    assert rule["spec"] == yaml.safe_load(alerts.read_text())
    assert rule["metadata"]["labels"]["release"] == "p"


def test_only_the_service_of_webhooks_reaches_their_port(
    releases: dict[str, list[Manifest]],
) -> None:
    _, service = select(releases["webhooks from outside"], "Service")
    (ingress,) = select(releases["webhooks from outside"], "Ingress")
    (rule,) = ingress["spec"]["rules"]

    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": service["metadata"]["name"], "port": {"name": "webhook"}}
    assert ingress["spec"]["tls"] == [{"hosts": ["sync.example.com"], "secretName": "sync-tls"}]
    assert service["spec"]["selector"]["app.kubernetes.io/component"] == "worker"
