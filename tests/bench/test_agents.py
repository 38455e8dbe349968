"""The benchmark of agents reads a healthy fabric that is cabled as stated."""

from pathlib import Path

from bench.agents import CREDENTIAL, make_cabled_fabric, measure
from fabrics.record.config import KubernetesTarget
from settings import Settings
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import kubernetes_emulator


def test_every_reading_has_the_facts_of_all_switches(tmp_path: Path) -> None:
    settings = Settings(credentials_dir=tmp_path, connect_timeout=20, read_timeout=20)
    with kubernetes_emulator() as api:
        api.write_credential(tmp_path / CREDENTIAL)
        api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
        api.apply_all([*make_cabled_fabric(switches=3, ports=4)])
        api.run_agents()
        target = KubernetesTarget(server=api.server, namespace="default", credential=CREDENTIAL)
        costs = measure(target, settings, readings=1)
    assert costs["read_switches"] == 3
    assert costs.keys() >= {"cpu_ms", "memory_mb"}
