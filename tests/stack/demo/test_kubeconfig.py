"""The demo's configuration for `kubectl`."""

from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient, Configuration, CustomObjectsApi
from kubernetes.config import load_kube_config

from stack.demo.kubeconfig import write_kubeconfig
from stack.kubernetes.emulator import kubernetes_emulator


def test_each_context_reaches_its_fabric(tmp_path: Path) -> None:
    with kubernetes_emulator() as oslo, kubernetes_emulator() as berlin:
        apis = {"oslo": oslo, "berlin": berlin}
        for name, api in apis.items():
            api.write_credential(tmp_path / name)
            api.apply(
                {
                    "apiVersion": "wiring.githedgehog.com/v1beta1",
                    "kind": "Server",
                    "metadata": {"name": f"server-of-{name}"},
                    "spec": {},
                }
            )
        file = tmp_path / "kubeconfig"
        write_kubeconfig(file, {name: api.server for name, api in apis.items()}, tmp_path)
        for name, api in apis.items():
            configuration = Configuration()
            load_kube_config(str(file), name, configuration)  # type: ignore[no-untyped-call]
            with ApiClient(configuration) as client:
                listed: Any = CustomObjectsApi(client).list_cluster_custom_object(
                    "wiring.githedgehog.com", "v1beta1", "servers"
                )
            assert [item["metadata"]["name"] for item in listed["items"]] == [f"server-of-{name}"]
            assert api.auth.token not in file.read_text()
