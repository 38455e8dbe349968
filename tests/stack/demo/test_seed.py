"""What the demo puts into its services."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
import urllib3

from stack.demo.fabrics import SAMPLE_FABRICS
from stack.demo.seed import start_kubernetes_apis

OSLO = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2")


@pytest.mark.skipif(
    "KUBEBUILDER_ASSETS" in os.environ, reason="no agents write to the real API server"
)
def test_credential_of_the_demo_may_read_agents(tmp_path: Path) -> None:
    with ExitStack() as exits:
        servers = start_kubernetes_apis([OSLO], tmp_path, exits)
        credential = tmp_path / OSLO.name
        headers = {"Authorization": f"Bearer {(credential / 'token').read_text()}"}
        manager = urllib3.PoolManager(ca_cert_data=(credential / "ca.crt").read_text())
        path = "/apis/agent.githedgehog.com/v1beta1/namespaces/default/agents"
        agents = exits.enter_context(manager).request(
            "GET", servers[OSLO.name] + path, headers=headers
        )
        generations = {
            item["metadata"]["name"]: item["metadata"]["generation"]
            for item in agents.json()["items"]
        }
    assert generations == {
        "leaf-01": 1,
        "leaf-02": 1,
        "leaf-03": 2,
        "spine-01": 1,
        "spine-02": 1,
    }
